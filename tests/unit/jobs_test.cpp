#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include <lms/backends/memory.hpp>
#include <lms/job.hpp>
#include <lms/principal.hpp>
#include <lms/repository.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/log_recorder.hpp>
#include <lms/testing/seeded_random.hpp>

namespace {

using namespace lms;
using namespace std::chrono_literals;

const Principal system_itself = Principal::system();

struct School {
  std::unique_ptr<Storage> storage = open_memory_storage();
  testing::FakeClock clock;
  testing::SeededRandom random;
  testing::LogRecorder lines;
  Logger logger{lines, clock};
  Audit audit{*storage, clock, logger};
  Jobs jobs{*storage, clock, random, audit, logger};

  std::optional<JobId> enqueue(const std::string& kind, Value payload = {}, const JobOptions& options = {}) {
    return storage->write([&](UnitOfWork& uow) { return jobs.enqueue(uow, kind, payload, options); });
  }
  Job get(JobId id) { return jobs.get(system_itself, id); }
};

/// Lets a test and a handler on another thread wait for each other.
class Gate {
 public:
  void open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, 30s, [&] { return open_; }));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

}  // namespace

TEST_CASE("a job is done once and its result is kept") {
  School school;
  school.jobs.handle("double", [](const Job& job, std::stop_token) { return job.payload.as_integer() * 2; });
  const auto id = school.enqueue("double", 21);
  REQUIRE(id);
  CHECK(school.jobs.run_one());
  CHECK_FALSE(school.jobs.run_one());
  const Job job = school.get(*id);
  CHECK(job.status == JobStatus::succeeded);
  CHECK(job.result == Value(42));
  CHECK(job.attempts == 1);
  CHECK(job.finished_at == school.clock.now());
}

TEST_CASE("a job of a transaction that failed is not there") {
  School school;
  school.jobs.handle("work", [](const Job&, std::stop_token) { return Value(); });
  CHECK_THROWS_AS(school.storage->write([&](UnitOfWork& uow) {
    school.jobs.enqueue(uow, "work", {});
    throw conflict("no", "No.");
  }),
                  Error);
  CHECK_FALSE(school.jobs.run_one());
}

TEST_CASE("jobs go by priority, then by time, and not before their time") {
  School school;
  std::string order;
  school.jobs.handle("note", [&](const Job& job, std::stop_token) {
    order += job.payload.as_string();
    return Value();
  });
  const Time now = school.clock.now();
  school.enqueue("note", "d", {.run_at = now + 10s, .priority = 9});
  school.enqueue("note", "c");
  school.enqueue("note", "b", {.run_at = now - 5s});
  school.enqueue("note", "a", {.priority = 1});
  while (school.jobs.run_one()) {
  }
  CHECK(order == "abc");
  school.clock.advance(10s);
  CHECK(school.jobs.run_one());
  CHECK(order == "abcd");
}

TEST_CASE("a kind without a handler waits") {
  School school;
  const auto id = school.enqueue("unheard of");
  CHECK_FALSE(school.jobs.run_one());
  CHECK(school.get(*id).status == JobStatus::waiting);
}

TEST_CASE("a failing job is tried again after 60, 120 and 240 seconds, give or take a tenth, and then is dead") {
  School school;
  school.jobs.handle("fail", [](const Job&, std::stop_token) -> Value { throw std::runtime_error("out of chalk"); });
  const auto id = school.enqueue("fail");
  for (const auto delay : {60s, 120s, 240s}) {
    CHECK(school.jobs.run_one());
    const Job job = school.get(*id);
    CHECK(job.status == JobStatus::waiting);
    CHECK(job.error == "out of chalk");
    CHECK(job.run_at >= school.clock.now() + delay * 9 / 10);
    CHECK(job.run_at <= school.clock.now() + delay * 11 / 10);
    CHECK_FALSE(school.jobs.run_one());
    school.clock.set(job.run_at);
  }
  CHECK(school.jobs.run_one());
  CHECK(school.get(*id).status == JobStatus::dead);
  CHECK(school.get(*id).attempts == 4);
  CHECK(school.lines.has(LogLevel::error, "job is dead"));
  school.clock.advance(24h);
  CHECK_FALSE(school.jobs.run_one());
}

TEST_CASE("whatever a handler throws is a failed attempt") {
  School school;
  school.jobs.handle("odd", [](const Job&, std::stop_token) -> Value { throw 7; });
  const auto id = school.enqueue("odd", {}, {.max_attempts = 1});
  CHECK(school.jobs.run_one());
  CHECK(school.get(*id).status == JobStatus::dead);
}

