#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <lms/audit.hpp>
#include <lms/backends/memory.hpp>
#include <lms/backends/sqlite.hpp>
#include <lms/principal.hpp>
#include <lms/repository.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/log_recorder.hpp>
#include <lms/testing/run_twice_storage.hpp>

#include "support/scratch_folder.hpp"
#include "testing/clauses.hpp"

using namespace lms;
using namespace lms::testing;

namespace {

constexpr int threads = 8;
constexpr int rounds = 25;

const AuditAction rang{"bell.rang", "A bell rang."};

struct Log {
  explicit Log(std::shared_ptr<Storage> its_storage) : storage(std::move(its_storage)) { storage->migrate(); }

  std::shared_ptr<Storage> storage;
  FakeClock clock;
  LogRecorder lines;
  Logger logger{lines, clock};
  Audit audit{*storage, clock, logger};

  void record(const std::string& subject) {
    storage->write([&](UnitOfWork& uow) { audit.record(uow, Principal::system(), rang, subject); });
  }
};

std::shared_ptr<Storage> sqlite(const std::string& path = {}) {
  SqliteOptions options;
  options.path = path;
  options.busy_timeout = options.max_write = std::chrono::minutes(1);
  return open_sqlite_storage(std::move(options));
}

/// All write at once, each to one of the logs, which are the same.
void race(const std::vector<Log*>& logs) {
  in_threads(threads, [&](int self) {
    Log& log = *logs[static_cast<std::size_t>(self) % logs.size()];
    for (int i = 0; i < rounds; ++i) {
      const std::string subject = std::to_string(self) + "." + std::to_string(i);
      if (i % 2 == 0)
        log.record(subject);
      else
        log.storage->together([&] { log.record(subject); });
    }
  });
  const AuditReport report = logs.front()->audit.verify(Principal::system());
  CHECK(report.intact);
  CHECK(report.rows == threads * rounds);

  std::vector<std::string> subjects;
  logs.front()->audit.visit(Principal::system(), {}, [&](const AuditEntry& entry) {
    subjects.push_back(entry.subject);
    return true;
  });
  std::sort(subjects.begin(), subjects.end());
  CHECK(std::unique(subjects.begin(), subjects.end()) == subjects.end());
  std::size_t lines = 0;
  for (const Log* log : logs) lines += log->lines.lines().size();
  CHECK(lines == threads * rounds);
}

}  // namespace

TEST_CASE("writers that race make one chain: in memory") {
  Log log(open_memory_storage());
  race({&log});
}

TEST_CASE("writers that race make one chain: in memory, running twice") {
  Log log(std::make_shared<RunTwiceStorage>(open_memory_storage()));
  race({&log});
}

TEST_CASE("writers that race make one chain: in SQLite, sharing commits") {
  const ScratchFolder folder;
  Log log(sqlite(folder.file("school.db")));
  race({&log});
}

TEST_CASE("writers that race make one chain: in SQLite, running twice") {
  Log log(std::make_shared<RunTwiceStorage>(sqlite()));
  race({&log});
}

TEST_CASE("writers that race make one chain: in one file that two programs have open") {
  const ScratchFolder folder;
  Log one(sqlite(folder.file("school.db")));
  Log other(sqlite(folder.file("school.db")));
  race({&one, &other});
}
