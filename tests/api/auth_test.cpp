#include <doctest/doctest.h>

#include <algorithm>

#include "support/school.hpp"

using namespace lms;
using lms::test::Answered;
using lms::test::School;

namespace {

const Value ada = Object{{"email", "Ada@example.org"}, {"password", School::password}, {"full_name", "Ada Byron"}};

Value credentials(const char* email, const char* password = School::password) {
  return Object{{"email", email}, {"password", password}};
}

bool has_fault(const Answered& answered, std::string_view field, std::string_view type) {
  if (!answered.body["detail"].is_array()) return false;
  const Array& faults = answered.body["detail"].as_array();
  return std::any_of(faults.begin(), faults.end(), [&](const Value& fault) {
    return fault["type"] == Value(type) && fault["loc"].as_array().back() == Value(field);
  });
}

}  // namespace

TEST_CASE("a person registers as a student and signs in, whatever the case of the address") {
  School school;
  const auto registered = school.post("/auth/register", ada);
  CHECK(registered.status == 201);
  CHECK(registered.text("role") == "student");
  CHECK(registered.text("email") == "Ada@example.org");
  CHECK(registered.body["password_hash"].is_null());

  const auto login = school.post("/auth/login", credentials("ada@EXAMPLE.org"));
  CHECK(login.status == 200);
  CHECK(login.text("token_type") == "bearer");
  CHECK(login.number("expires_in") == 900);
  CHECK(login.body["user"]["id"] == registered.body["id"]);
  CHECK(school.get("/users/me", login.text("access_token")).text("full_name") == "Ada Byron");
}

TEST_CASE("a role cannot be chosen when registering") {
  School school;
  Object wish = ada.as_object();
  wish.set("role", "admin");
  const auto answered = school.post("/auth/register", wish);
  CHECK(answered.status == 422);
  CHECK(has_fault(answered, "role", "value_error.extra"));
}

TEST_CASE("an address is taken once, in any case") {
  School school;
  CHECK(school.post("/auth/register", ada).status == 201);
  Object again = ada.as_object();
  again.set("email", "ADA@EXAMPLE.ORG");
  const auto answered = school.post("/auth/register", again);
  CHECK(answered.status == 409);
  CHECK(answered.code() == "email_taken");
}

TEST_CASE("weak passwords are refused") {
  School school;
  const auto with = [&](const char* password) {
    Object wish = ada.as_object();
    wish.set("password", password);
    return school.post("/auth/register", wish);
  };
  CHECK(has_fault(with("short"), "password", "value_error.any_str.min_length"));
  CHECK(has_fault(with("          "), "password", "value_error.password.blank"));
  CHECK(has_fault(with("ada@example.org"), "password", "value_error.password.email"));
  CHECK(has_fault(with("ada.byron.1815"), "password", "value_error.password.name"));
  CHECK(has_fault(with("Password1!"), "password", "value_error.password.too_common"));
}

TEST_CASE("an unknown address, a wrong password and a deactivated account get the same answer") {
  School school;
  school.post("/auth/register", ada);
  const auto id = school.lms.users().find_by_email(Principal::system(), "ada@example.org")->id;
  const auto wrong = school.post("/auth/login", credentials("ada@example.org", "wrong password"));
  const auto unknown = school.post("/auth/login", credentials("eve@example.org"));
  school.lms.users().update(Principal::system(), id, {{"is_active", false}});
  const auto inactive = school.post("/auth/login", credentials("ada@example.org"));
  CHECK(wrong.status == 401);
  CHECK(wrong.code() == "bad_credentials");
  CHECK(wrong.body == unknown.body);
  CHECK(wrong.body == inactive.body);
  CHECK(school.log->has(LogLevel::warning, "sign-in refused"));
}

TEST_CASE("a refresh token is good once, and its reuse ends the session") {
  School school;
  school.post("/auth/register", ada);
  const auto login = school.post("/auth/login", credentials("ada@example.org"));
  const Value old_token = Object{{"refresh_token", login.text("refresh_token")}};

  const auto fresh = school.post("/auth/refresh", old_token);
  CHECK(fresh.status == 200);
  CHECK(school.get("/users/me", fresh.text("access_token")).status == 200);

  testing::EventRecorder recorder(school.lms.events());
  const auto reused = school.post("/auth/refresh", old_token);
  CHECK(recorder.take_types() == std::vector<std::string>{"user.session_ended"});
  CHECK(reused.status == 401);
  CHECK(reused.code() == "token_reused");
  CHECK(school.log->has(LogLevel::warning, "auth.token_reused"));

  CHECK(school.get("/users/me", fresh.text("access_token")).code() == "session_ended");
  const auto successor = school.post("/auth/refresh", Object{{"refresh_token", fresh.text("refresh_token")}});
  CHECK(successor.code() == "session_ended");
  CHECK(school.log->has(LogLevel::warning, "refresh token refused"));
}

