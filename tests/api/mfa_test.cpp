#include <doctest/doctest.h>

#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <lms/totp.hpp>

#include "support/school.hpp"

using namespace lms;
using lms::test::Answered;
using lms::test::School;
using namespace std::chrono_literals;

namespace {

constexpr const char* address = "ada@example.org";

Settings settings_with_key() {
  Settings settings = School::quick_settings();
  settings.encryption_keys = {"cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="};
  return settings;
}

/// A school with one student who has an authenticator app.
struct Protected {
  explicit Protected(std::shared_ptr<Storage> storage = nullptr)
      : school(settings_with_key(), std::move(storage)), token(school.signed_in(address)) {
    const Answered setup = school.post("/auth/setup-mfa", Object{{"password", School::password}}, token);
    REQUIRE(setup.status == 200);
    secret = setup.text("secret");
    const Answered enabled = school.post("/auth/verify-mfa-setup", Object{{"code", code()}}, token);
    REQUIRE(enabled.status == 200);
    for (const Value& each : enabled.body["recovery_codes"].as_array()) recovery_codes.push_back(each.as_string());
    school.do_jobs();
  }

  std::string code() const { return totp::code(secret, totp::step_at(school.clock->now())); }
  /// A code that was not used yet.
  std::string next_code() {
    school.clock->advance(30s);
    return code();
  }
  Answered sign_in(const char* password = School::password) {
    return school.post("/auth/login", Object{{"email", address}, {"password", password}});
  }
  std::string challenge() { return sign_in().text("challenge_token"); }
  Answered finish(const std::string& challenge_token, const std::string& given, std::string_view method = "totp") {
    return school.post("/auth/login/mfa",
                       Object{{"challenge_token", challenge_token}, {"code", given}, {"method", method}});
  }
  /// The code of the newest mail.
  std::string mailed_code() {
    school.do_jobs();
    const std::string text = school.mailer->mails().back().text;
    const auto begin = text.find_first_of("0123456789");
    return text.substr(begin, text.find_first_not_of("0123456789", begin) - begin);
  }

  School school;
  std::string token, secret;
  std::vector<std::string> recovery_codes;
};

}  // namespace

TEST_CASE("a second factor is set up with the password, and asked for once it has shown a code") {
  School school(settings_with_key());
  const std::string token = school.signed_in(address);
  CHECK(school.get("/auth/mfa", token).body["enabled"] == Value(false));
  CHECK(school.post("/auth/verify-mfa-setup", Object{{"code", "123456"}}, token).code() == "mfa_not_set_up");
  CHECK(school.post("/auth/setup-mfa", Object{{"password", "not this one"}}, token).status == 422);

  const Answered setup = school.post("/auth/setup-mfa", Object{{"password", School::password}}, token);
  REQUIRE(setup.status == 200);
  const std::string& secret = setup.text("secret");
  CHECK(setup.text("otpauth_uri") == totp::uri({"LMS", address, secret}));
  CHECK(setup.text("qr_svg").starts_with("<svg"));
  CHECK(setup.text("qr_png").starts_with("data:image/png;base64,"));
  CHECK(school.post("/auth/login", Object{{"email", address}, {"password", School::password}}).status == 200);
  CHECK(school.get("/auth/mfa", token).body["enabled"] == Value(false));

  CHECK(school.post("/auth/verify-mfa-setup", Object{{"code", "000000"}}, token).status == 422);
  const auto code = totp::code(secret, totp::step_at(school.clock->now()));
  const Answered enabled =
      school.post("/auth/verify-mfa-setup", Object{{"code", code.substr(0, 3) + ' ' + code.substr(3)}}, token);
  CHECK(enabled.status == 200);
  CHECK(enabled.body["recovery_codes"].as_array().size() == 10);
  const Answered status = school.get("/auth/mfa", token);
  CHECK(status.body["enabled"] == Value(true));
  CHECK(status.number("recovery_codes_left") == 10);
}

TEST_CASE("without a key the school refuses to keep a secret, and says what is missing") {
  School school;
  const std::string token = school.signed_in(address);
  const Answered refused = school.post("/auth/setup-mfa", Object{{"password", School::password}}, token);
  CHECK(refused.status == 503);
  CHECK(refused.code() == "encryption_key_missing");
}

