#include <doctest/doctest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include <lms/testing/storage_wrapper.hpp>

#include "support/school.hpp"

using namespace lms;
using lms::test::Answered;
using lms::test::School;
using namespace std::chrono_literals;

namespace {

constexpr const char* address = "ada@example.org";
constexpr const char* other_password = "a new battery, correct";

const Value ada = Object{{"email", address}, {"password", School::password}, {"full_name", "Ada Byron"}};

struct MailedSchool : School {
  using School::School;

  /// All mails that have gone out by now.
  std::vector<Mail> mails() {
    do_jobs();
    return mailer->mails();
  }
  Mail mail() {
    const std::vector<Mail> all = mails();
    REQUIRE_FALSE(all.empty());
    return all.back();
  }
  /// The newest mail to somebody.
  Mail mail_to(std::string_view recipient) {
    const std::vector<Mail> all = mails();
    const auto found = std::find_if(all.rbegin(), all.rend(), [&](const Mail& each) { return each.to == recipient; });
    REQUIRE(found != all.rend());
    return *found;
  }
  Answered change_email(const std::string& access, const char* email, const char* words = School::password) {
    return post("/auth/change-email", Object{{"new_email", email}, {"password", words}}, access);
  }
  Answered sign_in(const char* words = School::password, const char* email = address) {
    return post("/auth/login", Object{{"email", email}, {"password", words}});
  }
  Answered ask_for_reset(const char* email = address) {
    return post("/auth/request-password-reset", Object{{"email", email}});
  }
  Answered reset(const std::string& mailed, const char* words = other_password) {
    return post("/auth/reset-password", Object{{"token", mailed}, {"new_password", words}});
  }
  Answered verify(const std::string& mailed) { return post("/auth/verify-email", Object{{"token", mailed}}); }
};

Settings verifying() {
  Settings settings = School::quick_settings();
  settings.require_email_verification = true;
  return settings;
}

std::string spoiled(std::string token) {
  token[token.size() / 2] = token[token.size() / 2] == 'A' ? 'B' : 'A';
  return token;
}

}  // namespace

TEST_CASE("who registers gets a mail, and its token verifies the address, once") {
  MailedSchool school;
  CHECK(school.post("/auth/register", ada).body["email_verified_at"].is_null());
  CHECK(school.mail().to == address);
  CHECK(school.mail().text.find("http://localhost:8000/account/verify-email#token=") != std::string::npos);
  const std::string token = school.mailed_token();
  CHECK(school.verify(spoiled(token)).status == 422);
  CHECK(school.verify(token).status == 204);
  CHECK(school.verify(token).status == 422);
  const std::string access = school.sign_in().text("access_token");
  CHECK(school.get("/users/me", access).body["email_verified_at"].is_string());
}

TEST_CASE("a token is good for an hour from when its mail was sent") {
  MailedSchool school;
  school.post("/auth/register", ada);
  school.clock->advance(3h);
  const std::string token = school.mailed_token();
  school.clock->advance(59min);
  CHECK(school.verify(token).status == 204);

  MailedSchool late;
  late.post("/auth/register", ada);
  const std::string over = late.mailed_token();
  late.clock->advance(60min);
  CHECK(late.verify(over).status == 422);
}

TEST_CASE("a mail is sent again on request, to nobody who needs none, and the answer tells nothing") {
  MailedSchool school;
  const auto resend = [&](const char* email) {
    return school.post("/auth/resend-verification", Object{{"email", email}});
  };
  school.post("/auth/register", ada);
  CHECK(school.mails().size() == 1);
  const Answered soon = resend(address);
  CHECK(soon.status == 202);
  CHECK(school.mails().size() == 1);
  school.clock->advance(61s);
  const Answered again = resend(address), stranger = resend("nobody@example.org");
  CHECK(again.body == soon.body);
  CHECK(stranger.body == soon.body);
  CHECK(school.mails().size() == 2);
  CHECK(school.verify(school.mailed_token()).status == 204);
  school.clock->advance(61s);
  CHECK(resend(address).body == soon.body);
  CHECK(school.mails().size() == 2);
}

