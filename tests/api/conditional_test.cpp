#include <doctest/doctest.h>

#include <lms/testing/run_twice_storage.hpp>

#include "api/races.hpp"

using namespace lms;
using http::Method;
using test::Answered;
using test::ask_with;
using test::etag_of;
using test::School;

namespace {

/// A school with one of everything that has an entity tag and can be changed.
struct Term {
  Answered change(Method method, const std::string& path, const Value& body, const std::string& token,
                  const std::string& if_match) {
    return ask_with(school, method, path, body, token, {{"If-Match", if_match}});
  }
  std::string add(const std::string& to, const Value& what) {
    const Answered added = school.post(to, what, ines);
    REQUIRE(added.status == 201);
    return added.text("id");
  }

  School school;
  std::string admin = school.signed_in("head@example.org", role::admin);
  std::string ines = school.signed_in("ines@example.org", role::instructor);
  std::string ada = school.signed_in("ada@example.org");
  std::string course = "/courses/" + school.published_course(ines)["id"].as_string();
  std::string section = "/sections/" + add(course + "/sections", Object{{"title", "First"}});
  std::string lesson = "/lessons/" + add(course + "/lessons", Object{{"title", "Bends"}, {"content", "Read *me*."}});
  std::string quiz = "/quizzes/" + add(course + "/quizzes", Object{{"title", "Knots"}});
  std::string question =
      "/questions/" + add(quiz + "/questions", Object{{"kind", "true_false"}, {"text", "It holds."}, {"answer", true}});
  std::string enrollment =
      "/enrollments/" + school.post("/enrollments", Object{{"course_id", course.substr(9)}}, ada).text("id");
  std::string user = "/users/" + school.get("/users/me", ada).text("id");
};

}  // namespace

TEST_CASE("a single thing has an entity tag, which spares those who know it the body") {
  Term term;
  School& school = term.school;
  for (const std::string& path : {term.course, term.section, term.lesson, term.quiz, term.question, term.enrollment,
                                  term.user, std::string("/users/me")}) {
    CAPTURE(path);
    const Answered first = school.get(path, term.admin);
    REQUIRE(first.status == 200);
    const std::string tag = etag_of(first);
    CHECK(tag.size() == 34);
    CHECK(etag_of(school.get(path, term.admin)) == tag);
    for (const auto& [method, known] : std::vector<std::pair<Method, std::string>>{{Method::get, tag},
                                                                                   {Method::head, tag},
                                                                                   {Method::get, "W/" + tag},
                                                                                   {Method::get, "*"},
                                                                                   {Method::get, "\"x\", " + tag}}) {
      const Answered again = ask_with(school, method, path, {}, term.admin, {{"If-None-Match", known}});
      CHECK(again.status == 304);
      CHECK(again.body.is_null());
      CHECK(etag_of(again) == tag);
      CHECK(again.headers.find("Content-Type") == nullptr);
      CHECK(*again.headers.find("Cache-Control") == *first.headers.find("Cache-Control"));
    }
    CHECK(ask_with(school, Method::get, path, {}, term.admin, {{"If-None-Match", "\"x\""}}).status == 200);
    CHECK(ask_with(school, Method::get, path, {}, term.admin, {{"If-Match", tag}}).status == 200);
    CHECK(ask_with(school, Method::get, path, {}, term.admin, {{"If-Match", "\"x\""}}).code() == "precondition_failed");
  }
  CHECK(etag_of(school.get("/enrollments", term.ada)).empty());
  CHECK(etag_of(school.get("/courses/none")).empty());
}

TEST_CASE("an answer that is kept keeps its tag") {
  Term term;
  for (const std::string& path : {term.course, std::string("/courses")}) {
    CAPTURE(path);
    const std::string tag = etag_of(term.school.get(path));
    CHECK_FALSE(tag.empty());
    CHECK(etag_of(term.school.get(path)) == tag);
    CHECK(ask_with(term.school, Method::get, path, {}, {}, {{"If-None-Match", tag}}).status == 304);
    CHECK(ask_with(term.school, Method::get, path, {}, {}, {{"If-Match", "\"x\""}}).status == 412);
    term.school.patch(term.course, Object{{"title", "Better knots"}}, term.ines);
    const Answered changed = ask_with(term.school, Method::get, path, {}, {}, {{"If-None-Match", tag}});
    CHECK(changed.status == 200);
    CHECK(etag_of(changed) != tag);
    term.school.patch(term.course, Object{{"title", "Knots"}}, term.ines);
  }
}

