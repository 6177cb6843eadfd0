#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include <lms/repository.hpp>
#include <lms/totp.hpp>

#include "api.hpp"
#include "support/project_file.hpp"
#include "support/school.hpp"

namespace {

using namespace lms;
using test::Answered;
using test::School;

std::string id_of(School& school, const std::string& token) {
  return school.get("/users/me", token).text("id");
}

/// Newest first.
Array rows(School& school, const std::string& admin, const std::string& query = "") {
  return school.get("/admin/audit?page_size=100" + query, admin).body["items"].as_array();
}

/// The newest row of that action.
Value newest(School& school, const std::string& admin, const std::string& action) {
  return rows(school, admin, "&action=" + action).at(0);
}

/// A job that nobody does.
std::string stored_job(School& school, JobStatus status) {
  Job job;
  job.id = JobId(school.lms.random().uuid(school.clock->now()));
  job.kind = "forgotten";
  job.status = status;
  school.lms.storage().write([&](UnitOfWork& uow) { Repository<Job>(uow).insert(job); });
  return job.id.text();
}

/// For everything that can be audited, and the time it takes.
Settings patient_settings() {
  Settings settings = School::quick_settings();
  settings.encryption_keys = {"cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="};
  settings.access_token_lifetime = std::chrono::hours{1};
  return settings;
}

/// What there is to audit of signing in.
void sign_in_and_out(School& school, const std::string& admin) {
  const auto ok = [](const Answered& answered) { CHECK(answered.status / 100 == 2); };
  constexpr const char* address = "kim@example.org";
  std::string password = School::password;
  const auto sign_in = [&](const std::string& given) {
    return school.post("/auth/login", Object{{"email", address}, {"password", given}});
  };
  std::string kim = school.signed_in(address);
  const std::string id = id_of(school, kim);

  const Value exchanged = Object{{"refresh_token", sign_in(password).text("refresh_token")}};
  ok(school.post("/auth/refresh", exchanged));
  CHECK(school.post("/auth/refresh", exchanged).status == 401);
  ok(school.post("/auth/change-email", Object{{"new_email", "kim@example.net"}, {"password", password}}, kim));
  ok(school.post("/auth/verify-email", Object{{"token", school.mailed_token()}}));
  ok(school.post("/auth/change-email", Object{{"new_email", address}, {"password", password}}, kim));
  ok(school.post("/auth/verify-email", Object{{"token", school.mailed_token()}}));

  ok(school.post("/auth/change-email", Object{{"new_email", "kim@example.net"}, {"password", password}}, kim));
  ok(school.del("/auth/change-email", kim));

  const auto set_up = [&] {
    const Answered setup = school.post("/auth/setup-mfa", Object{{"password", password}}, kim);
    ok(setup);
    school.clock->advance(std::chrono::seconds{30});
    return setup.text("secret");
  };
  const auto code = [&](const std::string& secret) { return totp::code(secret, totp::step_at(school.clock->now())); };
  std::string secret = set_up();
  CHECK(school.post("/auth/verify-mfa-setup", Object{{"code", "000000"}}, kim).status == 422);
  ok(school.post("/auth/verify-mfa-setup", Object{{"code", code(secret)}}, kim));
  school.clock->advance(std::chrono::seconds{30});
  ok(school.post("/auth/recovery-codes", Object{{"password", password}, {"code", code(secret)}}, kim));
  school.clock->advance(std::chrono::seconds{30});
  ok(school.post("/auth/disable-mfa", Object{{"password", password}, {"code", code(secret)}}, kim));
  secret = set_up();
  ok(school.post("/auth/verify-mfa-setup", Object{{"code", code(secret)}}, kim));
  ok(school.del("/users/" + id + "/mfa", admin));

  kim = sign_in(password).text("access_token");
  CHECK(school.post("/auth/setup-mfa", Object{{"password", "not this one"}}, kim).status == 422);
  ok(school.post("/auth/change-password",
                 Object{{"current_password", password}, {"new_password", "a new battery, correct"}}, kim));
  ok(school.post("/auth/logout-all", {}, kim));
  school.clock->advance(std::chrono::minutes{2});
  ok(school.post("/auth/request-password-reset", Object{{"email", address}}));
  ok(school.post("/auth/reset-password", Object{{"token", school.mailed_token()}, {"new_password", password}}));
  for (int i = 0; i < 5; ++i) CHECK(sign_in("not this one").status == 401);
  ok(school.post(std::string("/auth/unlock-account/") + address, {}, admin));

  const Answered invited = school.post("/users", Object{{"email", "lee@example.org"}, {"full_name", "Lee"}}, admin);
  ok(school.post("/users/" + invited.text("id") + "/invite", {}, admin));
  ok(school.put("/users/" + invited.text("id") + "/email", Object{{"new_email", "leigh@example.org"}}, admin));
  sign_in(password);
  ok(school.del("/users/" + id + "/sessions", admin));
}

/// Does everything that is audited, once at least.
void do_everything(School& school, const std::string& admin) {
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const std::string ada_id = id_of(school, ada);
  const auto ok = [](const Answered& answered) { CHECK(answered.status / 100 == 2); };

  ok(school.patch("/users/me", Object{{"full_name", "Ada Lovelace"}}, ada));
  ok(school.patch("/users/" + ada_id, Object{{"is_active", false}, {"bio", "Likes engines."}}, admin));
  ok(school.patch("/users/" + ada_id, Object{{"is_active", true}}, admin));
  ok(school.put("/users/" + ada_id + "/role", Object{{"role", "instructor"}}, admin));
  const std::string eve = id_of(school, school.signed_in("eve@example.org"));
  ok(school.del("/users/" + eve, admin));

  const std::string knots = school.published_course(ines, "Knots", 2)["id"].as_string();
  ok(school.patch("/courses/" + knots, Object{{"instructor_id", ada_id}}, admin));
  const Value lessons = school.get("/courses/" + knots + "/lessons").body["items"];
  const std::string lesson = lessons.as_array()[0]["id"].as_string();
  ok(school.del("/lessons/" + lessons.as_array()[1]["id"].as_string(), admin));

  const std::string bob = school.signed_in("bob@example.org");
  const auto enrolled =
      school.post("/enrollments", Object{{"course_id", knots}, {"student_id", id_of(school, bob)}}, admin);
  ok(enrolled);
  const std::string enrollment = "/enrollments/" + enrolled.text("id");
  ok(school.patch(enrollment, Object{{"expires_at", "2027-01-01T00:00:00Z"}}, admin));
  ok(school.del(enrollment, admin));
  ok(school.post("/enrollments", Object{{"course_id", knots}}, bob));
  ok(school.put("/lessons/" + lesson + "/progress", Object{{"completed", true}}, bob));
  const std::string certificate = school.get("/certificates", bob).body["items"].as_array().at(0)["id"].as_string();
  ok(school.post("/certificates/" + certificate + "/revoke", Object{{"reason", "Somebody else sat there."}}, admin));

  const auto quiz = school.post("/courses/" + knots + "/quizzes", Object{{"title", "Did it hold?"}}, admin);
  ok(quiz);
  ok(school.patch("/quizzes/" + quiz.text("id"), Object{{"pass_percent", 90}}, admin));
  ok(school.del("/quizzes/" + quiz.text("id"), admin));
  ok(school.post("/courses/" + knots + "/archive", {}, admin));
  ok(school.del("/courses/" + school.published_course(admin, "Bends", 1)["id"].as_string(), admin));

  sign_in_and_out(school, admin);

  const auto token =
      school.post("/auth/tokens",
                  Object{{"name", "Reports"}, {"scopes", Array{"users:read"}}, {"password", School::password}}, admin);
  ok(token);
  ok(school.del("/auth/tokens/" + token.text("id"), admin));
  http::Request people;
  people.method = http::Method::post;
  people.target = "/api/v1/users/import";
  people.headers = {{"Host", "localhost"}, {"Authorization", "Bearer " + admin}, {"Content-Type", "text/csv"}};
  people.body = "email,full_name\nmia@example.org,Mia Sand\n";
  ok(school.send(std::move(people)));
  const auto mia = school.lms.users().find_by_email(Principal::system(), "mia@example.org");
  REQUIRE(mia);
  ok(school.get("/users/" + mia->id.text() + "/export", admin));
  ok(school.post("/users/" + mia->id.text() + "/erase", Object{}, admin));
  ok(school.post("/admin/jobs/" + stored_job(school, JobStatus::dead) + "/retry", {}, admin));
  ok(school.post("/admin/jobs/" + stored_job(school, JobStatus::waiting) + "/cancel", {}, admin));
}

}  // namespace

