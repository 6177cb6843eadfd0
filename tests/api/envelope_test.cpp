#include <doctest/doctest.h>

#include "api/races.hpp"

using namespace lms;
using http::Method;
using test::Answered;
using test::ask_with;
using test::etag_of;
using test::School;

namespace {

Settings with_envelope() {
  Settings settings = School::quick_settings();
  settings.response_envelope = true;
  return settings;
}

/// What is in the envelope, which has to be one.
const Value& data_of(const Answered& answered) {
  REQUIRE(answered.body.is_object());
  CHECK(answered.body.as_object().size() == 3);
  CHECK(answered.body["success"] == Value(true));
  CHECK(answered.body["meta"] == Value(Object{{"status_code", answered.status}}));
  return answered.body["data"];
}

std::string signed_in(School& school, const std::string& email, std::string_view role) {
  school.lms.users().create(Principal::system(), {email, School::password, "Test", std::string(role)});
  const Answered login = school.post("/auth/login", Object{{"email", email}, {"password", School::password}});
  return data_of(login)["access_token"].as_string();
}

std::string course_path(const Value& course) {
  return "/courses/" + course["id"].as_string();
}

Answered ask_at_root(School& school, std::string path) {
  http::Request request;
  request.target = std::move(path);
  request.headers.add("Host", "localhost");
  request.peer = "127.0.0.1";
  return school.send(std::move(request));
}

bool is_bare(const Answered& answered) {
  return answered.status == 200 && answered.body.is_object() && !answered.body.as_object().contains("success");
}

}  // namespace

TEST_CASE("answers come in an envelope where the settings say so, errors never") {
  School school(with_envelope());
  const std::string ines = signed_in(school, "ines@example.org", role::instructor);
  const Answered made = school.post("/courses", Object{{"title", "Knots"}}, ines);
  CHECK(made.status == 201);
  CHECK(data_of(made)["title"] == Value("Knots"));
  CHECK(data_of(school.get("/courses", ines))["total"] == Value(1));

  const std::string path = course_path(data_of(made));
  for (const Answered& refused :
       {school.get("/nothing"), school.get("/users/me"), school.post("/courses", Object{{"nonsense", 1}}, ines)}) {
    CHECK(refused.status >= 400);
    CHECK_FALSE(refused.body.as_object().contains("success"));
    CHECK_FALSE(refused.code().empty());
  }
  const Answered lesson = school.post(path + "/lessons", Object{{"title", "Bends"}, {"content", "Read."}}, ines);
  const Answered removed = school.del("/lessons/" + data_of(lesson)["id"].as_string(), ines);
  CHECK(removed.status == 204);
  CHECK(removed.body.is_null());

  School plain;
  CHECK(is_bare(plain.get("/courses")));
}

TEST_CASE("files, probes and what is not of the API come without an envelope") {
  School school(with_envelope());
  const std::string ines = signed_in(school, "ines@example.org", role::instructor);
  const Value course = data_of(school.post("/courses", Object{{"title", "Knots"}}, ines));
  CHECK(is_bare(school.get(course_path(course) + "/export", ines)));
  CHECK(is_bare(school.get("/health")));
  CHECK(is_bare(school.get("/ready")));
  for (const char* path : {"/health", "/ready", "/docs/versions"}) {
    CAPTURE(path);
    CHECK(is_bare(ask_at_root(school, path)));
  }
}

TEST_CASE("an answer that is kept has the envelope and the entity tag of one that is made") {
  School school(with_envelope());
  const std::string ines = signed_in(school, "ines@example.org", role::instructor);
  const std::string path = course_path(data_of(school.post("/courses", Object{{"title", "Knots"}}, ines)));
  const Value lesson = Object{{"title", "Bends"}, {"content", "Read."}};
  REQUIRE(school.post(path + "/lessons", lesson, ines).status == 201);
  REQUIRE(school.post(path + "/publish", {}, ines).status == 200);
  const Answered made = school.get(path);
  const Answered kept = school.get(path);
  CHECK(data_of(made)["title"] == Value("Knots"));
  CHECK(kept.body == made.body);
  CHECK(etag_of(kept) == etag_of(made));
  CHECK(ask_with(school, Method::get, path, {}, {}, {{"If-None-Match", etag_of(made)}}).status == 304);
}

TEST_CASE("the entity tag of an answer in an envelope names what may be changed") {
  School school(with_envelope());
  const std::string ines = signed_in(school, "ines@example.org", role::instructor);
  const std::string path = course_path(data_of(school.post("/courses", Object{{"title", "Knots"}}, ines)));
  const std::string tag = etag_of(school.get(path, ines));
  REQUIRE_FALSE(tag.empty());
  CHECK(ask_with(school, Method::get, path, {}, ines, {{"If-None-Match", tag}}).status == 304);
  const auto rename = [&] {
    return ask_with(school, Method::patch, path, Object{{"title", "Bends"}}, ines, {{"If-Match", tag}});
  };
  CHECK(data_of(rename())["title"] == Value("Bends"));
  CHECK(rename().status == 412);
}

TEST_CASE("an answer that is given again has one envelope, or none once that was turned off") {
  const std::shared_ptr<Storage> storage = open_memory_storage();
  const auto make = [](School& school, const std::string& token) {
    return ask_with(school, Method::post, "/courses", Object{{"title", "Knots"}}, token, {{"Idempotency-Key", "a"}});
  };
  School school(with_envelope(), storage);
  const std::string ines = signed_in(school, "ines@example.org", role::instructor);
  const Answered first = make(school, ines);
  const Answered again = make(school, ines);
  CHECK(again.headers.find("Idempotent-Replayed"));
  CHECK(data_of(again)["title"] == Value("Knots"));
  CHECK(again.body == first.body);

  School plain(School::quick_settings(), storage);
  const Answered bare = make(plain, ines);
  CHECK(bare.headers.find("Idempotent-Replayed"));
  CHECK(bare.body == first.body["data"]);
}

TEST_CASE("OpenAPI describes the envelope where there is one") {
  const auto schema_in = [](const Value& document, const char* path) -> const Value& {
    return document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
  };
  const Value bare = parse_json(School().lms.openapi());
  const Value enveloped = parse_json(School(with_envelope()).lms.openapi());
  const char* course = "/api/v1/courses/{id}";
  const Value& members = schema_in(enveloped, course)["properties"];
  CHECK(members["success"]["const"] == Value(true));
  CHECK(members["data"] == schema_in(bare, course));
  CHECK(members["meta"]["properties"]["status_code"]["const"] == Value(200));
  for (const char* path : {"/health", "/api/v1/ready", "/api/v1/courses/{id}/export", "/api/v1/users/me/export"})
    CHECK_MESSAGE(schema_in(enveloped, path) == schema_in(bare, path), path);
}
