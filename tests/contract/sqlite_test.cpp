#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <future>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <stdexcept>
#include <thread>

#include <doctest/doctest.h>

#include <lms/testing/run_twice_storage.hpp>
#include <lms/testing/storage_wrapper.hpp>

#include "backend/sql/migration.hpp"
#include "backend/sqlite/sqlite_storage.hpp"
#include "contract/contract_check.hpp"
#include "contract/table_check.hpp"
#include "support/scratch_folder.hpp"
#include "testing/clauses.hpp"

using namespace lms;
using namespace lms::testing;
using sqlite::SqliteStorage;
using std::chrono::milliseconds;

namespace {

using Counters = Repository<Counter>;

/// Opens a database with the library's tables, made if they are not there.
std::unique_ptr<SqliteStorage> open_library(SqliteOptions options) {
  auto storage = std::make_unique<SqliteStorage>(std::move(options));
  storage->migrate();
  bool is_new = true;
  storage->exclusively([&](sql::Connection& connection) { is_new = !connection.has_table("counters"); });
  if (is_new) create_tables(*storage, library_schemas());
  return storage;
}

/// In memory, and with time for a busy machine.
SqliteOptions patient() {
  SqliteOptions options;
  options.busy_timeout = options.max_read = options.max_write = std::chrono::minutes(1);
  return options;
}

/// On a file; fast, for these tests do not cut the power.
SqliteOptions options_for(const ScratchFolder& folder) {
  SqliteOptions options = patient();
  options.path = folder.file("library.db");
  options.synchronous = SqliteOptions::Synchronous::normal;
  return options;
}

/// A storage on a file, in a folder that goes with it.
std::unique_ptr<Storage> library_on_file(bool group_commit = true) {
  struct Place {
    ScratchFolder folder;
    std::unique_ptr<SqliteStorage> storage;
  };
  const auto place = std::make_shared<Place>();
  SqliteOptions options = options_for(place->folder);
  options.group_commit = group_commit;
  place->storage = open_library(std::move(options));
  return std::make_unique<StorageWrapper>(std::shared_ptr<Storage>(place, place->storage.get()));
}

void add_one(Storage& storage, const char* name = "a") {
  storage.write([&](UnitOfWork& uow) { Counters(uow).update_where(equal("name", name), {add("value", 1)}); });
}

void insert_counter(Storage& storage, const std::string& name) {
  insert<Counter>(storage, {{name, 0}});
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void execute(SqliteStorage& storage, const std::string& script) {
  storage.exclusively([&](sql::Connection& connection) { connection.execute(script); });
}

/// Lets one side wait until the other says so.
class Signal {
 public:
  void give() { promise_.set_value(); }
  void await() const { future_.wait(); }

 private:
  std::promise<void> promise_;
  std::shared_future<void> future_ = promise_.get_future().share();
};

std::size_t applied_steps(Storage& storage) {
  std::size_t applied = 0;
  for (const MigrationStatus::Step& step : storage.migration_status().steps) applied += step.applied ? 1 : 0;
  return applied;
}

constexpr EmbeddedFile first{"0001_first.sql", "-- oldest binary: 0.1.0\nCREATE TABLE one (id BIGINT);"};
constexpr EmbeddedFile second{"0002_second_step.sql", "-- oldest binary: 0.2.0\nCREATE TABLE two (id BIGINT);"};
constexpr EmbeddedFile broken{"0002_broken.sql",
                              "-- oldest binary: 0.1.0\nCREATE TABLE two (id BIGINT); CREATE TABLE one (id);"};
constexpr EmbeddedFile edited{"0001_first.sql", "-- oldest binary: 0.1.0\nCREATE TABLE one (id BIGINT );"};

void migrate(SqliteStorage& storage, std::vector<EmbeddedFile> files, const char* version) {
  storage.exclusively([&](sql::Connection& connection) {
    sql::migrate(connection, sql::read_migrations(files), sql::version_number(version));
  });
}

/// c1, c2 and so on, so many that changing all takes a while.
void insert_many_counters(SqliteStorage& storage, int count = 20'000) {
  execute(storage, "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < " +
                       std::to_string(count) + ") INSERT INTO counters (name, value) SELECT 'c' || n, 0 FROM numbers");
}

void endless(UnitOfWork& uow) {
  for (;;) Counters(uow).update_where(everything(), {add("value", 1)});
}

bool has_table(SqliteStorage& storage, const std::string& name) {
  bool found = false;
  storage.exclusively([&](sql::Connection& connection) { found = connection.has_table(name); });
  return found;
}

}  // namespace

TEST_CASE("SQLite on a file keeps the contract") {
  check_storage_contract([](const auto&) { return library_on_file(); });
}

TEST_CASE("SQLite in memory keeps the contract") {
  check_storage_contract([](const auto&) { return open_library(patient()); });
}

TEST_CASE("SQLite without group commit keeps the contract") {
  check_storage_contract([](const auto&) { return library_on_file(false); });
}

TEST_CASE("SQLite that runs every write twice keeps the contract") {
  check_storage_contract([](const auto&) { return std::make_unique<RunTwiceStorage>(open_library(patient())); });
}

TEST_CASE("concurrent writes share commits") {
  const ScratchFolder folder;
  SqliteOptions options = options_for(folder);
  std::atomic<int> commits{0};
  options.on_statement = [&](std::string_view statement, std::chrono::microseconds) {
    if (statement == "COMMIT") ++commits;
  };
  const auto storage = open_library(options);
  insert_counter(*storage, "a");
  commits = 0;
  constexpr int writers = 32;
  std::atomic<int> arrived{0};
  in_threads(writers, [&](int) {
    ++arrived;
    storage->write([&](UnitOfWork& uow) {
      while (arrived < writers) std::this_thread::yield();  // the first one holds the others up
      Counters(uow).update_where(equal("name", "a"), {add("value", 1)});
    });
  });
  CHECK(find<Counter>(*storage, "a")->value == writers);
  CHECK(commits > 0);
  CHECK(commits < writers / 2);
}

TEST_CASE("without group commit each write has its own") {
  const ScratchFolder folder;
  SqliteOptions options = options_for(folder);
  std::atomic<int> commits{0};
  options.group_commit = false;
  options.on_statement = [&](std::string_view statement, std::chrono::microseconds) {
    if (statement == "COMMIT") ++commits;
  };
  const auto storage = open_library(options);
  insert_counter(*storage, "a");
  commits = 0;
  in_threads(4, [&](int) { add_one(*storage); });
  CHECK(commits == 4);
}

TEST_CASE("a write that returned is seen by another connection") {
  const ScratchFolder folder;
  const auto ours = open_library(options_for(folder));
  const auto theirs = open_library(options_for(folder));
  std::atomic<int> unseen{0};
  in_threads(8, [&](int i) {
    for (int n = 0; n < 20; ++n) {
      const std::string name = std::to_string(i) + "-" + std::to_string(n);
      insert_counter(*ours, name);
      if (!find<Counter>(*theirs, name)) ++unseen;
    }
  });
  CHECK(unseen == 0);
}

TEST_CASE("two storages on one file lose no write") {
  const ScratchFolder folder;
  const auto first_storage = open_library(options_for(folder));
  const auto second_storage = open_library(options_for(folder));
  insert_counter(*first_storage, "a");
  in_threads(4, [&](int i) {
    for (int n = 0; n < 50; ++n) add_one(i % 2 == 0 ? *first_storage : *second_storage);
  });
  CHECK(find<Counter>(*first_storage, "a")->value == 200);
}

TEST_CASE("two storages on one file see each other's writes, whatever they looked up before") {
  const ScratchFolder folder;
  const auto ours = open_library(options_for(folder));
  const auto theirs = open_library(options_for(folder));
  std::map<std::string, std::int64_t> expected;
  std::minstd_rand chance(1);
  const auto below = [&](unsigned bound) { return chance() % bound; };
  for (int step = 0; step < 2'000; ++step) {
    Storage& storage = below(2) == 0 ? *ours : *theirs;
    const std::string name(1, static_cast<char>('a' + below(3)));
    const auto value = static_cast<std::int64_t>(below(1'000));
    const bool fails = below(4) == 0;
    const bool exists = expected.contains(name);
    const auto look = [&](UnitOfWork& uow) {
      const auto found = Counters(uow).find(name);
      REQUIRE(found.has_value() == exists);
      if (found) REQUIRE(found->value == expected.at(name));
    };
    if (below(2) == 0) {
      storage.read(look);
      continue;
    }
    const bool removes = exists && below(3) == 0;
    const auto change = [&](UnitOfWork& uow) {
      look(uow);
      if (removes)
        Counters(uow).remove(name);
      else
        Counters(uow).upsert({name, value}, {"name"});
      REQUIRE(Counters(uow).find(name).has_value() == !removes);
      if (fails) throw std::runtime_error("on purpose");
    };
    if (fails) {
      CHECK_THROWS_AS(storage.write(change), std::runtime_error);
      continue;
    }
    storage.write(change);
    if (removes)
      expected.erase(name);
    else
      expected[name] = value;
  }
}

TEST_CASE("two processes on one file lose no write") {
  const ScratchFolder folder;
  insert_counter(*open_library(options_for(folder)), "a");
  const pid_t child = fork();
  if (child == 0) {
    const auto storage = open_library(options_for(folder));
    for (int n = 0; n < 200; ++n) add_one(*storage);
    _exit(0);
  }
  const auto storage = open_library(options_for(folder));
  for (int n = 0; n < 200; ++n) add_one(*storage);
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK(find<Counter>(*storage, "a")->value == 400);
}

TEST_CASE("a process that leaves does not take the log of one that stays") {
  const ScratchFolder folder;
  open_library(options_for(folder));
  int start[2];
  REQUIRE(pipe(start) == 0);
  const pid_t child = fork();  // before we have a connection: it must not inherit one
  if (child == 0) {
    char signal = 0;
    if (read(start[0], &signal, 1) != 1) _exit(1);
    insert_counter(*open_library(options_for(folder)), "theirs");
    _exit(0);
  }
  {
    const auto storage = open_library(options_for(folder));
    insert_counter(*storage, "before");
    CHECK(count<Counter>(*storage) == 1);  // opens a connection for reading
    REQUIRE(write(start[1], "!", 1) == 1);
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    CHECK(std::filesystem::exists(folder.file("library.db-wal")));
    insert_counter(*storage, "after");
    CHECK(count<Counter>(*open_library(options_for(folder))) == 3);
  }
  close(start[0]);
  close(start[1]);
  CHECK(count<Counter>(*open_library(options_for(folder))) == 3);
}

TEST_CASE("a database file is its owner's alone") {
  const ScratchFolder folder;
  const auto storage = open_library(options_for(folder));
  insert_counter(*storage, "a");
  for (const char* name : {"library.db", "library.db-wal", "library.db-shm"})
    CHECK(std::filesystem::status(folder.file(name)).permissions() ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("an acknowledged write survives the death of its process") {
  const ScratchFolder folder;
  open_library(options_for(folder));
  int channel[2];
  REQUIRE(pipe(channel) == 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto storage = open_library({.path = folder.file("library.db")});
    for (int n = 0;; ++n) {
      insert_counter(*storage, std::to_string(n));
      if (write(channel[1], &n, sizeof n) != sizeof n) _exit(1);
    }
  }
  close(channel[1]);
  int acknowledged = -1;
  while (acknowledged < 100) REQUIRE(read(channel[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(channel[0]);
  const auto storage = open_library(options_for(folder));
  for (int n = 0; n <= acknowledged; ++n) CHECK(find<Counter>(*storage, std::to_string(n)).has_value());
}

TEST_CASE("a database is there when it is opened again") {
  const ScratchFolder folder;
  insert_counter(*open_library(options_for(folder)), "kept");
  CHECK(find<Counter>(*open_library(options_for(folder)), "kept").has_value());
  CHECK(bytes_of(folder.file("library.db")).starts_with("SQLite format 3"));
}

TEST_CASE("databases in memory are private") {
  const auto one = open_library(patient());
  const auto other = open_library(patient());
  insert_counter(*one, "a");
  CHECK(count<Counter>(*other) == 0);
}

TEST_CASE("a change of the process's folder moves no database") {
  const ScratchFolder folder;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.file(""));
  SqliteOptions options = options_for(folder);
  options.path = ":memory:";  // no special name here
  const auto storage = open_library(options);
  std::filesystem::current_path(before);
  insert_counter(*storage, "a");
  CHECK(count<Counter>(*storage) == 1);
  CHECK(std::filesystem::exists(folder.file(":memory:")));
}

TEST_CASE("a path that cannot be opened is refused with its cause") {
  const ScratchFolder folder;
  const auto refusal = [](const std::string& path) { return message_of([&] { open_sqlite_storage({.path = path}); }); };
  const std::string missing = folder.file("no/such/library.db");
  CHECK(reason_of([&] { open_sqlite_storage({.path = missing}); }) == "storage_unavailable");
  CHECK(refusal(missing).find(missing) != std::string::npos);
  CHECK(refusal(missing).find("does not exist") != std::string::npos);
  CHECK(refusal(folder.file("")).find("is a folder") != std::string::npos);
  CHECK(refusal("/proc/library.db").find("/proc/library.db") != std::string::npos);
  std::ofstream(folder.file("file")) << "text";
  CHECK(refusal(folder.file("file/library.db")).find("is no folder") != std::string::npos);
  if (geteuid() != 0) {
    std::filesystem::permissions(folder.file(""),
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    CHECK(refusal(folder.file("new.db")).find("may not write") != std::string::npos);
    std::filesystem::permissions(folder.file(""), std::filesystem::perms::owner_all);
  }
}

TEST_CASE("a file that is no database is refused and left alone") {
  const ScratchFolder folder;
  std::ofstream(folder.file("library.db")) << std::string(8192, 'x');
  CHECK(reason_of([&] { open_sqlite_storage(options_for(folder)); }) == "storage_corrupt");
  CHECK(bytes_of(folder.file("library.db")) == std::string(8192, 'x'));
}

TEST_CASE("a full disk refuses the write that needs it, and no other") {
  const ScratchFolder folder;
  const auto storage = open_library(options_for(folder));
  insert_counter(*storage, "a");
  execute(*storage, "PRAGMA max_page_count = 1");  // it cannot be less than it is
  const auto grow = [&] { insert_counter(*storage, std::string(100'000, 'x')); };
  CHECK(reason_of(grow) == "storage_full");
  std::atomic<int> full{0};
  in_threads(8, [&](int i) {
    for (int n = 0; n < 20; ++n) {
      if (i != 0)
        add_one(*storage);
      else if (reason_of(grow) == "storage_full")
        ++full;
    }
  });
  CHECK(full == 20);
  CHECK(find<Counter>(*storage, "a")->value == 140);
  CHECK(count<Counter>(*storage) == 1);
}

TEST_CASE("a write that is stopped harms no other, though SQLite gives up the whole transaction") {
  const ScratchFolder folder;
  SqliteOptions options = options_for(folder);
  options.max_write = milliseconds(500);
  const auto storage = open_library(options);
  insert_many_counters(*storage);
  std::atomic<int> runs{0};
  const auto counted = [&](UnitOfWork& uow) {
    ++runs;
    endless(uow);
  };
  std::atomic<bool> over{false};
  std::atomic<int> stopped{0}, added{0};
  in_threads(4, [&](int i) {
    if (i != 0) {
      for (; !over; ++added) add_one(*storage, "c1");  // so that it is one of a group
      return;
    }
    for (int n = 0; n < 2; ++n)
      if (reason_of([&] { storage->write(counted); }) == "storage_timeout") ++stopped;
    over = true;
  });
  CHECK(stopped == 2);
  CHECK(runs == 2);  // nor does it keep them waiting twice
  CHECK(find<Counter>(*storage, "c1")->value == added);
  CHECK(find<Counter>(*storage, "c2")->value == 0);
}

TEST_CASE("nothing that follows in a joint transaction is committed once SQLite has given it up") {
  const ScratchFolder folder;
  SqliteOptions options = options_for(folder);
  options.max_write = milliseconds(200);
  const auto storage = open_library(options);
  insert_many_counters(*storage);
  const auto three_parts = [&] {
    add_one(*storage, "c1");
    CHECK(reason_of([&] { storage->write(endless); }) == "storage_timeout");
    CHECK(reason_of([&] { add_one(*storage, "c2"); }) == "storage_unavailable");
    CHECK(reason_of([&] { find<Counter>(*storage, "c1"); }) == "storage_unavailable");
  };
  CHECK(reason_of([&] { storage->together(three_parts); }) == "storage_unavailable");
  CHECK(find<Counter>(*storage, "c1")->value == 0);
  CHECK(find<Counter>(*storage, "c2")->value == 0);
  add_one(*storage, "c1");
  CHECK(find<Counter>(*storage, "c1")->value == 1);
}

TEST_CASE("what was read by key is forgotten when SQLite gives up the transaction, or is written past") {
  const ScratchFolder folder;
  SqliteOptions options = options_for(folder);
  options.max_write = milliseconds(100);
  const auto storage = open_library(options);
  insert_many_counters(*storage, 200'000);  // so that the first statement that changes all is stopped
  const auto value = [&] { return storage->write([](UnitOfWork& uow) { return Counters(uow).get("c1").value; }); };
  CHECK(value() == 0);
  const auto joint = [&] {
    add_one(*storage, "c1");
    CHECK(value() == 1);
    storage->write(endless);
  };
  CHECK(reason_of([&] { storage->together(joint); }) == "storage_timeout");
  CHECK(value() == 0);

  execute(*storage, "UPDATE counters SET value = 5");
  CHECK(value() == 5);
  CHECK_THROWS(execute(*storage, "UPDATE counters SET value = 6; SELECT nothing"));
  CHECK(value() == 6);
}

TEST_CASE("a record is read once by a connection, until it changes") {
  const ScratchFolder folder;
  SqliteOptions options = options_for(folder);
  int lookups = 0;
  options.on_statement = [&](std::string_view sql, auto) {
    lookups += sql.starts_with("SELECT") && sql.find("\"counters\"") != std::string_view::npos ? 1 : 0;
  };
  const auto storage = open_library(options);
  insert_counter(*storage, "a");
  insert_counter(*storage, "b");
  const auto look = [](UnitOfWork& uow) {
    CHECK(Counters(uow).find("a"));
    CHECK_FALSE(Counters(uow).find("nobody"));
  };
  for (int round = 0; round < 3; ++round) {
    storage->write(look);
    add_one(*storage, "b");
  }
  CHECK(lookups == 2);
  add_one(*storage, "a");
  storage->write(look);
  CHECK(lookups == 3);
  for (int round = 0; round < 3; ++round) storage->read(look);
  CHECK(lookups == 5);
}

TEST_CASE("a function that takes too long is undone and refused") {
  const ScratchFolder folder;
  const auto storage = open_library(options_for(folder));
  SqliteOptions hasty = options_for(folder);
  hasty.max_write = milliseconds(0);
  const auto refusing = open_library(hasty);
  CHECK(reason_of([&] { insert_counter(*refusing, "a"); }) == "storage_timeout");
  CHECK(reason_of([&] { refusing->write([](UnitOfWork&) {}); }) == "storage_timeout");
  CHECK(count<Counter>(*storage) == 0);
}

TEST_CASE("a read that takes too long is stopped") {
  const ScratchFolder folder;
  SqliteOptions hasty = options_for(folder);
  hasty.max_read = milliseconds(0);
  const auto storage = open_library(hasty);
  CHECK(reason_of([&] { count<Counter>(*storage); }) == "storage_timeout");
  storage->ping();
}

TEST_CASE("a slow write is reported") {
  const ScratchFolder folder;
  SqliteOptions options = options_for(folder);
  int reports = 0;
  options.slow_write = milliseconds(0);
  options.on_slow_write = [&](std::chrono::microseconds) { ++reports; };
  const auto storage = open_library(options);
  insert_counter(*storage, "a");
  CHECK(reports == 1);
}

TEST_CASE("a write beyond the queue is refused at once") {
  const ScratchFolder folder;
  SqliteOptions options = options_for(folder);
  options.max_queued_writes = 0;
  const auto storage = open_library(options);
  Signal running;
  Signal go_on;
  std::thread first_writer([&] {
    storage->write([&](UnitOfWork&) {
      running.give();
      go_on.await();
    });
  });
  running.await();
  CHECK(reason_of([&] { insert_counter(*storage, "a"); }) == "storage_busy");
  CHECK(count<Counter>(*storage) == 0);  // readers do not mind
  go_on.give();
  first_writer.join();
  insert_counter(*storage, "a");
}

TEST_CASE("a write whose turn does not come in time is refused and never runs") {
  const ScratchFolder folder;
  SqliteOptions options = options_for(folder);
  options.busy_timeout = milliseconds(20);
  const auto storage = open_library(options);
  Signal running;
  Signal go_on;
  std::thread first_writer([&] {
    storage->write([&](UnitOfWork&) {
      running.give();
      go_on.await();
    });
  });
  running.await();
  CHECK(reason_of([&] { insert_counter(*storage, "a"); }) == "storage_busy");
  go_on.give();
  first_writer.join();
  CHECK(count<Counter>(*storage) == 0);
}

TEST_CASE("a write waits no longer than it may for another process") {
  const ScratchFolder folder;
  SqliteOptions options = options_for(folder);
  options.busy_timeout = milliseconds(20);
  const auto storage = open_library(options);
  const auto other = open_library(options);
  execute(*other, "BEGIN IMMEDIATE");
  CHECK(reason_of([&] { insert_counter(*storage, "a"); }) == "storage_busy");
  execute(*other, "COMMIT");
  insert_counter(*storage, "a");
}

TEST_CASE("a read waits while all connections are in use, and not for ever") {
  const ScratchFolder folder;
  SqliteOptions options = options_for(folder);
  options.max_readers = 1;
  options.busy_timeout = milliseconds(20);
  const auto storage = open_library(options);
  Signal running;
  Signal go_on;
  std::thread reader([&] {
    storage->read([&](UnitOfWork&) {
      running.give();
      go_on.await();
    });
  });
  running.await();
  CHECK(reason_of([&] { count<Counter>(*storage); }) == "storage_busy");
  go_on.give();
  reader.join();
  CHECK(count<Counter>(*storage) == 0);
}

TEST_CASE("who waits for a connection learns that none can be opened") {
  const ScratchFolder folder;
  SqliteOptions options = options_for(folder);
  options.max_readers = 1;
  const auto storage = open_library(options);
  std::filesystem::rename(options.path, folder.file("elsewhere.db"));
  const auto started = std::chrono::steady_clock::now();
  std::atomic<int> refused{0};
  in_threads(8, [&](int) {
    for (int n = 0; n < 200; ++n)
      if (reason_of([&] { count<Counter>(*storage); }) == "storage_unavailable") ++refused;
  });
  CHECK(refused == 8 * 200);
  CHECK(std::chrono::steady_clock::now() - started < options.busy_timeout);
}

TEST_CASE("a database that was moved away is not replaced by an empty one") {
  const ScratchFolder folder;
  const SqliteOptions options = options_for(folder);
  const auto storage = open_library(options);
  std::filesystem::rename(options.path, folder.file("elsewhere.db"));
  const auto read = [&] { count<Counter>(*storage); };
  CHECK(reason_of(read) == "storage_unavailable");
  CHECK(message_of(read).find("is no more") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(options.path));
}

TEST_CASE("reads wait for others in memory, and on a file for nobody") {
  const ScratchFolder folder;
  CHECK(open_library(patient())->reads_wait());
  CHECK_FALSE(open_library(options_for(folder))->reads_wait());
}

TEST_CASE("an update sets what differs and nothing else") {
  SqliteOptions options = patient();
  std::vector<std::string> updates;
  options.on_statement = [&](std::string_view statement, std::chrono::microseconds) {
    if (statement.starts_with("UPDATE")) updates.emplace_back(statement);
  };
  const auto storage = open_library(options);
  storage->write([&](UnitOfWork& uow) { Repository<Entry>(uow).insert({.number = 1, .text = "reef knot"}); });
  const auto update = [&](const Entry& entry) {
    updates.clear();
    return storage->write([&](UnitOfWork& uow) { return Repository<Entry>(uow).update(entry); });
  };
  update({.number = 1, .text = "reef knot"});
  CHECK(updates.empty());
  update({.number = 1, .text = "reef knot", .see = 1});
  REQUIRE(updates.size() == 1);
  CHECK(updates.front().find("\"see\" = ?") != std::string::npos);
  CHECK(updates.front().find("\"text\"") == std::string::npos);
  CHECK(find<Entry>(*storage, 1)->see == 1);
}

TEST_CASE("the text of a statement does not depend on values") {
  SqliteOptions options = patient();
  std::set<std::string, std::less<>> texts;
  options.on_statement = [&](std::string_view statement, std::chrono::microseconds) { texts.emplace(statement); };
  const auto storage = open_library(options);
  const auto use = [&](std::int64_t n) {
    const std::string name = "name" + std::to_string(n);
    storage->write([&](UnitOfWork& uow) {
      Counters counters(uow);
      counters.insert({name, n});
      counters.update({name, n + 1});
      counters.upsert({name, n}, {"name"});
      counters.update_where(equal("value", n), {add("value", n)});
      counters.select({.where = in("value", std::vector<std::int64_t>(static_cast<std::size_t>(n), n)),
                       .order = {descending("value")},
                       .limit = static_cast<std::size_t>(n),
                       .after = {n, name}});
      Repository<Entry>(uow).count(matches(name), static_cast<std::size_t>(n));
      counters.remove(name);
    });
  };
  use(1);
  const std::size_t after_one = texts.size();
  for (std::int64_t n = 2; n < 20; ++n) use(n);
  CHECK(texts.size() == after_one);
}

TEST_CASE("tables made from schemas agree with them") {
  const auto storage = open_library(patient());
  CHECK(table_differences(*storage, library_schemas()) == std::vector<std::string>());
}

TEST_CASE("tables that disagree with a schema are found out") {
  const auto storage = std::make_unique<SqliteStorage>(SqliteOptions());
  execute(*storage,
          "CREATE TABLE counters (name TEXT PRIMARY KEY, value REAL NOT NULL UNIQUE, more TEXT);"
          "CREATE TABLE books AS SELECT 1 AS id;");
  const auto differences = table_differences(*storage, library_schemas());
  const auto found = [&](const char* text) {
    return std::find(differences.begin(), differences.end(), text) != differences.end();
  };
  CHECK(found("there is no table authors"));
  CHECK(found("counters name should be NOT NULL"));
  CHECK(found("counters value is REAL instead of BIGINT"));
  CHECK(found("counters has a column that the schema lacks: more"));
  CHECK(found("counters should not have UNIQUE (value)"));
  CHECK(found("books has no column title"));
  CHECK(found("books id should be the key"));
  CHECK(found("books should have UNIQUE (place, shelf)"));
  CHECK(found("books has no index that begins with (cover, bought)"));
}

TEST_CASE("migrations are applied once, in their order") {
  const ScratchFolder folder;
  const auto storage = std::make_unique<SqliteStorage>(options_for(folder));
  migrate(*storage, {second, first}, "0.2.0");
  migrate(*storage, {second, first}, "0.2.0");
  CHECK(has_table(*storage, "one"));
  CHECK(has_table(*storage, "two"));
  MigrationStatus status;
  storage->exclusively([&](sql::Connection& connection) {
    status = sql::migration_status(connection, sql::read_migrations(std::vector{first}), sql::version_number("0.1.9"));
  });
  REQUIRE(status.steps.size() == 2);  // the second is not ours, and yet applied
  CHECK(status.steps[0].name == "first");
  CHECK(status.steps[0].known);
  CHECK(status.steps[0].usable);
  CHECK(status.steps[1].name == "second_step");
  CHECK(status.steps[1].applied);
  CHECK_FALSE(status.steps[1].known);
  CHECK_FALSE(status.steps[1].usable);  // it wants 0.2.0
  storage->exclusively([&](sql::Connection& connection) {
    status = sql::migration_status(connection, sql::read_migrations(std::vector{first}), sql::version_number("0.2.0"));
  });
  CHECK_FALSE(status.steps[1].known);
  CHECK(status.steps[1].usable);
  EmbeddedFile other = first;
  other.bytes = "-- oldest binary: 0.1.0\nCREATE TABLE one (id TEXT NOT NULL PRIMARY KEY, more TEXT);\n";
  storage->exclusively([&](sql::Connection& connection) {
    status = sql::migration_status(connection, sql::read_migrations(std::vector{other}), sql::version_number("0.2.0"));
  });
  CHECK(status.steps[0].known);
  CHECK_FALSE(status.steps[0].usable);  // not as it was applied
}

TEST_CASE("a migration that fails leaves those before it") {
  const auto storage = std::make_unique<SqliteStorage>(SqliteOptions());
  CHECK_THROWS_AS(migrate(*storage, {first, broken}, "0.1.0"), Error);
  CHECK(has_table(*storage, "one"));
  CHECK_FALSE(has_table(*storage, "two"));
  migrate(*storage, {first, second}, "0.2.0");
  CHECK(has_table(*storage, "two"));
}

TEST_CASE("a migration that was edited after it was applied is refused") {
  const auto storage = std::make_unique<SqliteStorage>(SqliteOptions());
  migrate(*storage, {first}, "0.1.0");
  CHECK(reason_of([&] { migrate(*storage, {edited}, "0.1.0"); }) == "migration_changed");
}

TEST_CASE("a database changed by a newer release is refused only if that release says so") {
  const auto storage = std::make_unique<SqliteStorage>(SqliteOptions());
  migrate(*storage, {first, second}, "0.2.0");
  CHECK(reason_of([&] { migrate(*storage, {first}, "0.1.9"); }) == "schema_too_new");
  migrate(*storage, {first}, "0.2.0");
  execute(*storage, "UPDATE schema_migrations SET oldest_binary = 999000000");
  CHECK(reason_of([&] { storage->migrate(); }) == "schema_too_new");
}

TEST_CASE("processes that start together migrate once") {
  const ScratchFolder folder;
  in_threads(8, [&](int) { open_sqlite_storage(options_for(folder))->migrate(); });
  const auto storage = open_sqlite_storage(options_for(folder));
  CHECK(applied_steps(*storage) == sql::own_migrations().size());
}

TEST_CASE("threads may migrate one storage at once") {
  const ScratchFolder folder;
  const auto storage = open_sqlite_storage(options_for(folder));
  in_threads(4, [&](int) { storage->migrate(); });
  CHECK(applied_steps(*storage) == sql::own_migrations().size());
}

TEST_CASE("the status of migrations changes no file") {
  const ScratchFolder folder;
  const std::string path = folder.file("library.db");
  {
    const auto storage = open_sqlite_storage(options_for(folder));
    CHECK(storage->migration_status().steps.size() == sql::own_migrations().size());
    CHECK(applied_steps(*storage) == 0);
    CHECK(bytes_of(path).empty());
  }
  {
    const auto storage = open_sqlite_storage(options_for(folder));
    storage->migrate();
    CHECK(applied_steps(*storage) == sql::own_migrations().size());
  }
  const std::string before = bytes_of(path);
  applied_steps(*open_sqlite_storage(options_for(folder)));
  CHECK(bytes_of(path) == before);
}

TEST_CASE("migration files are read strictly") {
  CHECK(sql::version_number("1.2.3") == 1002003);
  for (const char* malformed : {"", "1", "1.2", "1.2.3.4", "1.2.3-rc1", "1.2.1000", "a.b.c", "1..3", "-1.2.3", "1.2."})
    CHECK_THROWS_AS(sql::version_number(malformed), Error);
  CHECK_THROWS_AS(sql::read_migrations(std::vector{EmbeddedFile{"first.sql", first.bytes}}), Error);
  CHECK_THROWS_AS(sql::read_migrations(std::vector{EmbeddedFile{"0001_first.sql", "CREATE TABLE one (id);"}}), Error);
  for (const sql::Migration& migration : sql::own_migrations()) CHECK(migration.oldest_binary <= sql::own_version());
}