TEST_CASE("everything that is audited is in the log, in one chain, and a line of the security log each") {
  School school(patient_settings());
  const std::string admin = school.signed_in("head@example.org", role::admin);
  do_everything(school, admin);

  std::set<std::string> recorded, said, known;
  const Array all = rows(school, admin);
  for (const Value& row : all) recorded.insert(row["action"].as_string());
  for (const auto& line : school.log->lines())
    if (line.category == "security") said.insert(line.message);
  for (const AuditAction* action : audit_actions()) known.emplace(action->name);
  CHECK(recorded == known);
  CHECK(std::includes(said.begin(), said.end(), known.begin(), known.end()));

  const auto report = school.get("/admin/audit/verify", admin);
  CHECK(report.status == 200);
  CHECK(report.body["intact"] == Value(true));
  CHECK(report.number("rows") == static_cast<std::int64_t>(all.size()));
  CHECK(report.body["hash"] == all[0]["hash"]);
  CHECK(report.body["first_break"].is_null());
}

TEST_CASE("a row says from where and in which session a call came, and what changed") {
  Settings settings = School::quick_settings();
  settings.trusted_proxies = {"127.0.0.1"};
  School school(settings);
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string ada = id_of(school, school.signed_in("ada@example.org"));
  http::Request request;
  request.method = http::Method::put;
  request.target = "/api/v1/users/" + ada + "/role";
  request.headers = {{"Host", "localhost"},
                     {"Authorization", "Bearer " + admin},
                     {"X-Forwarded-For", "192.0.2.7"},
                     {"Content-Type", "application/json"}};
  request.peer = "127.0.0.1";
  request.body = R"({"role":"instructor"})";
  CHECK(school.send(std::move(request)).status == 200);

  const Value row = newest(school, admin, "user.role_changed");
  CHECK(row["actor"] == Value(id_of(school, admin)));
  CHECK(row["subject"] == Value(ada));
  CHECK(row["address"] == Value("192.0.2.7"));
  CHECK(row["session"] == school.get("/auth/sessions", admin).body["items"].as_array().at(0)["id"]);
  CHECK(row["time"] == Value(to_iso8601(school.clock->now())));
  CHECK(row["outcome"] == Value("done"));
  CHECK(row["details"] == Value(Object{{"role", from_to("student", "instructor")}}));

  const Value made = newest(school, admin, "user.created");
  CHECK(made["actor"] == Value("school"));
  CHECK(made["address"] == Value(""));
  CHECK(made["session"].is_null());
}

