#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <tuple>

#include <lms/testing/run_twice_storage.hpp>
#include <lms/testing/seeded_random.hpp>
#include <lms/testing/storage_wrapper.hpp>

#include "api/login_race.hpp"
#include "auth/blacklist.hpp"

using namespace lms;
using lms::test::Answered;
using lms::test::School;

namespace {

constexpr const char* ada = "ada@example.org";
constexpr const char* nobody = "nobody@example.org";
constexpr const char* wrong = "wrong password";

Value credentials(const char* email, const char* password = School::password) {
  return Object{{"email", email}, {"password", password}};
}

void register_ada(School& school) {
  school.lms.auth().register_student({ada, School::password, "Ada Byron"});
}

void fail(School& school, const char* email, int times) {
  for (int i = 0; i < times; ++i) CHECK(school.post("/auth/login", credentials(email, wrong)).status == 401);
}

LockoutStatus status(School& school, std::string_view login_id) {
  return school.lms.lockout().status(Principal::system(), login_id);
}

/// The headers that an answer has for what it says, not for when it was given.
std::multiset<std::pair<std::string, std::string>> lasting(const http::Headers& headers) {
  std::multiset<std::pair<std::string, std::string>> kept;
  for (const auto& [name, value] : headers)
    if (name != "X-Request-ID" && name != "X-Response-Time") kept.emplace(name, value);
  return kept;
}

/// Writes down what is asked of a storage: `write( select upsert select )`.
class TracedStorage final : public testing::StorageWrapper {
 public:
  using StorageWrapper::StorageWrapper;

  std::string take() { return std::exchange(trace_, {}); }

 protected:
  void do_write(const Function& function, Isolation isolation) override {
    wrapped().write([&](UnitOfWork& unit) { trace("write", unit, function); }, isolation);
  }
  void do_read(const Function& function) override {
    wrapped().read([&](UnitOfWork& unit) { trace("read", unit, function); });
  }

 private:
  class Unit final : public testing::UnitWrapper {
   public:
    Unit(UnitOfWork& unit, std::string& trace) : UnitWrapper(unit), trace_(trace) {}

   protected:
    void do_insert(const Schema& schema, const std::vector<Record>& records) override {
      UnitWrapper::do_insert(said("insert", schema), records);
    }
    void do_upsert(const Schema& schema, const Record& record, const std::vector<std::string>& by) override {
      UnitWrapper::do_upsert(said("upsert", schema), record, by);
    }
    bool do_update(const Schema& schema, const Record& record) override {
      return UnitWrapper::do_update(said("update", schema), record);
    }
    std::size_t do_remove_where(const Schema& schema, const Condition& where) override {
      return UnitWrapper::do_remove_where(said("remove", schema), where);
    }
    std::vector<Record> do_select(const Schema& schema, const Query& query) override {
      return UnitWrapper::do_select(said("select", schema), query);
    }

   private:
    const Schema& said(const char* operation, const Schema& schema) {
      trace_ += std::string(operation) + ' ' + schema.table() + ' ';
      return schema;
    }
    std::string& trace_;
  };

  void trace(const char* kind, UnitOfWork& unit, const Function& function) {
    trace_ += std::string(kind) + "( ";
    Unit traced(unit, trace_);
    function(traced);
    trace_ += ") ";
  }

  std::string trace_;
};

/// The services that signing in needs, so that what they stand on can be watched.
struct Desk {
  explicit Desk(PasswordHasher::Options cost = {.memory_kib = 64, .iterations = 1})
      : storage(std::make_shared<TracedStorage>(open_memory_storage())), hasher(random, cost) {}

  std::string login(const std::string& email, const std::string& password) {
    try {
      auth.login({email, password});
      return "";
    } catch (const Error& error) {
      return error.reason();
    }
  }
  std::optional<User> user(std::string_view email) { return users.find_by_email(Principal::system(), email); }

  std::shared_ptr<TracedStorage> storage;
  testing::FakeClock clock;
  testing::SeededRandom random;
  testing::LogRecorder log;
  Logger logger{log, clock};
  Events events{*storage, clock, random};
  PasswordHasher hasher;
  std::shared_ptr<const Roles> roles = std::make_shared<Roles>();
  Tokens tokens{{.secret = "a key for tests, with more than 32 characters"}, clock, random};
  StorageBlacklist blacklist{*storage, clock};
  Audit audit{*storage, clock, logger};
  Users users{*storage, clock, random, events, audit, hasher, *roles, {}};
  Lockout lockout{*storage, clock, events, audit, logger};
  Auth auth{*storage, clock, random, events, audit, users, hasher, tokens, blacklist, lockout, roles, logger};
};

}  // namespace