TEST_CASE("what was changed meanwhile is not changed by those who did not see it") {
  Term term;
  School& school = term.school;
  struct Change {
    std::string path, token;
    Value first, second;
  };
  const std::vector<Change> changes{{term.course, term.ines, Object{{"title", "One"}}, Object{{"title", "Two"}}},
                                    {term.section, term.ines, Object{{"title", "One"}}, Object{{"title", "Two"}}},
                                    {term.lesson, term.ines, Object{{"title", "One"}}, Object{{"title", "Two"}}},
                                    {term.quiz, term.ines, Object{{"title", "One"}}, Object{{"title", "Two"}}},
                                    {term.question, term.ines, Object{{"text", "One"}}, Object{{"text", "Two"}}},
                                    {"/users/me", term.ada, Object{{"bio", "One"}}, Object{{"bio", "Two"}}},
                                    {term.user, term.admin, Object{{"bio", "Three"}}, Object{{"bio", "Four"}}},
                                    {term.enrollment, term.admin, Object{{"expires_at", "2030-01-01T00:00:00Z"}},
                                     Object{{"expires_at", "2031-01-01T00:00:00Z"}}}};
  for (const Change& each : changes) {
    CAPTURE(each.path);
    const std::string seen = etag_of(school.get(each.path, each.token));
    CHECK(term.change(Method::patch, each.path, each.first, each.token, seen).status == 200);
    const Answered now = school.get(each.path, each.token);
    CHECK(etag_of(now) != seen);
    const Answered late = term.change(Method::patch, each.path, each.second, each.token, seen);
    CHECK(late.status == 412);
    CHECK(late.code() == "precondition_failed");
    CHECK(school.get(each.path, each.token).body == now.body);
    for (const std::string& strange : {std::string(), std::string("x"), std::string("W/") + etag_of(now),
                                       std::string("\"\""), std::string("*, ") + etag_of(now).substr(0, 5)})
      CHECK(term.change(Method::patch, each.path, each.second, each.token, strange).status == 412);
    CHECK(ask_with(school, Method::patch, each.path, each.second, each.token, {{"If-None-Match", "*"}}).status == 412);
    CHECK(school.get(each.path, each.token).body == now.body);
    CHECK(term.change(Method::patch, each.path, each.second, each.token, "\"x\", " + etag_of(now)).status == 200);
    CHECK(term.change(Method::patch, each.path, each.first, each.token, "*").status == 200);
  }
}

TEST_CASE("what was changed meanwhile is not removed") {
  Term term;
  School& school = term.school;
  for (const std::string& path : {term.question, term.quiz, term.lesson, term.section, term.enrollment}) {
    CAPTURE(path);
    const std::string& who = path == term.enrollment ? term.ada : term.ines;
    CHECK(term.change(Method::del, path, {}, who, "\"x\"").status == 412);
    CHECK(school.get(path, who).status == 200);
    CHECK(term.change(Method::del, path, {}, who, etag_of(school.get(path, who))).status == 204);
  }
  const std::string course = "/courses/" + term.add("/courses", Object{{"title", "Another"}});
  CHECK(term.change(Method::del, course, {}, term.admin, "\"x\"").status == 412);
  CHECK(term.change(Method::del, course, {}, term.admin, etag_of(school.get(course, term.admin))).status == 204);
  CHECK(term.change(Method::del, course, {}, term.admin, "*").status == 404);
}

TEST_CASE("If-Match comes after every other refusal, and gives nothing away") {
  Term term;
  School& school = term.school;
  const std::string nothing = "/courses/01980000-0000-7000-8000-000000000000";
  CHECK(term.change(Method::patch, term.course, Object{{"title", "X"}}, {}, "*").status == 401);
  CHECK(term.change(Method::patch, term.course, Object{{"title", "X"}}, term.ada, "*").status == 403);
  CHECK(term.change(Method::patch, term.course, Object{{"title", 1}}, term.ines, "\"x\"").status == 422);
  CHECK(term.change(Method::patch, nothing, Object{{"title", "X"}}, term.ines, "\"x\"").status == 404);
  CHECK(
      term.change(Method::patch, "/users/me", Object{{"bio", "X"}}, term.ada, etag_of(school.get(term.user, term.ada)))
          .status == 200);
}

TEST_CASE("where nothing has a tag If-Match is refused before anything is done") {
  Term term;
  School& school = term.school;
  CHECK(term.change(Method::put, term.user + "/role", Object{{"role", "instructor"}}, term.admin, "*").status == 412);
  CHECK(school.get(term.user, term.admin).text("role") == "student");
  const auto sign_in = [&](const char* password, http::Headers headers) {
    return ask_with(school, Method::post, "/auth/login", Object{{"email", "ada@example.org"}, {"password", password}},
                    {}, std::move(headers));
  };
  CHECK(sign_in(School::password, {{"If-Match", "*"}}).status == 412);
  CHECK(sign_in("a wrong one, surely", {{"If-Match", "*"}}).status == 412);
  CHECK(sign_in(School::password, {{"If-None-Match", "*"}}).status == 200);
}

TEST_CASE("a course's version and its entity tag are two ways to say the same") {
  Term term;
  const Answered seen = term.school.get(term.course, term.ines);
  const Value version = seen.body["version"];
  const auto both = [&](const char* title, const Value& known, const std::string& tag) {
    return term.change(Method::patch, term.course, Object{{"title", title}, {"version", known}}, term.ines, tag);
  };
  CHECK(both("One", version.as_integer() - 1, etag_of(seen)).code() == "stale_version");
  CHECK(both("One", version, "\"x\"").code() == "precondition_failed");
  CHECK(both("One", version, etag_of(seen)).number("version") == version.as_integer() + 1);
}

TEST_CASE("what a change is provided on is looked at again when its transaction runs again") {
  School school(School::quick_settings(), std::make_shared<testing::RunTwiceStorage>(open_memory_storage()));
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string course = "/courses/" + school.published_course(ines)["id"].as_string();
  const auto change = [&](const std::string& tag) {
    return ask_with(school, Method::patch, course, Object{{"title", "X"}}, ines, {{"If-Match", tag}}).status;
  };
  const std::string tag = etag_of(school.get(course, ines));
  CHECK(change(tag) == 200);
  CHECK(change(tag) == 412);
}

TEST_CASE("no update is lost in memory") {
  CHECK(test::lost_updates(nullptr, 10) == 0);
}