TEST_CASE("five mails to verify an address are enough for a day") {
  MailedSchool school;
  school.post("/auth/register", ada);
  for (int i = 0; i < 10; ++i) {
    school.clock->advance(61s);
    school.post("/auth/resend-verification", Object{{"email", address}});
  }
  CHECK(school.mails().size() == 5);
  school.clock->advance(24h);
  school.post("/auth/resend-verification", Object{{"email", address}});
  CHECK(school.mails().size() == 6);
}

TEST_CASE("where addresses must be verified, nobody signs in before, and a wrong password tells no more") {
  MailedSchool school(verifying());
  CHECK(school.post("/auth/register", ada).status == 202);
  const std::string token = school.mailed_token();
  CHECK(school.sign_in("not this one").code() == "bad_credentials");
  const Answered unverified = school.sign_in();
  CHECK(unverified.status == 403);
  CHECK(unverified.code() == "email_not_verified");
  CHECK(school.verify(token).status == 204);
  CHECK(school.sign_in().status == 200);
}

TEST_CASE("where addresses must be verified, registering does not tell that there is an account, but its owner") {
  MailedSchool school(verifying());
  const Answered first = school.post("/auth/register", ada);
  school.mails();
  const Answered second = school.post("/auth/register", ada);
  CHECK(second.status == first.status);
  CHECK(second.body == first.body);
  CHECK(school.mail().to == address);
  CHECK(school.mail().text.find("#token=") == std::string::npos);
  CHECK(
      school.post("/auth/register", Object{{"email", address}, {"password", "12345678"}, {"full_name", "A"}}).status ==
      422);
}

TEST_CASE("a new password is set with a token from a mail; sessions end, and the owner is told") {
  MailedSchool school;
  const std::string token = school.signed_in(address);
  CHECK(school.ask_for_reset().status == 202);
  const std::string mailed = school.mailed_token();
  CHECK(school.reset(mailed, "12345678").status == 422);
  CHECK(school.reset(mailed).status == 204);
  CHECK(school.mail().text.find("#token=") == std::string::npos);
  CHECK(school.get("/users/me", token).status == 401);
  CHECK(school.sign_in().status == 401);
  CHECK(school.sign_in(other_password).status == 200);
  CHECK(school.reset(mailed, "yet another battery").status == 422);
}

TEST_CASE("asking for a new password tells nothing and does the same work for strangers") {
  /// Counts the calls of the storage.
  class Counting final : public testing::StorageWrapper {
   public:
    using StorageWrapper::StorageWrapper;
    std::atomic<int> writes = 0, reads = 0;

   protected:
    void do_write(const Function& function, Isolation isolation) override {
      ++writes;
      StorageWrapper::do_write(function, isolation);
    }
    void do_read(const Function& function) override {
      ++reads;
      StorageWrapper::do_read(function);
    }
  };
  const auto storage = std::make_shared<Counting>(open_memory_storage());
  MailedSchool school(School::quick_settings(), storage);
  school.signed_in(address);
  const auto cost = [&](const char* email) {
    const int writes = storage->writes, reads = storage->reads;
    const Answered answered = school.ask_for_reset(email);
    CHECK(answered.status == 202);
    return std::pair(storage->writes - writes, storage->reads - reads);
  };
  CHECK(cost(address) == cost("nobody@example.org"));
  CHECK(school.mails().size() == 1);
}