TEST_CASE("a handler that finds its job invalid is not asked again, until an admin says so") {
  School school;
  int attempts = 0;
  school.jobs.handle("letter", [&](const Job&, std::stop_token) -> Value {
    if (++attempts == 1) throw invalid({"payload"}, "has no address", "value_error.missing");
    return "sent";
  });
  const auto id = school.enqueue("letter", {}, {.unique_key = "k"});
  CHECK(school.jobs.run_one());
  const Job job = school.get(*id);
  CHECK(job.status == JobStatus::dead);
  CHECK(job.attempts == 1);
  CHECK(job.error == "The input is not valid: payload has no address.");
  CHECK(school.enqueue("letter", {}, {.run_at = school.clock.now() + 1h, .unique_key = "k"}));
  CHECK_FALSE(school.jobs.run_one());
}

TEST_CASE("a unique key is held while its job waits or runs") {
  School school;
  std::optional<JobId> while_running;
  school.jobs.handle("once", [&](const Job&, std::stop_token) {
    while_running = school.enqueue("once", {}, {.unique_key = "k"});
    return Value();
  });
  CHECK(school.enqueue("once", {}, {.unique_key = "k"}));
  CHECK_FALSE(school.enqueue("once", {}, {.unique_key = "k"}));
  CHECK(school.enqueue("once", {}, {.unique_key = "other"}));
  CHECK(school.jobs.run_one());
  CHECK_FALSE(while_running);
  CHECK(school.enqueue("once", {}, {.unique_key = "k"}));
}

TEST_CASE(
    "a job of a worker that is not heard of for a minute is done by another, and its late end counts for nothing") {
  School school;
  Jobs other(*school.storage, school.clock, school.random, school.audit, school.logger);
  other.handle("slow", [](const Job&, std::stop_token) { return Value("theirs"); });
  school.jobs.handle("slow", [&](const Job& job, std::stop_token) {
    school.clock.advance(60s);
    other.tidy();
    CHECK_FALSE(other.run_one());
    school.clock.advance(1s);
    other.tidy();
    CHECK(school.get(job.id).error == "the worker was lost");
    CHECK(other.run_one());
    return Value("mine");
  });
  const auto id = school.enqueue("slow");
  CHECK(school.jobs.run_one());
  const Job job = school.get(*id);
  CHECK(job.result == Value("theirs"));
  CHECK(job.attempts == 2);
}

TEST_CASE("a job that loses its worker too often is dead") {
  School school;
  school.jobs.handle("deadly", [&](const Job&, std::stop_token) {
    school.clock.advance(61s);
    school.jobs.tidy();
    return Value();
  });
  const auto id = school.enqueue("deadly", {}, {.max_attempts = 1, .unique_key = "k"});
  CHECK(school.jobs.run_one());
  CHECK(school.get(*id).status == JobStatus::dead);
  CHECK(school.enqueue("deadly", {}, {.unique_key = "k"}));
}

TEST_CASE("finished jobs are forgotten after seven days, dead ones are not") {
  School school;
  school.jobs.handle("work", [](const Job&, std::stop_token) { return Value(); });
  school.jobs.handle("fail", [](const Job&, std::stop_token) -> Value { throw std::runtime_error("no"); });
  const auto done = school.enqueue("work");
  const auto dead = school.enqueue("fail", {}, {.max_attempts = 1});
  while (school.jobs.run_one()) {
  }
  school.clock.advance(Jobs::kept_for);
  school.jobs.tidy();
  CHECK(school.get(*done).status == JobStatus::succeeded);
  school.clock.advance(1s);
  school.jobs.tidy();
  CHECK_THROWS_AS(school.get(*done), Error);
  CHECK(school.get(*dead).status == JobStatus::dead);
}

TEST_CASE("an admin tries a dead job again or cancels it") {
  School school;
  bool works = false;
  school.jobs.handle("moody", [&](const Job&, std::stop_token) -> Value {
    if (!works) throw std::runtime_error("not today");
    return "done";
  });
  const auto id = school.enqueue("moody", {}, {.max_attempts = 1, .unique_key = "k"});
  CHECK(school.jobs.run_one());

  const auto rival = school.enqueue("moody", {}, {.unique_key = "k"});
  CHECK_THROWS_AS(school.jobs.retry(system_itself, *id), Error);
  CHECK(school.jobs.cancel(system_itself, *rival).status == JobStatus::cancelled);
  CHECK_THROWS_AS(school.jobs.cancel(system_itself, *rival), Error);

  works = true;
  CHECK(school.jobs.retry(system_itself, *id).status == JobStatus::waiting);
  CHECK(school.jobs.run_one());
  CHECK(school.get(*id).result == Value("done"));
  CHECK_FALSE(school.jobs.run_one());
}