TEST_CASE("tokens are refused when they are expired, of another type, foreign or garbage") {
  School school;
  school.post("/auth/register", ada);
  const auto login = school.post("/auth/login", credentials("ada@example.org"));
  const std::string access = login.text("access_token");

  CHECK(school.get("/users/me", access).status == 200);  // and is known from now on
  CHECK(school.get("/users/me").code() == "not_authenticated");
  CHECK(school.get("/users/me", "garbage").code() == "invalid_token");
  CHECK(school.get("/users/me", login.text("refresh_token")).code() == "invalid_token");
  CHECK(school.get("/users/me", access.substr(0, access.size() - 2) + "AA").code() == "invalid_token");
  CHECK(school.post("/auth/refresh", Object{{"refresh_token", access}}).code() == "invalid_token");

  Settings other = School::quick_settings();
  other.secret_key = "another key for tests, also more than 32 characters";
  School stranger(other);
  stranger.post("/auth/register", ada);
  const auto foreign = stranger.post("/auth/login", credentials("ada@example.org"));
  CHECK(school.get("/users/me", foreign.text("access_token")).code() == "invalid_token");

  const Value old_refresh = Object{{"refresh_token", login.text("refresh_token")}};
  school.clock->advance(std::chrono::minutes{15});
  // A client that sends its token with every request can still renew it.
  CHECK(school.ask(http::Method::post, "/auth/refresh", old_refresh, access).status == 200);
  CHECK(school.ask(http::Method::post, "/auth/login", credentials("ada@example.org"), access).status == 200);
  const auto expired = school.get("/users/me", access);
  CHECK(expired.status == 401);
  CHECK(expired.code() == "token_expired");
  CHECK(*expired.headers.find("WWW-Authenticate") != "");
}

TEST_CASE("logging out ends the session, its tokens and nothing else") {
  School school;
  school.post("/auth/register", ada);
  const auto phone = school.post("/auth/login", credentials("ada@example.org"));
  const auto laptop = school.post("/auth/login", credentials("ada@example.org"));
  CHECK(school.post("/auth/logout", {}, phone.text("access_token")).status == 204);
  CHECK(school.get("/users/me", phone.text("access_token")).status == 401);
  CHECK(school.post("/auth/refresh", Object{{"refresh_token", phone.text("refresh_token")}}).status == 401);
  CHECK(school.get("/users/me", laptop.text("access_token")).status == 200);

  CHECK(school.post("/auth/logout-all", {}, laptop.text("access_token")).status == 204);
  CHECK(school.get("/users/me", laptop.text("access_token")).status == 401);
}

TEST_CASE("a new password ends the other sessions and is the one that counts") {
  School school;
  school.post("/auth/register", ada);
  const auto phone = school.post("/auth/login", credentials("ada@example.org"));
  const auto laptop = school.post("/auth/login", credentials("ada@example.org"));
  const auto change = [&](const char* current, const char* fresh) {
    return school.post("/auth/change-password", Object{{"current_password", current}, {"new_password", fresh}},
                       laptop.text("access_token"));
  };
  CHECK(has_fault(change("wrong password", "another password"), "current_password", "value_error.password.wrong"));
  CHECK(has_fault(change(School::password, "short"), "new_password", "value_error.any_str.min_length"));
  CHECK(has_fault(change(School::password, "12345678"), "new_password", "value_error.password.too_common"));
  CHECK(has_fault(change(School::password, "ada byron"), "new_password", "value_error.password.name"));
  CHECK(change(School::password, "another password").status == 204);

  CHECK(school.get("/users/me", laptop.text("access_token")).status == 200);
  CHECK(school.get("/users/me", phone.text("access_token")).status == 401);
  CHECK(school.post("/auth/login", credentials("ada@example.org")).status == 401);
  CHECK(school.post("/auth/login", credentials("ada@example.org", "another password")).status == 200);
}

TEST_CASE("sessions are listed and ended one by one") {
  School school;
  school.post("/auth/register", ada);
  const auto phone = school.post("/auth/login", credentials("ada@example.org"));
  school.clock->advance(std::chrono::seconds{1});
  const auto laptop = school.post("/auth/login", credentials("ada@example.org"));
  const auto listed = school.get("/auth/sessions", laptop.text("access_token"));
  REQUIRE(listed.body["items"].as_array().size() == 2);
  const std::string older = listed.body["items"].as_array()[1]["id"].as_string();

  const std::string eve = school.signed_in("eve@example.org");
  CHECK(school.del("/auth/sessions/" + older, eve).status == 404);
  testing::EventRecorder recorder(school.lms.events());
  CHECK(school.del("/auth/sessions/" + older, laptop.text("access_token")).status == 204);
  CHECK(recorder.take_types() == std::vector<std::string>{"user.session_ended"});
  CHECK(school.del("/auth/sessions/" + older, laptop.text("access_token")).status == 404);
  CHECK(school.get("/users/me", phone.text("access_token")).status == 401);
}

TEST_CASE("what is revoked or over is forgotten when it can do no harm") {
  School school;
  school.post("/auth/register", ada);
  const auto login = school.post("/auth/login", credentials("ada@example.org"));
  school.post("/auth/logout", {}, login.text("access_token"));
  CHECK(school.lms.auth().purge() == 0);
  school.clock->advance(std::chrono::days{31});
  CHECK(school.lms.auth().purge() == 2);
}

TEST_CASE("the settings' admin is made once") {
  auto storage = std::shared_ptr<Storage>(open_memory_storage());
  Settings settings = School::quick_settings();
  settings.admin_email = "head@example.org";
  settings.admin_password = School::password;
  School first(settings, storage);
  CHECK(first.post("/auth/login", credentials("head@example.org")).body["user"]["role"] == Value("admin"));
  settings.admin_email = "second@example.org";
  School second(settings, storage);
  CHECK(second.post("/auth/login", credentials("second@example.org")).status == 401);
}
