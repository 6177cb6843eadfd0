#include <doctest/doctest.h>

#include <lms/testing/faulty_storage.hpp>
#include <lms/testing/run_twice_storage.hpp>

#include "support/person.hpp"
#include "support/traces.hpp"

using namespace lms;
using lms::test::Answered;
using lms::test::Person;
using lms::test::person_in;
using lms::test::School;
using lms::test::tables_with;

namespace {

std::string read_all(http::BodySource& source) {
  std::string text;
  std::array<char, 7> buffer;  // so that pieces are cut anywhere
  while (const std::size_t count = source.read(buffer)) text.append(buffer.data(), count);
  return text;
}

http::Response ask_export(School& school, const std::string& id, const std::string& token) {
  http::Request request;
  request.target = "/api/v1/users/" + id + "/export";
  request.headers = {{"Host", "localhost"}, {"Authorization", "Bearer " + token}};
  request.peer = "127.0.0.1";
  return school.lms.handle(std::move(request));
}

Value exported(School& school, const std::string& id, const std::string& token) {
  http::Response response = ask_export(school, id, token);
  REQUIRE(response.status == 200);
  return parse_json(read_all(*std::get<std::unique_ptr<http::BodySource>>(response.body)));
}

void drain(School& school) {
  school.clock->advance(std::chrono::seconds{10});
  school.do_jobs();
}

}  // namespace

TEST_CASE("what the school holds about a person is one document") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  school.signed_in("other@example.org");
  const Person person = person_in(school, admin);
  const Value document = exported(school, person.id, person.token);

  CHECK(document["format"] == Value("lms-person"));
  CHECK(document["account"]["email"] == Value(Person::email));
  CHECK(document["account"]["bio"] == Value(Person::bio));
  CHECK(document["sessions"].as_array().at(0)["address"] == Value("198.51.100.77"));
  const Value enrollment = document["enrollments"].as_array().at(0);
  CHECK(enrollment["course_title"] == Value("Knots"));
  CHECK(enrollment["lessons"].as_array().at(0)["lesson_title"] == Value("Lesson 1"));
  CHECK(enrollment["lessons"].as_array().at(0)["completed"] == Value(true));
  const Value attempt = document["attempts"].as_array().at(0);
  CHECK(attempt["quiz_title"] == Value("Words"));
  CHECK(attempt["questions"].as_array().at(0)["text"] == Value("Who wrote this?"));
  CHECK(attempt["questions"].as_array().at(0)["answer"] == Value(Person::essay));
  CHECK(attempt["questions"].as_array().at(0)["key"].is_null());
  CHECK(document["certificates"].as_array().at(0)["student_name"] == Value(Person::name));
  CHECK(document["courses_taught"].as_array().empty());
  std::vector<std::string> types;
  for (const Value& event : document["events"].as_array()) types.push_back(event["type"].as_string());
  for (const char* type : {"user.registered", "user.logged_in", "user.updated", "enrollment.created",
                           "quiz_attempt.submitted", "certificate.issued"})
    CHECK(std::count(types.begin(), types.end(), type) == 1);

  const std::string text = to_json(document);
  for (const char* secret : {"password_hash", "$argon2id", "refresh_jti", "other@example.org", "head@example.org"})
    CHECK(text.find(secret) == std::string::npos);
}

TEST_CASE("an export is for the person and for those who manage users, and is audited") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string eve = school.signed_in("eve@example.org");
  const std::string ada = school.signed_in("ada@example.org");
  const std::string id = school.get("/users/me", ada).text("id");
  CHECK(ask_export(school, id, eve).status == 403);
  CHECK(ask_export(school, Uuid().text(), admin).status == 404);
  http::Response response = ask_export(school, id, admin);
  CHECK(response.status == 200);
  CHECK(*response.headers.find("Content-Disposition") == "attachment; filename=\"person-" + id + ".json\"");
  const auto rows = school.get("/admin/audit?action=user.exported", admin);
  CHECK(rows.number("total") == 1);
  CHECK(rows.body["items"].as_array()[0]["subject"] == Value(id));
  CHECK(rows.body["items"].as_array()[0]["actor"] == Value(school.get("/users/me", admin).text("id")));
}

TEST_CASE("long lists are exported whole") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string ada = school.signed_in("ada@example.org");
  const std::string id = school.get("/users/me", ada).text("id");
  for (int i = 0; i < 450; ++i) school.patch("/users/me", Object{{"bio", std::to_string(i)}}, ada);
  const Value document = exported(school, id, admin);
  std::size_t updates = 0;
  for (const Value& event : document["events"].as_array()) updates += event["type"] == Value("user.updated") ? 1 : 0;
  CHECK(updates == 450);
}