TEST_CASE("neither what people keep secret nor what is their own stands in the log") {
  School school(patient_settings());
  const std::string admin = school.signed_in("head@example.org", role::admin);
  do_everything(school, admin);
  const std::string log = to_json(rows(school, admin));
  for (const char* text : {"example.org", "Lovelace", "engines", "argon2", School::password})
    CHECK(log.find(text) == std::string::npos);
}

TEST_CASE("what changes nothing is not recorded") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string ada = school.signed_in("ada@example.org");
  const std::size_t before = rows(school, admin).size();
  school.patch("/users/" + id_of(school, ada), Object{{"is_active", true}}, admin);
  school.put("/users/" + id_of(school, ada) + "/role", Object{{"role", "student"}}, admin);
  school.patch("/users/me", Object{{"bio", "Likes engines."}}, ada);
  school.put("/users/" + id_of(school, admin) + "/role", Object{{"role", "student"}}, admin);  // the last admin
  CHECK(rows(school, admin).size() == before);
}

TEST_CASE("admins find rows by what they say") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string ada = id_of(school, school.signed_in("ada@example.org"));
  school.clock->advance(std::chrono::minutes(1));
  school.put("/users/" + ada + "/role", Object{{"role", "instructor"}}, admin);
  for (int i = 0; i < 5; ++i)
    school.post("/auth/login", Object{{"email", "ada@example.org"}, {"password", "not this one"}});
  const auto found = [&](const std::string& query) { return rows(school, admin, query).size(); };
  CHECK(found("") == 6);  // two accounts, two sign-ins, a role, a lock
  CHECK(found("&action=user.created") == 2);
  CHECK(found("&action=user.") == 3);
  CHECK(found("&actor=school") == 2);
  CHECK(found("&actor=nobody") == 1);
  CHECK(found("&actor=" + id_of(school, admin)) == 2);
  CHECK(found("&subject=" + ada) == 4);
  CHECK(found("&address=127.0.0.1") == 4);
  CHECK(found("&outcome=refused") == 1);
  CHECK(found("&since=2026-01-01T00:00:30Z") == 2);
  CHECK(found("&until=2026-01-01T00:00:30Z") == 4);
  CHECK(school.get("/admin/audit?page_size=1&page=6", admin).body["items"].as_array().at(0)["position"] == Value(1));
  const auto refused = school.get("/admin/audit?action=user.create", admin);
  CHECK(refused.status == 422);
  CHECK(refused.body["detail"].as_array().at(0)["msg"] ==
        Value("there is no action user.create; did you mean user.created?"));
}