TEST_CASE("turning a second factor on ends the user's other sessions") {
  School school(settings_with_key());
  const std::string token = school.signed_in(address);
  const std::string other =
      school.post("/auth/login", Object{{"email", address}, {"password", School::password}}).text("access_token");
  const std::string secret =
      school.post("/auth/setup-mfa", Object{{"password", School::password}}, token).text("secret");
  school.post("/auth/verify-mfa-setup", Object{{"code", totp::code(secret, totp::step_at(school.clock->now()))}},
              token);
  CHECK(school.get("/users/me", token).status == 200);
  CHECK(school.get("/users/me", other).status == 401);
}

TEST_CASE("a right password is answered with a challenge, and a code finishes it") {
  Protected ada;
  const Answered begun = ada.sign_in();
  CHECK(begun.status == 200);
  CHECK(begun.body["mfa_required"] == Value(true));
  CHECK(begun.body["access_token"].is_null());
  CHECK(begun.number("expires_in") == 300);
  CHECK(begun.body["methods"].as_array().size() == 3);
  CHECK(ada.school.get("/users/me", begun.text("challenge_token")).status == 401);

  const Answered done = ada.finish(begun.text("challenge_token"), ada.next_code());
  CHECK(done.status == 200);
  CHECK(done.body["user"]["email"] == Value(address));
  CHECK(ada.school.get("/users/me", done.text("access_token")).status == 200);
}

TEST_CASE("a challenge is good once, for five minutes") {
  Protected ada;
  const std::string spent = ada.challenge();
  CHECK(ada.finish(spent, ada.next_code()).status == 200);
  CHECK(ada.finish(spent, ada.next_code()).code() == "invalid_challenge");
  const std::string late = ada.challenge();
  ada.school.clock->advance(5min);
  CHECK(ada.finish(late, ada.next_code()).code() == "invalid_challenge");
  CHECK(ada.finish("x", ada.next_code()).code() == "invalid_challenge");
  CHECK(ada.finish(ada.token, ada.next_code()).code() == "invalid_challenge");
}

TEST_CASE("a code of the app is taken once, also for another sign-in") {
  Protected ada;
  const std::string code = ada.next_code();
  CHECK(ada.finish(ada.challenge(), code).status == 200);
  const Answered again = ada.finish(ada.challenge(), code);
  CHECK(again.status == 401);
  CHECK(again.code() == "bad_code");
  CHECK(ada.finish(ada.challenge(), ada.next_code()).status == 200);
}

TEST_CASE("of requests that race with one code, one signs in") {
  Protected ada;
  const std::string code = ada.next_code();
  std::vector<std::string> challenges;
  for (int i = 0; i < 4; ++i) challenges.push_back(ada.challenge());
  std::vector<int> statuses(challenges.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < challenges.size(); ++i)
      threads.emplace_back([&, i] { statuses[i] = ada.finish(challenges[i], code).status; });
  }
  CHECK(std::count(statuses.begin(), statuses.end(), 200) == 1);
}