TEST_CASE("after an erasure no table holds a name, an address or a word of the person's") {
  School school(School::quick_settings(), std::make_shared<testing::RunTwiceStorage>(open_memory_storage()));
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const Person person = person_in(school, admin);
  const std::vector<std::string> before = tables_with(school.lms.storage(), Person::traces());
  CHECK(before == std::vector<std::string>{"users", "sessions", "access_tokens", "attempts", "certificates", "events",
                                           "jobs", "idempotent_answers"});
  const auto score = school.get("/attempts/" + person.attempt, admin).body["score"];
  const std::size_t events = school.lms.events().after(Principal::system(), {.limit = 1'000}).size();

  const auto erased = school.post("/users/" + person.id + "/erase", {}, admin);
  CHECK(erased.status == 202);
  CHECK(erased.text("certificates") == "revoke");

  // At once: the account, its sessions, what was counted under its address.
  CHECK(school.get("/users/me", person.token).status == 401);
  const auto account = school.get("/users/" + person.id, admin);
  CHECK(account.text("full_name") == "Erased user");
  CHECK(account.text("email") == "erased-" + person.id + "@erased.invalid");
  CHECK(account.text("bio").empty());
  CHECK(account.body["is_active"] == Value(false));
  CHECK(account.body["erased_at"].is_string());
  CHECK(school.get("/users?q=zuleika", admin).number("total") == 0);
  CHECK(school.get("/users?is_active=false", admin).number("total") == 1);
  CHECK(tables_with(school.lms.storage(), {Person::name}) == std::vector<std::string>{"certificates", "events"});

  drain(school);
  CHECK(tables_with(school.lms.storage(), Person::traces()).empty());
  CHECK(tables_with(school.lms.storage(), {"$argon2id"}) == std::vector<std::string>{"users"});  // the admin's

  CHECK(ask_with(
            school, http::Method::post, "/users",
            Object{{"email", Person::first_email}, {"password", School::password}, {"full_name", Person::first_name}},
            admin, {{"Idempotency-Key", Person::idempotency_key}})
            .code() == "idempotency_answer_gone");

  // What the school counts by stays.
  CHECK(school.get("/attempts/" + person.attempt, admin).body["score"] == score);
  CHECK(school.get("/enrollments?student_id=" + person.id, admin).number("total") == 1);
  const auto verified = school.get("/certificates/verify/" + person.certificate_code);
  CHECK(verified.body["valid"] == Value(false));
  CHECK(verified.text("student_name") == "Erased user");
  const auto log = school.lms.events().after(Principal::system(), {.limit = 1'000});
  CHECK(log.size() == events + 2);
  CHECK(log[events].type == "user.erased");
  CHECK(to_json(log[events].data) == R"({"user_id":")" + person.id + R"("})");
  CHECK(log[events + 1].type == "certificate.revoked");
  CHECK(school.lms.audit().verify(Principal::system()).intact);
  CHECK(school.get("/admin/audit?action=user.erased", admin).number("total") == 1);
}

TEST_CASE("nobody is mailed any more once they are erased") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const Person person = person_in(school, admin);
  drain(school);
  const std::size_t sent = school.mailer->mails().size();
  school.post("/auth/request-password-reset", Object{{"email", Person::email}});
  school.post("/users/" + person.id + "/erase", {}, admin);
  drain(school);
  CHECK(school.mailer->mails().size() == sent);
}

TEST_CASE("certificates can be kept, with their name") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const Person person = person_in(school, admin);
  school.post("/users/" + person.id + "/erase", Object{{"certificates", "keep"}}, admin);
  drain(school);
  CHECK(tables_with(school.lms.storage(), Person::traces()) == std::vector<std::string>{"certificates"});
  const auto verified = school.get("/certificates/verify/" + person.certificate_code);
  CHECK(verified.body["valid"] == Value(true));
  CHECK(verified.text("student_name") == Person::name);

  // And go later, if they shall.
  CHECK(school.post("/users/" + person.id + "/erase", Object{{"certificates", "revoke"}}, admin).status == 202);
  drain(school);
  CHECK(tables_with(school.lms.storage(), Person::traces()).empty());
}

TEST_CASE("an erased account stays as it is") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  school.signed_in("ada@example.org");
  const std::string id = school.lms.users().find_by_email(Principal::system(), "ada@example.org")->id.text();
  const std::string path = "/users/" + id;
  REQUIRE(school.post(path + "/erase", {}, admin).status == 202);
  CHECK(school.patch(path, Object{{"is_active", true}}, admin).code() == "account_erased");
  CHECK(school.patch(path, Object{{"full_name", "Ada"}}, admin).code() == "account_erased");
  CHECK(school.put(path + "/role", Object{{"role", "admin"}}, admin).code() == "account_erased");
  CHECK(school.post(path + "/invite", {}, admin).status >= 400);
  const std::string file = "email,full_name,role\nerased-" + id + "@erased.invalid,Ada,admin\n";
  const auto report = school.lms.user_imports().run(Principal::system(), file, {.update = true});
  CHECK(report.rows.at(0).outcome == ImportOutcome::invalid);
  CHECK(school.get(path, admin).text("full_name") == "Erased user");
  // The address is free again.
  CHECK(school
            .post("/users",
                  Object{{"email", "ada@example.org"}, {"password", School::password}, {"full_name", "New Ada"}}, admin)
            .status == 201);
}

TEST_CASE("who may erase whom") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string teacher = school.signed_in("tom@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const std::string ada_id = school.get("/users/me", ada).text("id");
  const std::string admin_id = school.get("/users/me", admin).text("id");
  CHECK(school.post("/users/" + ada_id + "/erase", {}, teacher).status == 403);
  CHECK(school.post("/users/" + ada_id + "/erase", {}, ada).status == 403);
  CHECK(school.post("/users/" + Uuid().text() + "/erase", {}, admin).status == 404);
  CHECK(school.post("/users/" + admin_id + "/erase", {}, admin).code() == "own_account");
  CHECK(school.post("/users/me/erase", Object{{"password", School::password}}, admin).code() == "last_admin");
  CHECK_THROWS_WITH_AS(school.lms.personal_data().erase(Principal::system(), UserId::parse(admin_id).value()),
                       "The school would be left without an admin.", Error);
  CHECK(school.get("/users/me", admin).status == 200);

  CHECK(school.post("/users/me/erase", Object{{"password", "wrong"}}, ada).status == 422);
  CHECK(school.post("/users/me/erase", {}, ada).status == 422);
  CHECK(school.get("/users/me", ada).status == 200);
  CHECK(school.post("/users/me/erase", Object{{"password", School::password}}, ada).status == 202);
  CHECK(school.get("/users/me", ada).status == 401);
  CHECK(school.post("/auth/login", Object{{"email", "ada@example.org"}, {"password", School::password}}).status == 401);
}

TEST_CASE("an erasure that is broken off anywhere is finished by the next try") {
  for (std::size_t n = 1;; ++n) {
    auto faulty = std::make_shared<testing::FaultyStorage>(open_memory_storage());
    School school(School::quick_settings(), faulty);
    const std::string admin = school.signed_in("head@example.org", role::admin);
    const Person person = person_in(school, admin);
    const Erasure erasure = school.lms.personal_data().erase(Principal::system(), UserId::parse(person.id).value());
    faulty->fail_at(n);
    try {
      school.lms.personal_data().finish(erasure);
    } catch (const Error& error) {
      CHECK(error.reason() == "storage_unavailable");
    }
    const bool failed = faulty->has_failed();
    faulty->heal();
    school.lms.personal_data().finish(erasure);
    CHECK(tables_with(school.lms.storage(), Person::traces()).empty());
    if (!failed) {
      CHECK(n > 5);
      break;
    }
  }
}

TEST_CASE("a host's own part is exported and erased with the others") {
  School school;
  school.signed_in("ada@example.org");
  const UserId ada = school.lms.users().find_by_email(Principal::system(), "ada@example.org")->id;
  std::vector<std::string> places;
  school.lms.personal_data().on_export("badges", [](UnitOfWork&, const User&, const std::string& after) {
    return PersonalData::Page{{Value("badge after " + after)}, after.empty() ? "1" : ""};
  });
  school.lms.personal_data().on_erasure([&](UnitOfWork&, const Erasure& erasure, const std::string& after) {
    CHECK(erasure.user_id == ada);
    places.push_back(after);
    return std::string(after.empty() ? "1" : "");
  });
  const auto source = school.lms.personal_data().export_person(Principal::system(), ada);
  CHECK(to_json(parse_json(read_all(*source))["badges"]) == R"(["badge after ","badge after 1"])");
  school.lms.personal_data().finish(school.lms.personal_data().erase(Principal::system(), ada));
  CHECK(places == std::vector<std::string>{"", "1"});
}

TEST_CASE("an export does not tell who else had a hand in something, and people get their own without an id") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string admin_id = school.get("/users/me", admin).text("id");
  const std::string id =
      school
          .post("/users", Object{{"email", "ada@example.org"}, {"full_name", "Ada"}, {"password", School::password}},
                admin)
          .text("id");
  school.put("/users/" + id + "/role", Object{{"role", "instructor"}}, admin);
  const std::string ada =
      school.post("/auth/login", Object{{"email", "ada@example.org"}, {"password", School::password}})
          .text("access_token");
  const Value document = exported(school, "me", ada);
  CHECK(document["account"]["id"] == Value(id));
  const Array events = document["events"].as_array();
  REQUIRE(events.size() == 3);
  CHECK(events[0]["type"] == Value("user.registered"));
  CHECK(events[0]["by_you"] == Value(false));
  CHECK(events[2]["type"] == Value("user.logged_in"));
  CHECK(events[2]["by_you"] == Value(true));
  CHECK(to_json(document).find(admin_id) == std::string::npos);
}
