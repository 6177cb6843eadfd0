#include <set>

#include <doctest/doctest.h>

#include <lms/repository.hpp>

#include "api/races.hpp"
#include "http/idempotency.hpp"

using namespace lms;
using http::Method;
using test::Answered;
using test::ask_with;
using test::School;

namespace {

Answered send(School& school, const std::string& path, const Value& body, const std::string& token,
              const std::string& key) {
  return ask_with(school, Method::post, path, body, token, {{"Idempotency-Key", key}});
}

bool is_replayed(const Answered& answered) {
  const std::string* field = answered.headers.find("Idempotent-Replayed");
  return field && *field == "true";
}

std::size_t kept(School& school) {
  return school.lms.storage().read([](UnitOfWork& uow) { return Repository<IdempotentAnswer>(uow).count({}); });
}

}  // namespace

TEST_CASE("what is sent again with its key is made once") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string tom = school.signed_in("tom@example.org", role::instructor);
  const Value wish = Object{{"title", "Knots"}};
  const Answered first = send(school, "/courses", wish, ines, "a");
  const Answered again = send(school, "/courses", wish, ines, "\"a\"");
  REQUIRE(first.status == 201);
  CHECK_FALSE(is_replayed(first));
  CHECK(again.status == 201);
  CHECK(is_replayed(again));
  CHECK(again.body == first.body);
  CHECK(*again.headers.find("Location") == *first.headers.find("Location"));
  CHECK(*again.headers.find("Content-Type") == "application/json");
  CHECK(*again.headers.find("X-Request-ID") != *first.headers.find("X-Request-ID"));
  CHECK(again.headers.count("Cache-Control") == 1);
  CHECK(school.get("/courses", ines).number("total") == 1);

  const Answered other = send(school, "/courses", Object{{"title", "Bends"}}, ines, "a");
  CHECK(other.status == 422);
  CHECK(other.code() == "idempotency_key_reused");
  CHECK(send(school, "/courses/" + first.text("id") + "/lessons", wish, ines, "a").code() == "idempotency_key_reused");
  CHECK(send(school, "/courses", wish, tom, "a").status == 201);
  CHECK(school.get("/courses", ines).number("total") == 1);
}

TEST_CASE("each way to make something takes a key") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string ada = school.signed_in("ada@example.org");
  int keys = 0;
  const auto once = [&](const std::string& path, const Value& body, const std::string& token) {
    CAPTURE(path);
    const std::string key = "key " + std::to_string(++keys);
    const Answered first = send(school, path, body, token, key);
    const Answered again = send(school, path, body, token, key);
    REQUIRE(first.status == 201);
    CHECK(is_replayed(again));
    CHECK(again.body == first.body);
    return first.text("id");
  };
  const std::string course = "/courses/" + once("/courses", Object{{"title", "Knots"}}, admin);
  once(course + "/sections", Object{{"title", "First"}}, admin);
  once(course + "/lessons", Object{{"title", "Bends"}, {"content", "Read."}}, admin);
  const std::string quiz = "/quizzes/" + once(course + "/quizzes", Object{{"title", "Quiz"}}, admin);
  once(quiz + "/questions", Object{{"kind", "true_false"}, {"text", "It holds."}, {"answer", true}}, admin);
  school.post(course + "/publish", {}, admin);
  once("/enrollments", Object{{"course_id", course.substr(9)}}, ada);
  const Answered attempt = send(school, quiz + "/attempts", {}, ada, "attempt");
  REQUIRE(attempt.status == 201);
  CHECK(is_replayed(send(school, quiz + "/attempts", {}, ada, "attempt")));
  once("/users", Object{{"email", "eve@example.org"}, {"password", School::password}, {"full_name", "Eve"}}, admin);
  once("/courses/import",
       parse_json(R"({"format": "lms-course", "version": 1, "course": {"title": "Bends"}, "sections": []})"), admin);
  CHECK(school.get("/courses", admin).number("total") == 2);
}

TEST_CASE("every operation that makes something takes a key, but for those whose answer no one may keep") {
  School school;
  const std::set<std::string> exempt{"register", "createAccessToken"};
  for (const auto& route : school.lms.router().routes()) {
    CAPTURE(route->operation);
    const bool makes = route->method == Method::post && route->status == 201;
    CHECK(route->takes_idempotency_key == (makes && !exempt.contains(route->operation)));
    if (route->path.find("/auth/") != std::string::npos) CHECK_FALSE(route->takes_idempotency_key);
  }
}

TEST_CASE("answers about who somebody is are never stored") {
  School school;
  school.signed_in("ada@example.org");
  const Value credentials = Object{{"email", "ada@example.org"}, {"password", School::password}};
  const Answered first = send(school, "/auth/login", credentials, {}, "a");
  const Answered again = send(school, "/auth/login", credentials, {}, "a");
  CHECK(first.status == 200);
  CHECK(again.status == 200);
  CHECK(again.text("access_token") != first.text("access_token"));
  CHECK(kept(school) == 0);
}

TEST_CASE("a key that is none is refused, to those who may know") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const Value wish = Object{{"title", "Knots"}};
  for (const std::string& key : {std::string(), std::string("\"\""), std::string(256, 'k'), std::string("a\x01"),
                                 std::string("\"open"), std::string("\xc3\xa9")}) {
    const Answered refused = send(school, "/courses", wish, ines, key);
    CHECK(refused.status == 400);
    CHECK(refused.code() == "invalid_idempotency_key");
  }
  const Answered twice =
      ask_with(school, Method::post, "/courses", wish, ines, {{"Idempotency-Key", "a"}, {"Idempotency-Key", "b"}});
  CHECK(twice.code() == "invalid_idempotency_key");
  CHECK(send(school, "/courses", wish, ada, "").status == 403);
  CHECK(send(school, "/courses", wish, {}, "").status == 401);
  CHECK(send(school, "/courses", Object{{"title", 1}}, ines, "a").status == 422);
  CHECK(send(school, "/courses", wish, ines, "a").status == 201);  // what could not be read took no key
  CHECK(school.get("/courses", ines).number("total") == 1);
}

TEST_CASE("a refusal is given again, and shown only to those who still may call") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const Value wish = Object{{"title", "Knots"}, {"slug", "knots"}};
  CHECK(send(school, "/courses", wish, ines, "a").status == 201);
  const Answered taken = send(school, "/courses", wish, ines, "b");
  CHECK(taken.code() == "slug_taken");
  school.patch("/courses/knots", Object{{"slug", "bends"}}, ines);
  const Answered again = send(school, "/courses", wish, ines, "b");
  CHECK(again.code() == "slug_taken");
  CHECK(is_replayed(again));
  const std::string id = school.get("/users/me", ines).text("id");
  school.put("/users/" + id + "/role", Object{{"role", "student"}}, admin);
  CHECK_FALSE(is_replayed(send(school, "/courses", wish, ines, "a")));
}

TEST_CASE("what has expired is removed when the house is kept") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  send(school, "/courses", Object{{"title", "Knots"}}, ines, "a");
  CHECK(kept(school) == 1);
  school.lms.storage().write([&](UnitOfWork& uow) { school.lms.jobs().enqueue(uow, "housekeeping", {}); });
  const auto keep_house = [&] { school.do_jobs(); };
  keep_house();
  CHECK(kept(school) == 1);
  school.clock->advance(std::chrono::hours{24} + std::chrono::seconds{1});
  keep_house();
  CHECK(kept(school) == 0);
}

TEST_CASE("of requests with one key that race in memory, one has its effect") {
  CHECK(test::doubled_effects(nullptr, 10) == 0);
}