TEST_CASE("a recovery code is good once, however it is typed") {
  Protected ada;
  std::string code = ada.recovery_codes.front();
  std::transform(code.begin(), code.end(), code.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const Answered done = ada.finish(ada.challenge(), code, "recovery_code");
  CHECK(done.status == 200);
  CHECK(ada.school.get("/auth/mfa", done.text("access_token")).number("recovery_codes_left") == 9);
  CHECK(ada.finish(ada.challenge(), code, "recovery_code").code() == "bad_code");
  CHECK(ada.finish(ada.challenge(), ada.recovery_codes.back(), "totp").code() == "bad_code");
}

TEST_CASE("a code comes by mail, is good for its sign-in, once, and for five minutes") {
  Protected ada;
  const std::string challenge = ada.challenge();
  CHECK(ada.school.post("/auth/login/mfa/email", Object{{"challenge_token", challenge}}).status == 204);
  const std::string code = ada.mailed_code();
  CHECK(code.size() == 6);
  CHECK(ada.school.mailer->mails().back().to == address);
  ada.school.clock->advance(31s);
  CHECK(ada.finish(ada.challenge(), code, "email").code() == "bad_code");
  CHECK(ada.finish(challenge, code, "email").status == 200);
  CHECK(ada.finish(challenge, code, "email").code() == "invalid_challenge");
}

TEST_CASE("codes are not mailed without end, whatever challenges there are") {
  Protected ada;
  const auto mail = [&](const std::string& challenge) {
    return ada.school.post("/auth/login/mfa/email", Object{{"challenge_token", challenge}});
  };
  CHECK(mail(ada.challenge()).status == 204);
  const Answered soon = mail(ada.challenge());
  CHECK(soon.code() == "code_just_sent");
  CHECK(soon.headers.find("Retry-After"));
  for (int i = 0; i < 2; ++i) {
    ada.school.clock->advance(31s);
    CHECK(mail(ada.challenge()).status == 204);
  }
  ada.school.clock->advance(31s);
  CHECK(mail(ada.challenge()).code() == "too_many_codes");
  ada.school.clock->advance(15min);
  CHECK(mail(ada.challenge()).status == 204);
  CHECK(mail("x").code() == "invalid_challenge");
}

TEST_CASE("a mail that comes too late is not sent, and its job holds no code") {
  Protected ada;
  const std::string challenge = ada.challenge();
  ada.school.post("/auth/login/mfa/email", Object{{"challenge_token", challenge}});
  const std::size_t before = ada.school.mailer->mails().size();
  ada.school.clock->advance(5min);
  ada.school.do_jobs();
  for (std::size_t i = before; i < ada.school.mailer->mails().size(); ++i)
    CHECK(ada.school.mailer->mails()[i].subject.find("code") == std::string::npos);
}

TEST_CASE("wrong codes lock the account, which a right password does not prevent, and end every challenge") {
  Protected ada;
  const std::string waiting = ada.challenge();
  for (int i = 0; i < 5; ++i) CHECK(ada.finish(ada.challenge(), "000000").code() == "bad_code");
  CHECK(ada.finish(waiting, ada.next_code()).code() == "invalid_challenge");
  CHECK(ada.sign_in().code() == "bad_credentials");
  ada.school.clock->advance(31min);
  CHECK(ada.finish(ada.challenge(), ada.next_code()).status == 200);
}

TEST_CASE("a new password ends the sign-ins that the old one began") {
  Protected ada;
  const std::string waiting = ada.challenge();
  const Answered changed = ada.school.post(
      "/auth/change-password",
      Object{{"current_password", School::password}, {"new_password", "a new battery, correct"}}, ada.token);
  CHECK(changed.status == 204);
  CHECK(ada.finish(waiting, ada.next_code()).code() == "invalid_challenge");
}

TEST_CASE("a second factor is taken off with password and code, and the user is told") {
  Protected ada;
  const auto disable = [&](const char* password, const std::string& code, std::string_view method = "totp") {
    return ada.school.post("/auth/disable-mfa", Object{{"password", password}, {"code", code}, {"method", method}},
                           ada.token);
  };
  CHECK(disable("not this one", ada.next_code()).status == 422);
  CHECK(disable(School::password, "000000").status == 422);
  CHECK(disable(School::password, "000000", "email").status == 422);
  CHECK(disable(School::password, ada.next_code()).status == 204);
  CHECK(ada.sign_in().body["access_token"].is_string());
  CHECK(disable(School::password, ada.next_code()).code() == "mfa_not_enabled");
  ada.school.do_jobs();
  CHECK(ada.school.mailer->mails().size() == 2);
}

TEST_CASE("new recovery codes take the place of the old ones") {
  Protected ada;
  const Answered renewed = ada.school.post(
      "/auth/recovery-codes", Object{{"password", School::password}, {"code", ada.next_code()}}, ada.token);
  REQUIRE(renewed.status == 200);
  CHECK(ada.finish(ada.challenge(), ada.recovery_codes[0], "recovery_code").code() == "bad_code");
  const std::string fresh = renewed.body["recovery_codes"].as_array()[0].as_string();
  CHECK(ada.finish(ada.challenge(), fresh, "recovery_code").status == 200);
  ada.school.do_jobs();
  CHECK(ada.school.mailer->mails().back().subject == "New recovery codes for LMS");
}

TEST_CASE("an admin takes a second factor off, which others may not") {
  Protected ada;
  const std::string id = ada.school.get("/users/me", ada.token).text("id");
  CHECK(ada.school.del("/users/" + id + "/mfa", ada.token).status == 403);
  const std::string admin = ada.school.signed_in("head@example.org", role::admin);
  CHECK(ada.school.del("/users/" + id + "/mfa", admin).status == 204);
  CHECK(ada.school.del("/users/" + id + "/mfa", admin).code() == "mfa_not_enabled");
  CHECK(ada.school.get("/users/me", ada.token).status == 401);
  CHECK(ada.sign_in().body["access_token"].is_string());
}

TEST_CASE("what is kept of a second factor goes with the account") {
  Protected ada;
  ada.challenge();
  const auto id = UserId::parse(ada.school.get("/users/me", ada.token).text("id"));
  CHECK_NOTHROW(ada.school.lms.users().remove(Principal::system(), *id));
}

TEST_CASE("another app takes the place of the first when it has shown a code") {
  Protected ada;
  const std::string first = ada.secret;
  CHECK(ada.school.post("/auth/setup-mfa", Object{{"password", School::password}}, ada.token).status == 422);
  CHECK(ada.school.post("/auth/setup-mfa", Object{{"password", School::password}, {"code", "000000"}}, ada.token)
            .status == 422);
  const Answered setup =
      ada.school.post("/auth/setup-mfa", Object{{"password", School::password}, {"code", ada.next_code()}}, ada.token);
  REQUIRE(setup.status == 200);
  CHECK(ada.finish(ada.challenge(), ada.next_code()).status == 200);
  ada.secret = setup.text("secret");
  CHECK(ada.school.post("/auth/verify-mfa-setup", Object{{"code", ada.next_code()}}, ada.token).status == 200);
  CHECK(ada.finish(ada.challenge(), ada.next_code()).status == 200);
  CHECK(ada.finish(ada.challenge(), totp::code(first, totp::step_at(ada.school.clock->now()))).code() == "bad_code");
}

TEST_CASE("a secret that was shown waits a quarter of an hour for its first code") {
  School school(settings_with_key());
  const std::string token = school.signed_in(address);
  const std::string secret =
      school.post("/auth/setup-mfa", Object{{"password", School::password}}, token).text("secret");
  school.clock->advance(14min);
  const auto enable = [&](const std::string& with) {
    return school.post("/auth/verify-mfa-setup",
                       Object{{"code", totp::code(secret, totp::step_at(school.clock->now()))}}, with);
  };
  const std::string later =
      school.post("/auth/login", Object{{"email", address}, {"password", School::password}}).text("access_token");
  school.clock->advance(1min);
  CHECK(enable(later).code() == "mfa_not_set_up");
}

TEST_CASE("after a reset by mail a code by mail is no second factor, until another one was given") {
  Protected ada;
  ada.school.post("/auth/request-password-reset", Object{{"email", address}});
  const std::string token = ada.school.mailed_token();
  REQUIRE(ada.school.post("/auth/reset-password", Object{{"token", token}, {"new_password", "a new battery, correct"}})
              .status == 204);
  const auto mail = [&](const std::string& challenge) {
    return ada.school.post("/auth/login/mfa/email", Object{{"challenge_token", challenge}});
  };
  const Answered begun = ada.sign_in("a new battery, correct");
  CHECK(begun.body["methods"].as_array().size() == 2);
  CHECK(mail(begun.text("challenge_token")).code() == "no_mailed_codes");
  CHECK(ada.finish(begun.text("challenge_token"), ada.next_code()).status == 200);
  CHECK(mail(ada.sign_in("a new battery, correct").text("challenge_token")).status == 204);
}

TEST_CASE("what outlasts a session takes a code where there is a second factor") {
  Protected ada;
  const auto fault = [](const Answered& answer) { return answer.body["detail"].as_array().at(0)["type"].as_string(); };
  const auto ask = [&](const char* path, Object body, const std::string& code, const char* method = "totp") {
    body.append("password", School::password);
    if (!code.empty()) {
      body.append("code", code);
      body.append("method", method);
    }
    return ada.school.post(path, std::move(body), ada.token);
  };
  const Object token{{"name", "Export"}, {"scopes", Array{"courses:read"}}};
  const Object email{{"new_email", "ada@example.net"}};
  for (const auto& [path, body] : {std::pair{"/auth/tokens", token}, std::pair{"/auth/change-email", email},
                                   std::pair{"/users/me/erase", Object()}}) {
    CAPTURE(path);
    CHECK(fault(ask(path, body, "")) == "value_error.missing");
    CHECK(fault(ask(path, body, "000000")) == "value_error.mfa.code");
    CHECK(fault(ask(path, body, "000000", "email")) == "value_error.mfa.method");
    ada.school.clock->advance(31min);  // the wrong ones count no more
    ada.token = ada.finish(ada.challenge(), ada.next_code()).text("access_token");
    const std::string good = ada.next_code();
    CHECK(ask(path, body, good).status < 300);
    if (path != std::string_view("/users/me/erase")) CHECK(fault(ask(path, body, good)) == "value_error.mfa.code");
  }
}

TEST_CASE("with another address codes come by mail no more, until another factor was given") {
  Protected ada;
  const Object change{{"new_email", "ada@example.net"},
                      {"password", School::password},
                      {"code", ada.recovery_codes.front()},
                      {"method", "recovery_code"}};
  REQUIRE(ada.school.post("/auth/change-email", change, ada.token).status == 202);
  const std::string token = ada.school.mailed_token();
  REQUIRE(ada.school.post("/auth/verify-email", Object{{"token", token}}).status == 204);
  const auto sign_in = [&] {
    return ada.school.post("/auth/login", Object{{"email", "ada@example.net"}, {"password", School::password}});
  };
  const auto mail = [&](const std::string& challenge) {
    return ada.school.post("/auth/login/mfa/email", Object{{"challenge_token", challenge}});
  };
  const std::string challenge = sign_in().text("challenge_token");
  CHECK(mail(challenge).code() == "no_mailed_codes");
  CHECK(ada.finish(challenge, ada.next_code()).status == 200);
  CHECK(mail(sign_in().text("challenge_token")).status == 204);
}

TEST_CASE("whose codes lock the account is told that somebody knows the password") {
  Protected ada;
  const std::string challenge = ada.challenge();
  for (int i = 0; i < 5; ++i) ada.finish(challenge, "000000");
  ada.school.do_jobs();
  const std::string by_codes = ada.school.mailer->mails().back().text;
  CHECK(by_codes.find("a wrong code, after the right password, was given") != std::string::npos);
  CHECK(by_codes.find("somebody knows your password") != std::string::npos);
  CHECK(by_codes.find("your account is safe") == std::string::npos);

  Protected bob;
  for (int i = 0; i < 5; ++i) bob.sign_in("wrong password");
  bob.school.do_jobs();
  const std::string by_passwords = bob.school.mailer->mails().back().text;
  CHECK(by_passwords.find("a wrong password was given") != std::string::npos);
  CHECK(by_passwords.find("your account is safe") != std::string::npos);
}

TEST_CASE("a second factor that a stranger set up in an account with somebody's address does not keep its owner out") {
  School school(settings_with_key());
  school.post("/auth/register", Object{{"email", address}, {"password", School::password}, {"full_name", "Ada Byron"}});
  const auto sign_in = [&](const char* words) {
    return school.post("/auth/login", Object{{"email", address}, {"password", words}});
  };
  const std::string thief = sign_in(School::password).text("access_token");
  const std::string secret =
      school.post("/auth/setup-mfa", Object{{"password", School::password}}, thief).text("secret");
  REQUIRE(school
              .post("/auth/verify-mfa-setup", Object{{"code", totp::code(secret, totp::step_at(school.clock->now()))}},
                    thief)
              .status == 200);
  school.post("/auth/request-password-reset", Object{{"email", address}});
  const std::string token = school.mailed_token();
  REQUIRE(school.post("/auth/reset-password", Object{{"token", token}, {"new_password", "a new battery, correct"}})
              .status == 204);
  CHECK(sign_in("a new battery, correct").body["access_token"].is_string());
}