TEST_CASE("a check tells whether a row that was kept is still there") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const auto head = school.get("/admin/audit/verify", admin);
  const std::string kept = std::to_string(head.number("position")) + ":" + head.text("hash");
  school.signed_in("ada@example.org");
  CHECK(school.get("/admin/audit/verify?expect=" + kept, admin).body["intact"] == Value(true));
  const auto other = school.get("/admin/audit/verify?expect=3:" + head.text("hash"), admin);
  CHECK(other.status == 200);
  CHECK(other.body["intact"] == Value(false));
  CHECK(other.body["first_break"]["fault"] == Value("expected"));
  CHECK(other.body["first_break"]["position"] == Value(3));
  CHECK(school.get("/admin/audit/verify?expect=2", admin).status == 422);
}

TEST_CASE("only admins see the audit log, and who tries is in the security log") {
  School school;
  const std::string ada = school.signed_in("ada@example.org");
  const auto refusals = [&] {
    std::vector<Object> lines;
    for (const auto& line : school.log->lines())
      if (line.category == "security" && line.level == LogLevel::warning && line.message == "call refused")
        lines.push_back(line.fields);
    return lines;
  };
  CHECK(school.get("/admin/audit").status == 401);
  CHECK(school.get("/admin/audit/verify").status == 401);
  CHECK(refusals().empty());
  CHECK(school.get("/admin/audit", ada).code() == "admin_required");
  CHECK(school.get("/admin/audit/verify", ada).code() == "admin_required");
  CHECK(school.post("/courses", Object{{"title", "Knots"}}, ada).code() == "permission_denied");
  const auto lines = refusals();
  REQUIRE(lines.size() == 3);
  CHECK(*lines[0].find("reason") == Value("admin_required"));
  CHECK(*lines[0].find("route") == Value("/api/v1/admin/audit"));
  CHECK(*lines[2].find("method") == Value("POST"));
  CHECK(*lines[2].find("reason") == Value("permission_denied"));
  CHECK(*lines[2].find("user_id") == Value(id_of(school, ada)));
  CHECK(*lines[2].find("role") == Value("student"));
  CHECK(*lines[2].find("address") == Value("127.0.0.1"));
}

TEST_CASE("docs/audit.md lists every action, with its meaning, and no other") {
  const std::string page = test::project_file("docs/audit.md");
  std::size_t listed = 0;
  for (std::size_t at = page.find("\n| `"); at != std::string::npos; at = page.find("\n| `", at + 1)) ++listed;
  CHECK(listed == audit_actions().size());
  for (const AuditAction* action : audit_actions()) {
    const std::string row = "\n| `" + std::string(action->name) + "` | " + std::string(action->meaning) + " | ";
    CAPTURE(row);
    CHECK(page.find(row) != std::string::npos);
  }
}
