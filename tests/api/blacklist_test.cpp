#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include <lms/testing/faulty_storage.hpp>

#include "support/school.hpp"

using namespace lms;
using lms::test::School;

namespace {

/// A blacklist somewhere else, which can be out of reach.
class RemoteBlacklist final : public TokenBlacklist {
 public:
  void revoke(std::string_view jti, Time) override {
    reach();
    const std::lock_guard lock(mutex_);
    revoked_.emplace(jti);
  }
  bool is_revoked(std::string_view jti) override {
    reach();
    const std::lock_guard lock(mutex_);
    return revoked_.contains(jti);
  }
  std::size_t purge() override {
    reach();
    return 0;
  }

  std::atomic<bool> is_out = false;

 private:
  void reach() const {
    if (is_out) throw unavailable("blacklist_unavailable", "The blacklist does not answer.");
  }
  std::mutex mutex_;
  std::set<std::string, std::less<>> revoked_;
};

Settings settings_of(Environment environment, std::optional<bool> fail_closed = {}) {
  Settings settings = School::quick_settings();
  settings.environment = environment;
  settings.access_token_blacklist_fail_closed = fail_closed;
  return settings;
}

std::ptrdiff_t lines(const School& school, std::string_view message) {
  const auto all = school.log->lines();
  return std::count_if(all.begin(), all.end(), [&](const auto& line) {
    return line.category == "security" && line.level == LogLevel::warning && line.message == message;
  });
}

constexpr const char* admitting = "token blacklist does not answer: revoked tokens are let in";
constexpr const char* refusing = "token blacklist does not answer: tokens are refused";
constexpr const char* answering = "token blacklist answers again";

}  // namespace

TEST_CASE("while the blacklist is out, production lets nobody in") {
  for (const Settings& settings : {settings_of(Environment::production), settings_of(Environment::staging),
                                   settings_of(Environment::development, true)}) {
    const auto blacklist = std::make_shared<RemoteBlacklist>();
    School school(settings, nullptr, blacklist);
    const std::string token = school.signed_in("ada@example.org");
    CHECK(school.get("/users/me", token).status == 200);

    blacklist->is_out = true;
    for (int i = 0; i < 3; ++i) {
      const auto refused = school.get("/users/me", token);
      CHECK(refused.status == 503);
      CHECK(refused.code() == "blacklist_unavailable");
      CHECK(refused.headers.find("Retry-After"));
    }
    CHECK(school.patch("/users/me", Object{{"bio", "Hello"}}, token).status == 503);
    CHECK(school.get("/courses").status == 200);  // what needs no token goes on
    CHECK(lines(school, refusing) == 1);

    blacklist->is_out = false;
    CHECK(school.get("/users/me", token).text("bio") == "");
    CHECK(lines(school, answering) == 1);
  }
}

TEST_CASE("while the blacklist is out, development lets tokens in and says so once") {
  for (const Settings& settings :
       {settings_of(Environment::development), settings_of(Environment::production, false)}) {
    const auto blacklist = std::make_shared<RemoteBlacklist>();
    School school(settings, nullptr, blacklist);
    const std::string token = school.signed_in("ada@example.org");
    const auto id = school.lms.users().find_by_email(Principal::system(), "ada@example.org")->id;
    const auto revoked = school.lms.auth().tokens().create(TokenType::access, id, "student");
    blacklist->revoke(revoked.claims.id, revoked.claims.expires_at);
    CHECK(school.get("/users/me", revoked.text).code() == "token_revoked");

    blacklist->is_out = true;
    for (int i = 0; i < 3; ++i) CHECK(school.get("/users/me", token).status == 200);
    CHECK(school.patch("/users/me", Object{{"bio", "Hello"}}, token).status == 200);
    CHECK(school.get("/users/me", revoked.text).status == 200);
    CHECK(lines(school, admitting) == 1);
    CHECK(lines(school, answering) == 0);
    CHECK(school.lms.auth().purge() == 0);

    // A session ends without it; a token without a session cannot.
    CHECK(school.post("/auth/logout", {}, token).status == 204);
    CHECK(school.get("/users/me", token).code() == "session_ended");
    CHECK(school.post("/auth/logout", {}, revoked.text).status == 503);

    blacklist->is_out = false;
    CHECK(school.get("/users/me", revoked.text).code() == "token_revoked");
    CHECK(lines(school, answering) == 1);
    blacklist->is_out = true;
    CHECK(school.get("/users/me", revoked.text).status == 200);
    CHECK(lines(school, admitting) == 2);
  }
}

TEST_CASE("the blacklist in the school's storage is out when that is, wherever the request fails") {
  for (const Environment environment : {Environment::development, Environment::production}) {
    std::size_t n = 1;
    for (;; ++n) {
      CAPTURE(n);
      const auto storage = std::make_shared<testing::FaultyStorage>(open_memory_storage());
      School school(settings_of(environment), storage);
      const std::string token = school.signed_in("ada@example.org");
      storage->fail_at(n);
      const auto answer = school.get("/users/me", token);
      if (!storage->has_failed()) break;
      CHECK(answer.status == 503);
      CHECK(answer.code() == "storage_unavailable");
      CHECK(school.get("/users/me", token).status == 200);
    }
    CHECK(n > 3);  // the blacklist, the session and the user
  }
}

TEST_CASE("without a blacklist a token ends with its session, and is asked of nobody") {
  const auto blacklist = std::make_shared<RemoteBlacklist>();
  blacklist->is_out = true;
  Settings settings = settings_of(Environment::production);
  settings.access_token_blacklist_enabled = false;
  School school(settings, nullptr, blacklist);
  const std::string token = school.signed_in("ada@example.org");
  CHECK(school.get("/users/me", token).status == 200);
  CHECK(school.post("/auth/logout", {}, token).status == 204);
  CHECK(school.get("/users/me", token).code() == "session_ended");
  CHECK(lines(school, refusing) == 0);
}