TEST_CASE("after too many wrong passwords the right one is wrong too, until the lock ends by itself") {
  School school;
  register_ada(school);
  testing::EventRecorder recorder(school.lms.events());
  fail(school, ada, 4);
  CHECK(recorder.take_types().empty());
  CHECK(status(school, ada).remaining_attempts == 1);
  fail(school, "ADA@example.org", 1);
  CHECK(recorder.take_types() == std::vector<std::string>{"user.locked"});
  CHECK(school.log->has(LogLevel::warning, "auth.locked"));

  const auto refused = school.post("/auth/login", credentials(ada));
  CHECK(refused.status == 401);
  CHECK(refused.code() == "bad_credentials");
  const LockoutStatus locked = status(school, ada);
  CHECK(locked.locked);
  CHECK(locked.failed_attempts == 5);
  CHECK(locked.remaining_attempts == 0);
  CHECK(locked.remaining_seconds == 1'800);
  CHECK(locked.locked_until == school.clock->now() + std::chrono::minutes{30});

  school.clock->advance(std::chrono::minutes{30} - std::chrono::microseconds{1});
  CHECK(school.post("/auth/login", credentials(ada)).status == 401);
  CHECK(status(school, ada).remaining_seconds == 1);
  school.clock->advance(std::chrono::microseconds{1});
  CHECK(status(school, ada).remaining_attempts == 5);
  CHECK(school.post("/auth/login", credentials(ada)).status == 200);
  CHECK(recorder.take_types() == std::vector<std::string>{"user.logged_in"});
}

TEST_CASE("tries during a lock do not make it longer") {
  School school;
  register_ada(school);
  fail(school, ada, 5);
  school.clock->advance(std::chrono::minutes{29});
  fail(school, ada, 20);
  CHECK(status(school, ada).remaining_seconds == 60);
  CHECK(status(school, ada).failed_attempts == 5);
}

TEST_CASE("failures are forgotten one by one, and by a right password all at once") {
  School school;
  register_ada(school);
  fail(school, ada, 2);
  school.clock->advance(std::chrono::minutes{20});
  fail(school, ada, 2);
  CHECK(status(school, ada).failed_attempts == 4);
  school.clock->advance(std::chrono::minutes{10});
  CHECK(status(school, ada).failed_attempts == 2);
  fail(school, ada, 2);
  CHECK_FALSE(status(school, ada).locked);
  CHECK(school.post("/auth/login", credentials(ada)).status == 200);
  CHECK(status(school, ada).failed_attempts == 0);
  fail(school, ada, 4);
  CHECK(school.post("/auth/login", credentials(ada)).status == 200);
}

TEST_CASE("an address without an account locks as well, and says so to nobody but admins") {
  School school;
  testing::EventRecorder recorder(school.lms.events());
  int told = 0;
  school.lms.lockout().on_locked([&](UnitOfWork&, const User&, Factor) { ++told; });
  fail(school, nobody, 7);
  CHECK(status(school, nobody).locked);
  CHECK(recorder.take_types().empty());
  CHECK(told == 0);

  register_ada(school);
  recorder.take();
  fail(school, ada, 5);
  CHECK(told == 1);
  CHECK(recorder.take_types() == std::vector<std::string>{"user.locked"});
}

TEST_CASE("what a hook does when somebody is locked belongs to the same transaction") {
  School school(School::quick_settings(), std::make_shared<testing::RunTwiceStorage>(open_memory_storage()));
  school.lms.lockout().on_locked([&](UnitOfWork& uow, const User& user, Factor) {
    school.lms.jobs().enqueue(uow, "tell", Object{{"email", user.email}});
  });
  register_ada(school);
  fail(school, ada, 6);
  const auto jobs = school.lms.jobs().list(Principal::system(), {.kind = "tell"}).items;
  REQUIRE(jobs.size() == 1);
  CHECK(jobs.front().payload["email"] == Value(ada));
}

TEST_CASE("no answer tells an unknown address from a wrong password, a deactivated account or a locked one") {
  School school;
  register_ada(school);
  school.lms.auth().register_student({"bob@example.org", School::password, "Bob Stone"});
  const auto bob = school.lms.users().find_by_email(Principal::system(), "bob@example.org")->id;
  school.lms.users().update(Principal::system(), bob, {{"is_active", false}});
  const Answered mistaken = school.post("/auth/login", credentials(ada, wrong));
  fail(school, ada, 4);
  const Answered locked = school.post("/auth/login", credentials(ada));
  const Answered unknown = school.post("/auth/login", credentials(nobody));
  const Answered inactive = school.post("/auth/login", credentials("bob@example.org"));
  for (const Answered& answer : {locked, unknown, inactive}) {
    CHECK(answer.status == mistaken.status);
    CHECK(answer.body == mistaken.body);
    CHECK(lasting(answer.headers) == lasting(mistaken.headers));
  }
  std::vector<std::string> causes;
  for (const auto& line : school.log->lines())
    if (line.message == "sign-in refused") causes.push_back(line.fields.find("cause")->as_string());
  CHECK(std::vector<std::string>(causes.end() - 3, causes.end()) ==
        std::vector<std::string>{"locked", "unknown address", "deactivated or wrong password"});
}

TEST_CASE("every refusal costs the same work: what is asked of storage, and one hash") {
  Desk desk;
  desk.auth.register_student({ada, School::password, "Ada Byron"});
  desk.auth.register_student({"bob@example.org", School::password, "Bob Stone"});
  desk.auth.register_student({"eve@example.org", School::password, "Eve Stone"});
  desk.users.update(Principal::system(), desk.user("bob@example.org")->id, {{"is_active", false}});
  for (int i = 0; i < 5; ++i) desk.login("eve@example.org", wrong);

  const auto work = [&](const char* email, const char* password) {
    desk.storage->take();
    const auto hashes = desk.hasher.hashes_made();
    CHECK(desk.login(email, password) == "bad_credentials");
    return std::pair(desk.storage->take(), desk.hasher.hashes_made() - hashes);
  };
  const auto mistaken = work(ada, wrong);
  CHECK(mistaken.first ==
        "write( select login_failures upsert login_failures select users ) "
        "write( select login_failures upsert login_failures ) ");
  CHECK(mistaken.second == 1);
  CHECK(work(nobody, wrong) == mistaken);
  CHECK(work("bob@example.org", School::password) == mistaken);
  CHECK(work("bob@example.org", wrong) == mistaken);
  CHECK(work("eve@example.org", School::password) == mistaken);
  CHECK(work("eve@example.org", wrong) == mistaken);
  CHECK(work(ada, wrong) == mistaken);
}

TEST_CASE("a deactivated account is locked by its right password like any other") {
  School school;
  register_ada(school);
  const auto id = school.lms.users().find_by_email(Principal::system(), ada)->id;
  school.lms.users().update(Principal::system(), id, {{"is_active", false}});
  for (int i = 0; i < 5; ++i) school.post("/auth/login", credentials(ada));
  CHECK(status(school, ada).locked);
}

TEST_CASE("racing guesses get no more tries than those which wait") {
  CHECK(test::guesses_looked_at(open_memory_storage(), ada) == 5);
  CHECK(test::guesses_looked_at(open_memory_storage(), nobody) == 5);
  CHECK(test::guesses_looked_at(std::make_shared<testing::RunTwiceStorage>(open_memory_storage()), ada) == 5);
}

TEST_CASE("racing logins with the right password all succeed") {
  CHECK(test::right_logins(open_memory_storage()) == 16);
}

TEST_CASE("as many sign-ins are under way as may fail, and one that never ends is taken back") {
  School school;
  register_ada(school);
  Lockout& lockout = school.lms.lockout();
  const auto begin = [&] {
    return school.lms.storage().write([&](UnitOfWork& uow) { return lockout.begin(uow, ada, Factor::password); });
  };
  for (int i = 0; i < 5; ++i) CHECK(begin().admission == LoginAttempt::Admission::admitted);
  CHECK(begin().admission == LoginAttempt::Admission::busy);
  const auto refused = school.post("/auth/login", credentials(ada));
  CHECK(refused.status == 429);
  CHECK(refused.code() == "sign_in_busy");
  REQUIRE(refused.headers.find("Retry-After"));
  CHECK(*refused.headers.find("Retry-After") == "1");
  CHECK(school.post("/auth/login", credentials(nobody)).status == 401);  // others are not concerned
  CHECK_FALSE(status(school, ada).locked);

  school.clock->advance(std::chrono::minutes{2});
  CHECK(school.post("/auth/login", credentials(ada)).status == 200);
}

TEST_CASE("a password that could not be checked was no try") {
  Desk desk({.memory_kib = 1, .iterations = 1});  // less than Argon2 takes
  CHECK(desk.login(nobody, wrong) == "internal");
  CHECK(desk.storage->read([](UnitOfWork& uow) {
    const auto& schemas = stored_schemas();
    const auto failures = std::find_if(schemas.begin(), schemas.end(),
                                       [](const Schema* schema) { return schema->table() == "login_failures"; });
    return uow.count(**failures, everything());
  }) == 0);
}

TEST_CASE("passwords and codes are counted apart, and lock together") {
  Desk desk;
  desk.auth.register_student({ada, School::password, "Ada Byron"});
  const auto user = desk.user(ada);
  const auto attempt = [&](Factor factor, auto&& settle) {
    const auto counted = desk.storage->write([&](UnitOfWork& uow) { return desk.lockout.begin(uow, ada, factor); });
    desk.storage->write([&](UnitOfWork& uow) { settle(uow, counted); });
    return counted.admission;
  };
  const auto fails = [&](UnitOfWork& uow, const LoginAttempt& counted) { desk.lockout.failed(uow, counted, user, ""); };
  const auto passes = [&](UnitOfWork& uow, const LoginAttempt& counted) { desk.lockout.passed(uow, counted); };
  const auto signs_in = [&](UnitOfWork& uow, const LoginAttempt& counted) { desk.lockout.signed_in(uow, counted); };
  const auto counts = [&] {
    const auto now = desk.lockout.status(Principal::system(), ada);
    return std::tuple(now.failed_attempts, now.failed_codes, now.locked);
  };

  for (int i = 0; i < 4; ++i) attempt(Factor::code, fails);
  attempt(Factor::password, fails);
  CHECK(counts() == std::tuple(1, 4, false));
  attempt(Factor::password, passes);
  CHECK(counts() == std::tuple(0, 4, false));  // the password is known to who guesses codes
  attempt(Factor::code, signs_in);
  CHECK(counts() == std::tuple(0, 0, false));

  for (int i = 0; i < 4; ++i) attempt(Factor::code, fails);
  attempt(Factor::password, passes);
  CHECK(attempt(Factor::code, fails) == LoginAttempt::Admission::admitted);
  CHECK(counts() == std::tuple(0, 5, true));
  CHECK(attempt(Factor::code, passes) == LoginAttempt::Admission::locked);
  CHECK(desk.login(ada, School::password) == "bad_credentials");
}

TEST_CASE("admins see who is locked and end it, others do not") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string student = school.signed_in(ada);
  const std::string id = school.get("/users/me", student).text("id");
  fail(school, ada, 5);
  testing::EventRecorder recorder(school.lms.events());

  for (const std::string& login_id : {std::string("ADA%40example.org"), id}) {
    CAPTURE(login_id);
    const auto seen = school.get("/auth/lockout-status/" + login_id, admin);
    CHECK(seen.status == 200);
    CHECK(seen.body["locked"] == Value(true));
    CHECK(seen.number("failed_attempts") == 5);
    CHECK(seen.number("failed_codes") == 0);
    CHECK(seen.number("remaining_attempts") == 0);
    CHECK(seen.number("remaining_seconds") == 1'800);
    CHECK(seen.text("locked_until") == "2026-01-01T00:30:00Z");
  }
  const auto clean = school.get("/auth/lockout-status/" + std::string(nobody), admin);
  CHECK(clean.status == 200);
  CHECK(clean.body["locked"] == Value(false));
  CHECK(clean.body["locked_until"].is_null());
  CHECK(clean.number("remaining_attempts") == 5);
  for (const char* unknown : {"01980000-0000-7000-8000-000000000000", "neither"}) {
    CHECK(school.get("/auth/lockout-status/" + std::string(unknown), admin).code() == "user_not_found");
    CHECK(school.post("/auth/unlock-account/" + std::string(unknown), {}, admin).code() == "user_not_found");
  }
  CHECK(school.get("/auth/lockout-status/" + id, student).status == 403);
  CHECK(school.post("/auth/unlock-account/" + id, {}, student).status == 403);
  CHECK(school.get("/auth/lockout-status/" + id).status == 401);

  CHECK(school.post("/auth/login", credentials(ada)).status == 401);
  const auto unlocked = school.post("/auth/unlock-account/" + id, {}, admin);
  CHECK(unlocked.status == 200);
  CHECK(unlocked.body["locked"] == Value(false));
  CHECK(unlocked.number("failed_attempts") == 0);
  CHECK(school.log->has(LogLevel::info, "auth.unlocked"));
  CHECK(recorder.take_types() == std::vector<std::string>{"user.unlocked"});
  CHECK(school.post("/auth/unlock-account/" + id, {}, admin).status == 200);
  CHECK(recorder.take_types().empty());
  CHECK(school.post("/auth/login", credentials(ada)).status == 200);
}

TEST_CASE("a stolen session cannot guess the password for ever") {
  School school;
  const std::string token = school.signed_in(ada);
  const auto change = [&](const char* current) {
    return school.post("/auth/change-password",
                       Object{{"current_password", current}, {"new_password", "sea of clouds"}}, token);
  };
  for (int i = 0; i < 5; ++i) CHECK(change(wrong).status == 422);
  CHECK(school.log->has(LogLevel::warning, "auth.password_refused"));
  const auto refused = change(School::password);
  CHECK(refused.status == 429);
  CHECK(refused.code() == "account_locked");
  REQUIRE(refused.headers.find("Retry-After"));
  CHECK(*refused.headers.find("Retry-After") == "1800");
  CHECK(school.post("/auth/login", credentials(ada)).status == 401);
  CHECK(school.get("/users/me", token).status == 200);

  // What is refused without a look fills the log of the process, not the one that is never thinned out.
  const auto audited = [&] {
    return school.lms.audit().list(Principal::system(), {.action = "auth.password_refused"}).total;
  };
  const auto before = audited();
  CHECK(before == 5);
  for (int i = 0; i < 3; ++i) CHECK(change(wrong).status == 429);
  CHECK(audited() == before);
  CHECK(school.log->has(LogLevel::warning, "password refused"));

  school.lms.lockout().unlock(Principal::system(), ada);
  CHECK(change(wrong).status == 422);
  CHECK(status(school, ada).failed_attempts == 1);
  CHECK(change(School::password).status == 204);
  CHECK(status(school, ada).failed_attempts == 0);
  CHECK(school.post("/auth/login", credentials(ada, "sea of clouds")).status == 200);
}

TEST_CASE("a new password ends a lock") {
  School school;
  register_ada(school);
  fail(school, ada, 5);
  testing::EventRecorder recorder(school.lms.events());
  const User user = *school.lms.users().find_by_email(Principal::system(), ada);
  school.lms.storage().write([&](UnitOfWork& uow) { school.lms.lockout().clear(uow, Principal::system(), user); });
  CHECK(recorder.take_types() == std::vector<std::string>{"user.unlocked"});
  CHECK(school.post("/auth/login", credentials(ada)).status == 200);
}

TEST_CASE("what counts no more is forgotten by and by, and no address is kept") {
  School school;
  const auto rows = [&] {
    return school.lms.storage().read([](UnitOfWork& uow) {
      for (const Schema* schema : stored_schemas())
        if (schema->table() == "login_failures") return uow.select(*schema, {});
      return std::vector<Record>();
    });
  };
  fail(school, nobody, 5);
  fail(school, "somebody@example.org", 1);
  REQUIRE(rows().size() == 2);
  for (const Record& row : rows()) {
    CHECK(row.front().as_string().size() == 64);
    for (const Value& value : row) CHECK(to_json(value).find("example") == std::string::npos);
  }
  school.clock->advance(std::chrono::minutes{29});
  CHECK(school.lms.lockout().purge() == 0);
  school.clock->advance(std::chrono::minutes{1});
  CHECK(school.lms.auth().purge() == 2);
  CHECK(rows().empty());
}

TEST_CASE("a lock needs a number of failures and a time") {
  Settings settings = School::quick_settings();
  settings.max_failed_attempts = 0;
  CHECK_THROWS_AS(School{settings}, Error);
  settings.max_failed_attempts = 1;
  settings.lockout_duration = std::chrono::minutes{0};
  CHECK_THROWS_AS(School{settings}, Error);
  settings.lockout_duration = std::chrono::minutes{1};
  School strict(settings);
  register_ada(strict);
  fail(strict, ada, 1);
  CHECK(strict.post("/auth/login", credentials(ada)).status == 401);
  strict.clock->advance(std::chrono::minutes{1});
  CHECK(strict.post("/auth/login", credentials(ada)).status == 200);
}