TEST_CASE("a token to set a password dies with the password, the account, another reset and its time") {
  MailedSchool school;
  const std::string access = school.signed_in(address);
  const auto fresh = [&] {
    school.clock->advance(61s);
    school.ask_for_reset();
    return school.mailed_token();
  };
  SUBCASE("the password") {
    const std::string token = fresh();
    const std::string now = school.sign_in().text("access_token");
    CHECK(school
              .post("/auth/change-password",
                    Object{{"current_password", School::password}, {"new_password", other_password}}, now)
              .status == 204);
    CHECK(school.reset(token, "yet another battery").status == 422);
  }
  SUBCASE("another reset") {
    const std::string first = fresh(), second = fresh();
    CHECK(school.reset(second).status == 204);
    CHECK(school.reset(first, "yet another battery").status == 422);
  }
  SUBCASE("the account") {
    const std::string token = fresh();
    const std::string admin = school.signed_in("head@example.org", role::admin);
    const std::string id = school.get("/users/me", access).text("id");
    CHECK(school.patch("/users/" + id, Object{{"is_active", false}}, admin).status == 200);
    CHECK(school.reset(token).status == 422);
  }
  SUBCASE("its time") {
    const std::string token = fresh();
    school.clock->advance(30min);
    CHECK(school.reset(token).status == 422);
  }
  SUBCASE("and is no other token") {
    CHECK(school.reset(access).status == 422);
    CHECK(school.verify(fresh()).status == 422);
    CHECK(school.reset(std::string(4'097, 'a')).status == 422);
    CHECK(school.reset("").status == 422);
  }
}

TEST_CASE("of requests that race with one token, one sets the password") {
  MailedSchool school;
  school.signed_in(address);
  school.ask_for_reset();
  const std::string token = school.mailed_token();
  std::vector<int> statuses(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < statuses.size(); ++i)
      threads.emplace_back(
          [&, i] { statuses[i] = school.reset(token, ("battery number " + std::to_string(i)).c_str()).status; });
  }
  CHECK(std::count(statuses.begin(), statuses.end(), 204) == 1);
}

TEST_CASE("a new password from a mail ends a lock") {
  MailedSchool school;
  school.signed_in(address);
  for (int i = 0; i < 5; ++i) school.sign_in("not this one");
  CHECK(school.sign_in().status == 401);
  CHECK(school.mail().to == address);  // that it is locked
  school.ask_for_reset();
  CHECK(school.reset(school.mailed_token()).status == 204);
  CHECK(school.sign_in(other_password).status == 200);
}

TEST_CASE("an account gets another address when its owner has it, and the old one is told") {
  MailedSchool school;
  const std::string token = school.signed_in(address);
  CHECK(school.change_email(token, "ada@example.net", "not this one").status == 422);
  CHECK(school.change_email(token, "ADA@example.org").status == 422);
  CHECK(school.change_email(token, "ada@example.net\r\nBcc: x@example.org").status == 422);
  CHECK(school.change_email(token, "ada@example.net").status == 202);
  CHECK(school.get("/users/me", token).text("pending_email") == "ada@example.net");
  CHECK(school.mail_to("ada@example.net").text.find("#token=") != std::string::npos);
  const Mail warning = school.mail_to(address);
  CHECK(warning.text.find("ada@example.net") != std::string::npos);
  CHECK(warning.text.find("#token=") == std::string::npos);
  const std::string first = school.mailed_token();
  CHECK(school.change_email(token, "ada@example.com").status == 202);
  const std::string second = school.mailed_token();
  CHECK(school.verify(first).status == 422);
  CHECK(school.verify(second).status == 204);
  CHECK(school.mail().to == address);
  const Answered me = school.get("/users/me", token);
  CHECK(me.text("email") == "ada@example.com");
  CHECK(me.body["pending_email"].is_null());
  CHECK(school.sign_in().status == 401);
  CHECK(school.sign_in(School::password, "ada@example.com").status == 200);
}

TEST_CASE("an address that was taken meanwhile stays with whoever has it") {
  MailedSchool school;
  const std::string token = school.signed_in(address);
  school.change_email(token, "bob@example.org");
  const std::string mailed = school.mailed_token();
  school.signed_in("bob@example.org");
  CHECK(school.verify(mailed).code() == "email_taken");
  CHECK(school.get("/users/me", token).text("email") == address);
}

TEST_CASE("an address that has an account is told so instead, and the answer is the same") {
  MailedSchool school;
  const std::string token = school.signed_in(address);
  school.signed_in("bob@example.org");
  const Answered free = school.change_email(token, "ada@example.net");
  const Answered taken = school.change_email(token, "Bob@example.org");
  CHECK(taken.status == 202);
  CHECK(taken.body == free.body);
  CHECK(school.mail_to("bob@example.org").subject.find("already have an account") != std::string::npos);
  CHECK(school.mail_to("bob@example.org").text.find("#token=") == std::string::npos);
  CHECK(school.mail_to(address).text.find("Bob@example.org") != std::string::npos);
}

TEST_CASE("a mistyped address is corrected: whoever has it is out, the right one is asked") {
  MailedSchool school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string id =
      school.post("/users", Object{{"email", "adda@example.org"}, {"full_name", "Ada Byron"}}, admin).text("id");
  const std::string strangers = school.mailed_token();
  const auto correct = [&](const std::string& user, const char* email, const std::string& by) {
    return school.put("/users/" + user + "/email", Object{{"new_email", email}}, by);
  };
  CHECK(correct(id, "ada(at)example.org", admin).status == 422);
  CHECK(correct(id, "x@erased.invalid", admin).status == 422);
  CHECK(correct(id, "ADDA@example.org", admin).status == 422);
  CHECK(correct(id, "head@example.org", admin).code() == "email_taken");
  const std::size_t mails_before = school.mails().size();
  const Answered corrected = correct(id, address, admin);
  CHECK(corrected.status == 200);
  CHECK(corrected.text("email") == address);
  CHECK(school.mails().size() == mails_before + 1);  // nothing to the stranger
  CHECK(school.mail().to == address);
  CHECK(school.mail().text.find("/accept-invitation#token=") != std::string::npos);
  CHECK(school.reset(strangers).status == 422);
  CHECK(school.reset(school.mailed_token()).status == 204);

  // Now it is verified, so the owner hears of the next one.
  const std::string ada = school.sign_in(other_password).text("access_token");
  CHECK(correct(id, "ada@example.net", ada).status == 403);
  CHECK(correct(id, "ada@example.net", admin).status == 200);
  CHECK(school.get("/users/me", ada).status == 401);
  CHECK(school.mail_to(address).subject.find("was changed") != std::string::npos);
  CHECK(school.mail_to(address).text.find("ada@example.net") == std::string::npos);
  CHECK(school.mail_to("ada@example.net").text.find("/verify-email#token=") != std::string::npos);
  CHECK(school.verify(school.mailed_token()).status == 204);
  CHECK(school.sign_in(other_password, "ada@example.net").status == 200);

  const std::string own = school.get("/users/me", admin).text("id");
  CHECK(correct(own, "chief@example.org", admin).code() == "own_account");
  const Value audit = school.get("/admin/audit?action=auth.email_corrected", admin).body;
  CHECK(audit["items"].as_array().size() == 2);
}

TEST_CASE("who is made an account without a password is invited to set one") {
  MailedSchool school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const Answered made = school.post("/users", Object{{"email", address}, {"full_name", "Ada Byron"}}, admin);
  REQUIRE(made.status == 201);
  const std::string id = made.text("id");
  CHECK(school.sign_in("").code() == "bad_credentials");
  CHECK(school.sign_in().code() == "bad_credentials");
  CHECK(school.mail().to == address);
  CHECK(school.mail().text.find("/accept-invitation#token=") != std::string::npos);
  const std::string first = school.mailed_token();
  CHECK(school.post("/users/" + id + "/invite", {}, admin).status == 202);
  school.clock->advance(std::chrono::days{6});
  CHECK(school.reset(first).status == 204);
  CHECK(school.sign_in(other_password).status == 200);
  const std::string later = school.sign_in(School::password, "head@example.org").text("access_token");
  CHECK(school.post("/users/" + id + "/invite", {}, later).code() == "account_in_use");
  CHECK(school.post("/users/" + id + "/invite", {}, school.sign_in(other_password).text("access_token")).status == 403);
}

TEST_CASE("changing a password is told to the owner") {
  MailedSchool school;
  const std::string token = school.signed_in(address);
  school.post("/auth/change-password", Object{{"current_password", School::password}, {"new_password", other_password}},
              token);
  CHECK(school.mail().to == address);
}

TEST_CASE("what mails left behind goes with the account and with time") {
  MailedSchool school;
  school.signed_in(address);
  school.ask_for_reset();
  school.mailed_token();
  const auto user = school.lms.users().find_by_email(Principal::system(), address);
  CHECK_NOTHROW(school.lms.users().remove(Principal::system(), user->id));
  school.clock->advance(24h);
  CHECK(school.lms.accounts().purge() == 1);
}

TEST_CASE("another address that a thief asked for dies with the password they knew") {
  MailedSchool school;
  const std::string thief = school.signed_in(address);
  const std::string owner = school.sign_in().text("access_token");
  REQUIRE(school.change_email(thief, "mallory@example.net").status == 202);
  const std::string mailed = school.mailed_token();
  school.clock->advance(1min);
  REQUIRE(school.change_email(thief, "mallory@example.net").status == 202);  // and one that waits in the queue
  REQUIRE(school
              .post("/auth/change-password",
                    Object{{"current_password", School::password}, {"new_password", other_password}}, owner)
              .status == 204);
  CHECK(school.get("/users/me", owner).body["pending_email"].is_null());
  CHECK(school.verify(mailed).status == 422);
  CHECK(school.mailed_token() == mailed);
  CHECK(school.sign_in(other_password).status == 200);

  REQUIRE(school.change_email(owner, "ada@example.net", other_password).status == 202);
  const std::string later = school.mailed_token();
  school.ask_for_reset();
  REQUIRE(school.reset(school.mailed_token(), "yet another battery").status == 204);
  CHECK(school.verify(later).status == 422);
  CHECK(school.get("/users/me", school.sign_in("yet another battery").text("access_token"))
            .body["pending_email"]
            .is_null());
}

TEST_CASE("another address can be called off") {
  MailedSchool school;
  const std::string token = school.signed_in(address);
  CHECK(school.del("/auth/change-email", token).code() == "no_pending_email");
  school.change_email(token, "ada@example.net");
  const std::string mailed = school.mailed_token();
  CHECK(school.del("/auth/change-email", token).status == 204);
  CHECK(school.verify(mailed).status == 422);
  CHECK(school.get("/users/me", token).body["pending_email"].is_null());
}

TEST_CASE("who resets the password of an account that was opened with their address finds no tokens of others in it") {
  MailedSchool school;
  school.post("/auth/register", ada);
  const std::string thief = school.sign_in().text("access_token");
  const auto make = [&](const std::string& session, const char* words) {
    return school
        .post("/auth/tokens", Object{{"name", "Mine"}, {"scopes", Array{"users:read"}}, {"password", words}}, session)
        .text("token");
  };
  const std::string stolen = make(thief, School::password);
  CHECK(school.get("/users/me", stolen).status == 200);
  school.ask_for_reset();
  REQUIRE(school.reset(school.mailed_token()).status == 204);
  CHECK(school.get("/users/me", stolen).status == 401);

  // From now on the address is known to be theirs, and their tokens outlive a password.
  const std::string own = make(school.sign_in(other_password).text("access_token"), other_password);
  school.clock->advance(1min);
  school.ask_for_reset();
  REQUIRE(school.reset(school.mailed_token(), "yet another battery").status == 204);
  CHECK(school.get("/users/me", own).status == 200);
}

TEST_CASE("what strangers ask for comes after everything else") {
  MailedSchool school;
  const std::string token = school.signed_in(address);
  school.mails();
  const std::size_t before = school.mailer->mails().size();
  school.ask_for_reset();
  school.post("/auth/change-password", Object{{"current_password", School::password}, {"new_password", other_password}},
              token);
  const std::vector<Mail> mails = school.mails();
  REQUIRE(mails.size() == before + 2);
  CHECK(mails[before].subject.find("was changed") != std::string::npos);
}

TEST_CASE("the first mail is in the language of the person, or of the school") {
  Settings german = School::quick_settings();
  german.default_language = "de";
  german.default_timezone = "Europe/Berlin";
  MailedSchool school(german);
  school.post("/auth/register", ada);
  CHECK(school.mail().subject == "Bestätigen Sie Ihre Mailadresse für LMS");
  const std::string token = school.sign_in().text("access_token");
  CHECK(school.get("/users/me", token).text("timezone") == "Europe/Berlin");

  Value carmen = Object{{"email", "carmen@example.org"},
                        {"password", School::password},
                        {"full_name", "Carmen Ruiz"},
                        {"language", "es"},
                        {"timezone", "America/Lima"}};
  CHECK(school.post("/auth/register", carmen).text("timezone") == "America/Lima");
  CHECK(school.mail().subject == "Confirma tu dirección de correo para LMS");
  carmen.as_object().set("language", "spanisch");
  CHECK(school.post("/auth/register", carmen).status == 422);

  const std::string admin = school.signed_in("head@example.org", role::admin);
  school.post("/users", Object{{"email", "bob@example.org"}, {"full_name", "Bob"}, {"language", "en"}}, admin);
  CHECK(school.mail().text.starts_with("Hello Bob"));
}

TEST_CASE("one account has mails sent to ten new addresses a day, and no more") {
  MailedSchool school;
  const std::string token = school.signed_in(address);
  for (int i = 0; i < 10; ++i)
    CHECK(school.change_email(token, ("ada" + std::to_string(i) + "@example.net").c_str()).status == 202);
  const Answered refused = school.change_email(token, "ada10@example.net");
  CHECK(refused.status == 429);
  CHECK(refused.code() == "too_many_changes");
  CHECK(school.get("/users/me", token).text("pending_email") == "ada9@example.net");
}

TEST_CASE("a new password that is refused is told to the log of security") {
  MailedSchool school;
  const auto logged = [&] { return school.log->has(LogLevel::warning, "sign-in input refused"); };
  CHECK(school.post("/auth/register", Object{{"email", address}, {"password", "        "}, {"full_name", "Ada Byron"}})
            .status == 422);
  CHECK(logged());
  MailedSchool other;
  const std::string token = other.signed_in(address);
  CHECK(other
            .post("/auth/change-password",
                  Object{{"current_password", School::password}, {"new_password", "password1"}}, token)
            .status == 422);
  CHECK(other.log->has(LogLevel::warning, "sign-in input refused"));
}

TEST_CASE("the old address is told of a new one even if that was verified first") {
  MailedSchool school;
  const std::string token = school.signed_in(address);
  school.mails();
  school.change_email(token, "mallory@example.net");
  CHECK(school.lms.jobs().run_one());  // the mail to the new address; the notice waits
  REQUIRE(school.mailer->mails().back().to == "mallory@example.net");
  const std::string text = school.mailer->mails().back().text;
  const auto begin = text.find("#token=") + 7;
  REQUIRE(school.verify(text.substr(begin, text.find_first_of(" \n", begin) - begin)).status == 204);
  const std::size_t before = school.mailer->mails().size();
  const std::vector<Mail> mails = school.mails();
  REQUIRE(mails.size() == before + 2);
  for (std::size_t i = before; i < mails.size(); ++i) {
    CHECK(mails[i].to == address);
    CHECK(mails[i].text.find("mallory@example.net") != std::string::npos);
  }
}
