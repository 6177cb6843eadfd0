#include <doctest/doctest.h>

#include <functional>
#include <utility>

#include <lms/testing/storage_wrapper.hpp>

#include "support/school.hpp"

using namespace lms;
using lms::test::Answered;
using lms::test::School;

namespace {

/// Lets something happen just before one of the writes that follow, as another client might.
class InterruptedStorage final : public testing::StorageWrapper {
 public:
  InterruptedStorage() : StorageWrapper(open_memory_storage()) {}

  void before_write(int number, std::function<void()> what) {
    left_ = number;
    what_ = std::move(what);
  }
  /// Whether it has happened. If not, it will no more.
  bool happened() { return std::exchange(what_, nullptr) == nullptr; }

 protected:
  void do_write(const Function& function, Isolation isolation) override {
    if (what_ && --left_ == 0) std::exchange(what_, nullptr)();
    StorageWrapper::do_write(function, isolation);
  }

 private:
  int left_ = 0;
  std::function<void()> what_;
};

struct BusySchool : School {
  explicit BusySchool(std::shared_ptr<InterruptedStorage> its_storage = std::make_shared<InterruptedStorage>())
      : School(encrypting(), its_storage), storage(std::move(its_storage)) {}

  static Settings encrypting() {
    Settings settings = School::quick_settings();
    settings.encryption_keys = {"cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="};
    return settings;
  }

  std::string sign_in(const char* email) {
    return post("/auth/login", Object{{"email", email}, {"password", password}}).text("access_token");
  }
  std::string id_of(const std::string& token) { return get("/users/me", token).text("id"); }

  std::shared_ptr<InterruptedStorage> storage;
};

constexpr const char* ada = "ada@example.org";
constexpr const char* boss = "boss@example.org";

using Ask = std::function<Answered(BusySchool&, const std::string& token)>;
using Interruption = std::function<void(BusySchool&, const std::string& user)>;

/// Calls by `email` in a second session, once for each write that may be interrupted; `check` sees what came of it.
int interrupt_each_write(const char* email, std::string_view role, const Interruption& interruption, const Ask& call,
                         const std::function<void(BusySchool&, const std::string& user, const Answered&)>& check) {
  for (int number = 1;; ++number) {
    BusySchool school;
    const std::string user = school.id_of(school.signed_in(email, role));
    const std::string second = school.sign_in(email);
    school.storage->before_write(number, [&] { interruption(school, user); });
    const Answered answered = call(school, second);
    if (!school.storage->happened()) {
      CHECK(answered.status / 100 == 2);
      return number - 1;
    }
    CAPTURE(number);
    CHECK(answered.status / 100 == 4);
    check(school, user, answered);
  }
}

void change_password(BusySchool& school, const std::string&) {
  const std::string owner = school.sign_in(ada);
  const Value change = Object{{"current_password", School::password}, {"new_password", "a sea of small clouds"}};
  CHECK(school.post("/auth/change-password", change, owner).status == 204);
}

Value as_seen(BusySchool& school, const std::string& user) {
  return school.get("/users/" + user, school.signed_in("head@example.org", role::admin)).body;
}

const Value proof = Object{{"password", School::password}};

}  // namespace

TEST_CASE("what an old password confirmed does not happen once there is a new one") {
  const auto nothing = [](BusySchool& school, const std::string& user, const Answered&) {
    const Value seen = as_seen(school, user);
    CHECK(seen["pending_email"].is_null());
    CHECK(seen["erased_at"].is_null());
  };
  const Value other = Object{{"new_email", "thief@example.org"}, {"password", School::password}};
  const Value token = Object{{"name", "Mine"}, {"scopes", Array{"users:read"}}, {"password", School::password}};
  const std::pair<const char*, Value> calls[] = {
      {"/auth/change-email", other}, {"/auth/tokens", token}, {"/users/me/erase", proof}, {"/auth/setup-mfa", proof}};
  for (const auto& [path, body] : calls) {
    CAPTURE(path);
    const auto call = [&](BusySchool& school, const std::string& session) { return school.post(path, body, session); };
    CHECK(interrupt_each_write(ada, role::student, change_password, call, nothing) >= 3);
  }
}

TEST_CASE("who is erased meanwhile leaves no address") {
  const auto erase = [](BusySchool& school, const std::string& user) {
    const std::string admin = school.signed_in(boss, role::admin);
    CHECK(school.post("/users/" + user + "/erase", Object{}, admin).status == 202);
  };
  const auto change = [](BusySchool& school, const std::string& session) {
    return school.post("/auth/change-email", Object{{"new_email", "after@example.org"}, {"password", School::password}},
                       session);
  };
  interrupt_each_write(ada, role::student, erase, change,
                       [](BusySchool& school, const std::string& user, const Answered&) {
                         CHECK(as_seen(school, user)["pending_email"].is_null());
                       });
}

TEST_CASE("who is let go while a password is hashed makes nobody any more") {
  const std::string csv = "email,full_name,role,password\nmia@example.org,Mia Sand,admin,tr0ub4dor and three\n";
  const Ask calls[] = {
      [](BusySchool& school, const std::string& session) {
        return school.post("/users",
                           Object{{"email", "mia@example.org"},
                                  {"full_name", "Mia Sand"},
                                  {"role", "admin"},
                                  {"password", "tr0ub4dor and three"}},
                           session);
      },
      [&](BusySchool& school, const std::string& session) {
        http::Request people;
        people.method = http::Method::post;
        people.target = "/api/v1/users/import";
        people.headers = {{"Host", "localhost"}, {"Authorization", "Bearer " + session}, {"Content-Type", "text/csv"}};
        people.body = csv;
        return school.send(std::move(people));
      }};
  const auto by_boss = [](http::Method method, const char* path, const Value& body) {
    return [=](BusySchool& school, const std::string& user) {
      const std::string admin = school.signed_in(boss, role::admin);
      CHECK(school.ask(method, "/users/" + user + path, body, admin).status / 100 == 2);
    };
  };
  const Interruption interruptions[] = {by_boss(http::Method::patch, "", Object{{"is_active", false}}),
                                        by_boss(http::Method::put, "/role", Object{{"role", "student"}}),
                                        by_boss(http::Method::del, "/sessions", {}),
                                        by_boss(http::Method::del, "", {})};
  for (const Ask& call : calls)
    for (const Interruption& interruption : interruptions)
      CHECK(interrupt_each_write(ada, role::admin, interruption, call,
                                 [](BusySchool& school, const std::string&, const Answered& answered) {
                                   CHECK(answered.code() == "session_ended");
                                   CHECK_FALSE(
                                       school.lms.users().find_by_email(Principal::system(), "mia@example.org"));
                                 }) >= 1);
}