TEST_CASE("only admins see the queue") {
  School school;
  const auto id = school.enqueue("work");
  const Principal instructor(UserId(school.random.uuid(school.clock.now())), "instructor", std::make_shared<Roles>());
  CHECK_THROWS_WITH_AS(school.jobs.list(instructor, {}), "Only an admin may do this.", Error);
  CHECK_THROWS_AS(school.jobs.get(instructor, *id), Error);
  CHECK_THROWS_AS(school.jobs.retry(instructor, *id), Error);
  CHECK_THROWS_AS(school.jobs.cancel(Principal::anonymous(), *id), Error);

  JobFilter filter;
  filter.status = JobStatus::waiting;
  CHECK(school.jobs.list(system_itself, filter).total == 1);
  filter.kind = "another";
  CHECK(school.jobs.list(system_itself, filter).total == 0);
}

TEST_CASE("started threads do what is enqueued and stop when told") {
  School school;
  constexpr int count = 50;
  std::mutex mutex;
  std::vector<std::int64_t> done;
  Gate all_done;
  school.jobs.handle("count", [&](const Job& job, std::stop_token) {
    const std::lock_guard lock(mutex);
    done.push_back(job.payload.as_integer());
    if (done.size() == count) all_done.open();
    return Value();
  });
  school.jobs.start(4);
  for (int i = 0; i < count; ++i) school.enqueue("count", i);
  all_done.pass();
  school.jobs.stop(30s);
  JobFilter filter;
  filter.status = JobStatus::succeeded;
  CHECK(school.jobs.list(system_itself, filter).total == count);
  CHECK_FALSE(school.jobs.run_one());
}

TEST_CASE("a handler that is told to stop may throw, and the attempt does not count") {
  School school;
  Gate begun;
  school.jobs.handle("patient", [&](const Job&, std::stop_token stop) -> Value {
    Gate told;
    const std::stop_callback when_told(stop, [&] { told.open(); });
    begun.open();
    told.pass();
    throw std::runtime_error("interrupted");
  });
  const auto id = school.enqueue("patient");
  school.jobs.start(1);
  begun.pass();
  school.jobs.stop(30s);
  const Job job = school.get(*id);
  CHECK(job.status == JobStatus::waiting);
  CHECK(job.attempts == 0);
  CHECK_FALSE(job.worker);
}

TEST_CASE("at the deadline a job that goes on is handed back, and what it returns counts for nothing") {
  School school;
  Gate begun, released;
  {
    Jobs jobs(*school.storage, school.clock, school.random, school.audit, school.logger);
    jobs.handle("stubborn", [&](const Job&, std::stop_token) {
      begun.open();
      released.pass();
      return Value("late");
    });
    const auto id = school.storage->write([&](UnitOfWork& uow) { return jobs.enqueue(uow, "stubborn", {}); });
    jobs.start(1);
    begun.pass();
    jobs.stop(0ms);
    CHECK(school.get(*id).status == JobStatus::waiting);
    CHECK(school.get(*id).attempts == 0);
    released.open();
  }
  JobFilter filter;
  filter.status = JobStatus::waiting;
  CHECK(school.jobs.list(system_itself, filter).total == 1);
}

TEST_CASE("a job that waits for its next attempt can be hurried") {
  School school;
  int tried = 0;
  school.jobs.handle("mail", [&](const Job&, std::stop_token) -> Value {
    if (++tried == 1) throw unavailable("mail_server_unavailable", "Down.");
    return {};
  });
  const auto id = *school.enqueue("mail");
  CHECK(school.jobs.run_one());
  CHECK_FALSE(school.jobs.run_one());
  CHECK(school.jobs.retry(system_itself, id).attempts == 1);
  CHECK(school.jobs.run_one());
  CHECK(school.get(id).status == JobStatus::succeeded);
  CHECK_THROWS_WITH(school.jobs.retry(system_itself, id), "Only a job that is dead or waits can be tried again.");
  CHECK(school.audit.list(system_itself, {.action = "job.retried"}).total == 1);
}
