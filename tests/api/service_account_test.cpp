#include <string>

#include <doctest/doctest.h>

#include "support/school.hpp"

using namespace lms;
using lms::test::Answered;
using lms::test::School;
using namespace std::chrono_literals;

namespace {

constexpr const char* robot = "robot@example.org";

Answered make_robot(School& school, std::string_view admin, std::string_view role = role::instructor) {
  return school.post(
      "/users", Object{{"email", robot}, {"full_name", "Robot"}, {"role", role}, {"service_account", true}}, admin);
}

Answered make_token(School& school, std::string_view admin, const Answered& account, const char* scope) {
  return school.post(
      "/auth/tokens",
      Object{
          {"name", "Robot"}, {"scopes", Array{scope}}, {"user_id", account.body["id"]}, {"password", School::password}},
      admin);
}

}  // namespace

TEST_CASE("a service account calls by tokens that an admin makes for it") {
  School school;
  const std::string admin = school.signed_in("root@example.org", role::admin);
  const Answered account = make_robot(school, admin);
  REQUIRE(account.status == 201);
  CHECK(account.body["service_account"] == Value(true));
  CHECK(account.body["email_verified_at"].is_null());
  CHECK(school.get("/users/me", admin).body["service_account"] == Value(false));
  CHECK(school.get("/users?service_account=true", admin).number("total") == 1);
  CHECK(school.get("/users?service_account=false", admin).number("total") == 1);

  const Answered made = make_token(school, admin, account, "courses:write");
  REQUIRE(made.status == 201);
  CHECK(made.body["user_id"] == account.body["id"]);
  CHECK(school.post("/courses", Object{{"title", "Knots"}}, made.text("token")).status == 201);
  CHECK(school.get("/auth/tokens?user_id=" + account.text("id"), admin).number("total") == 1);

  CHECK(school.patch("/users/" + account.text("id"), Object{{"is_active", false}}, admin).status == 200);
  CHECK(school.get("/courses", made.text("token")).code() == "account_deactivated");
  CHECK(make_token(school, admin, account, "courses:read").code() == "account_deactivated");
}

TEST_CASE("only those who manage users make service accounts, and none has a password") {
  School school;
  const std::string admin = school.signed_in("root@example.org", role::admin);
  const std::string ada = school.signed_in("ada@example.org", role::instructor);
  CHECK(make_robot(school, ada).status == 403);
  const Object with_password{
      {"email", robot}, {"full_name", "Robot"}, {"password", School::password}, {"service_account", true}};
  const Answered refused = school.post("/users", with_password, admin);
  CHECK(refused.status == 422);
  CHECK(refused.body["detail"].as_array().at(0)["loc"] == parse_json(R"(["body", "password"])"));
  const NewUser many{.email = robot, .full_name = "Robot", .service_account = true};
  CHECK_THROWS_AS(school.lms.users().create_many(Principal::system(), {many}, School::password), Error);
  const Object registration{
      {"email", robot}, {"full_name", "Robot"}, {"password", School::password}, {"service_account", true}};
  CHECK(school.post("/auth/register", registration).status == 422);
  // It is so from the beginning or never.
  const std::string id = school.get("/users/me", ada).text("id");
  CHECK(school.patch("/users/" + id, Object{{"service_account", true}}, admin).status == 422);
}

TEST_CASE("nobody signs in to a service account, and trying tells nothing") {
  School school;
  const std::string admin = school.signed_in("root@example.org", role::admin);
  school.signed_in("ada@example.org");
  const Answered account = make_robot(school, admin);
  const std::string token = make_token(school, admin, account, "users:read").text("token");

  const auto hashes = [&](const std::string& email, const std::string& password) {
    const Answered answer = school.post("/auth/login", Object{{"email", email}, {"password", password}});
    CHECK(answer.status == 401);
    return to_json(answer.body);
  };
  const std::string wrong = hashes("ada@example.org", "not the password");
  for (const char* password : {"not the password", School::password, " ", "x"}) CHECK(hashes(robot, password) == wrong);
  for (int i = 0; i < 5; ++i) hashes(robot, "not the password");
  CHECK(school.get("/users/me", token).status == 200);  // a lock is none of its business

  CHECK(school.post("/users/" + account.text("id") + "/invite", {}, admin).code() == "service_account");
}

TEST_CASE("a service account gets no mail") {
  Settings settings = School::quick_settings();
  settings.require_email_verification = true;
  School school(settings);
  const std::string admin = school.signed_in("root@example.org", role::admin);
  const Answered account = make_robot(school, admin);
  const Object address{{"email", robot}};
  const Object registration{{"email", robot}, {"full_name", "Robot"}, {"password", School::password}};
  CHECK(school.post("/auth/request-password-reset", address).status == 202);
  CHECK(school.post("/auth/resend-verification", address).status == 202);
  CHECK(school.post("/auth/register", registration).status == 202);
  for (int i = 0; i < 6; ++i) school.post("/auth/login", Object{{"email", robot}, {"password", "wrong wrong"}});
  school.do_jobs();
  CHECK(school.mailer->mails().empty());

  // The same for a person sends mails.
  school.post("/users", Object{{"email", "bob@example.org"}, {"full_name", "Bob"}}, admin);
  school.do_jobs();
  CHECK(school.mailer->mails().size() == 1);
}

TEST_CASE("a service account is not the admin that a school needs") {
  School school;
  const std::string admin = school.signed_in("root@example.org", role::admin);
  const Answered account = make_robot(school, admin, role::admin);
  const std::string id = school.get("/users/me", admin).text("id");
  CHECK(school.patch("/users/" + id, Object{{"is_active", false}}, admin).code() == "last_admin");
  CHECK(school.put("/users/" + id + "/role", Object{{"role", "student"}}, admin).code() == "last_admin");
  CHECK(school.del("/users/" + account.text("id"), admin).status == 204);
}
