#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "backend/sqlite/sqlite_storage.hpp"
#include "contract/table_check.hpp"
#include "testing/clauses.hpp"

using namespace lms;
using namespace lms::testing;
using sqlite::SqliteStorage;

namespace {

using Counters = Repository<Counter>;

/// Keeps tasks until it is told what to do with them.
class Tasks {
 public:
  Executor executor() {
    return [this](std::function<void()> task) {
      const std::lock_guard lock(mutex_);
      if (refuses_) throw unavailable("overloaded", "Later.");
      tasks_.push_back(std::move(task));
    };
  }
  void refuse_from_now_on() { refuses_ = true; }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return tasks_.size();
  }
  void run() {
    for (;;) {
      std::function<void()> task;
      {
        const std::lock_guard lock(mutex_);
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }
  void drop() {
    std::deque<std::function<void()>> dropped;
    const std::lock_guard lock(mutex_);
    dropped.swap(tasks_);
    refuses_ = true;
  }  // they go after the lock has, for their end may lead to another task

 private:
  std::mutex mutex_;
  std::deque<std::function<void()>> tasks_;
  bool refuses_ = false;
};

/// How deferred work ended, by its reason; empty: well.
struct Outcomes {
  std::mutex mutex;
  std::vector<std::string> reasons;

  Storage::Done note() {
    return [this](const std::exception_ptr& error) {
      const std::string reason = reason_of([&] {
        if (error) std::rethrow_exception(error);
      });
      const std::lock_guard lock(mutex);
      reasons.push_back(reason);
    };
  }
};

SqliteOptions patient() {
  SqliteOptions options;
  options.busy_timeout = options.max_read = options.max_write = std::chrono::minutes(1);
  return options;
}

std::unique_ptr<SqliteStorage> sqlite_library(SqliteOptions options = patient()) {
  auto storage = std::make_unique<SqliteStorage>(std::move(options));
  storage->migrate();
  create_tables(*storage, library_schemas());
  return storage;
}

std::function<void()> inserting(Storage& storage, const std::string& name) {
  return [&storage, name] { insert<Counter>(storage, {{name, 1}}); };
}

}  // namespace

TEST_CASE("those who do not wait share one thread and one commit") {
  std::atomic<int> commits{0};
  SqliteOptions options = patient();
  options.on_statement = [&](std::string_view sql, auto) { commits += sql == "COMMIT" ? 1 : 0; };
  const auto storage = sqlite_library(std::move(options));
  Tasks tasks;
  const Executor executor = tasks.executor();
  Outcomes outcomes;
  for (const char* name : {"a", "b", "c"})
    storage->together_later(inserting(*storage, name), outcomes.note(), executor);
  storage->together_later(inserting(*storage, "a"), outcomes.note(), executor);
  CHECK(tasks.count() == 1);
  CHECK(outcomes.reasons.empty());

  commits = 0;
  tasks.run();
  CHECK(commits == 1);
  CHECK(outcomes.reasons == std::vector<std::string>{"", "", "", "counters_exists"});
  CHECK(count<Counter>(*storage) == 3);
}

TEST_CASE("what fails after it has changed something is undone, and no other of its group") {
  std::atomic<int> commits{0}, savepoints{0};
  SqliteOptions options = patient();
  options.on_statement = [&](std::string_view sql, auto) {
    commits += sql == "COMMIT" ? 1 : 0;
    savepoints += sql.starts_with("SAVEPOINT") ? 1 : 0;
  };
  const auto storage = sqlite_library(std::move(options));
  Tasks tasks;
  const Executor executor = tasks.executor();
  Outcomes outcomes;
  std::string seen;
  const auto look_and_insert = [&](const std::string& name) {
    return [&, name] {
      seen += find<Counter>(*storage, "broken") ? "broken " : name + ' ';
      insert<Counter>(*storage, {{name, 1}});
    };
  };
  const auto two_parts = [&] {
    insert<Counter>(*storage, {{"b", 1}});
    storage->write([](UnitOfWork& uow) {
      Counters(uow).insert({"broken", 1});
      throw not_found("broken", "Not after all.");
    });
  };
  const auto run = [&](const std::vector<std::function<void()>>& works) {
    commits = savepoints = 0;
    for (const auto& work : works) storage->together_later(work, outcomes.note(), executor);
    tasks.run();
  };

  run({look_and_insert("a"), two_parts, look_and_insert("c")});
  CHECK(outcomes.reasons == std::vector<std::string>{"", "broken", ""});
  CHECK(seen.ends_with("c "));
  CHECK(seen.find("broken") == std::string::npos);
  CHECK(commits == 2);  // of the two up to it, run again, and of the third
  CHECK(savepoints == 4);
  CHECK(count<Counter>(*storage) == 3);

  run({look_and_insert("d"), two_parts, look_and_insert("e")});  // at once undone by itself
  CHECK(outcomes.reasons == std::vector<std::string>{"", "broken", "", "", "counters_exists", ""});
  CHECK(commits == 1);
  CHECK(count<Counter>(*storage) == 5);
}

TEST_CASE("what goes well, or fails before it changed anything, takes no savepoint") {
  std::atomic<int> savepoints{0};
  SqliteOptions options = patient();
  options.on_statement = [&](std::string_view sql, auto) { savepoints += sql.starts_with("SAVEPOINT") ? 1 : 0; };
  const auto storage = sqlite_library(std::move(options));
  insert<Counter>(*storage, {{"a", 1}});
  CHECK(reason_of([&] { insert<Counter>(*storage, {{"a", 1}}); }) == "counters_exists");
  storage->together([&] {
    insert<Counter>(*storage, {{"b", 1}});
    insert<Counter>(*storage, {{"c", 1}});
  });
  CHECK(count<Counter>(*storage) == 3);
  CHECK(savepoints == 0);
}

TEST_CASE("what waits for the commit waits for the one that is shared") {
  const auto storage = sqlite_library();
  std::vector<std::string> said;
  const auto say = [&](const char* name) {
    storage->write([&](UnitOfWork& uow) {
      Counters(uow).insert({name, 1});
      uow.after_commit([&said, name] { said.emplace_back(name); });
    });
  };
  storage->together([&] {
    say("a");
    CHECK(reason_of([&] { say("a"); }) == "counters_exists");
    say("b");
    CHECK(said.empty());
  });
  CHECK(said == std::vector<std::string>{"a", "b"});
}

TEST_CASE("work that no thread takes is refused, and nothing is stuck") {
  const auto storage = sqlite_library();
  Tasks tasks;
  const Executor executor = tasks.executor();
  Outcomes outcomes;
  SUBCASE("at once") {
    tasks.refuse_from_now_on();
    const auto submit = [&] { storage->together_later(inserting(*storage, "a"), outcomes.note(), executor); };
    CHECK(reason_of(submit) == "overloaded");
    CHECK(outcomes.reasons.empty());
  }
  SUBCASE("when its thread goes away") {
    storage->together_later(inserting(*storage, "a"), outcomes.note(), executor);
    storage->together_later(inserting(*storage, "b"), outcomes.note(), executor);
    tasks.drop();
    CHECK(outcomes.reasons == std::vector<std::string>{"storage_busy", "overloaded"});
  }
  insert<Counter>(*storage, {{"z", 1}});
  CHECK(count<Counter>(*storage) == 1);
}

TEST_CASE("those who wait and those who do not take turns") {
  constexpr int threads = 8;
  constexpr int rounds = 50;
  const auto storage = sqlite_library();
  insert<Counter>(*storage, {{"a", 0}});
  const auto add_one = [&] {
    storage->write([](UnitOfWork& uow) { Counters(uow).update_where(equal("name", "a"), {add("value", 1)}); });
  };
  Tasks tasks;
  const Executor executor = tasks.executor();
  Outcomes outcomes;
  std::atomic<bool> over{false};
  std::vector<std::jthread> workers;
  for (int i = 0; i < 2; ++i)
    workers.emplace_back([&] {
      while (!over) {
        tasks.run();
        std::this_thread::yield();
      }
      tasks.run();
    });
  in_threads(threads, [&](int self) {
    for (int i = 0; i < rounds; ++i) {
      if ((self + i) % 2 == 0)
        add_one();
      else
        storage->together_later(add_one, outcomes.note(), executor);
    }
  });
  add_one();  // comes after all that were there before
  over = true;
  workers.clear();
  CHECK(outcomes.reasons == std::vector<std::string>(threads * rounds / 2, ""));
  CHECK(find<Counter>(*storage, "a")->value == threads * rounds + 1);
}
