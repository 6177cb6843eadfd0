#include "backend/sqlite/sqlite_storage.hpp"

#include <chrono>
#include <filesystem>
#include <utility>

#include "backend/sql/migration.hpp"
#include "backend/sql/unit_of_work.hpp"
#include "backend/sqlite/group_commit.hpp"
#include "backend/sqlite/reader_pool.hpp"
#include "backend/sqlite/writer.hpp"
#include "backend/transaction.hpp"

namespace lms::sqlite {

namespace {

constexpr std::chrono::minutes migration_wait{1};

/// Readers are opened later: the process may have changed its folder by then. An absolute path is also never taken for
/// one of SQLite's special names.
SqliteOptions with_absolute_path(SqliteOptions options) {
  if (!options.path.empty()) options.path = std::filesystem::absolute(options.path).lexically_normal().string();
  return options;
}

void execute(SqliteSession& session, const char* sql) {
  sql::Execution(session.session.statement(sql)).finish();
}

/// One consistent state to read from, for a bounded time.
class Snapshot {
 public:
  Snapshot(SqliteSession& session, const SqliteOptions& options) : session_(session) {
    execute(session_, "BEGIN");
    session_.connection.set_deadline(std::chrono::steady_clock::now() + options.max_read);
  }
  ~Snapshot() {
    session_.connection.clear_deadline();
    session_.connection.rollback();
  }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  void end() {
    session_.connection.clear_deadline();
    execute(session_, "COMMIT");
  }

 private:
  SqliteSession& session_;
};

}  // namespace

SqliteStorage::SqliteStorage(SqliteOptions options)
    : options_(with_absolute_path(std::move(options))),
      writer_(std::make_unique<Writer>(*this, options_)),
      writes_(std::make_unique<GroupCommit>(*writer_, options_)),
      readers_(std::make_unique<ReaderPool>(options_)) {}

SqliteStorage::~SqliteStorage() = default;

template <class F>
void SqliteStorage::with_reader(F&& use) {
  TransactionScope::refuse_nesting(*this);
  if (options_.path.empty()) return writer_->exclusively(use);
  ReaderPool::Lease lease = readers_->lease();
  use(*lease);
}

void SqliteStorage::do_write(const Function& function, Isolation) {
  TransactionScope::refuse_nesting(*this);
  writes_->run(function, true);
}

void SqliteStorage::do_read(const Function& function) {
  if (UnitOfWork* open = TransactionScope::open_read(*this)) return function(*open);
  if (options_.path.empty()) return writes_->run(function, false);  // one connection: all take turns
  with_reader([&](SqliteSession& session) {
    Snapshot snapshot(session, options_);
    sql::SqlUnitOfWork unit(session.session, false);
    run_transaction(*this, function, unit);
    snapshot.end();
  });
}

void SqliteStorage::exclusively(const std::function<void(sql::Connection&)>& use) {
  TransactionScope::refuse_nesting(*this);
  writer_->exclusively([&](SqliteSession& session) { use(session.connection); });
}

void SqliteStorage::migrate() {
  TransactionScope::refuse_nesting(*this);
  writer_->exclusively([&](SqliteSession& session) {
    session.connection.set_busy_timeout(migration_wait);
    session.connection.use_write_ahead_log();
    sql::migrate(session.connection, sql::own_migrations(), sql::own_version());
  });
}

MigrationStatus SqliteStorage::migration_status() {
  MigrationStatus status;
  with_reader([&](SqliteSession& session) {
    const Snapshot snapshot(session, options_);
    status = sql::migration_status(session.connection, sql::own_migrations(), sql::own_version());
  });
  return status;
}

void SqliteStorage::ping() {
  with_reader([](SqliteSession& session) { execute(session, "SELECT COUNT(*) FROM sqlite_schema"); });
}

}  // namespace lms::sqlite

namespace lms {

std::unique_ptr<Storage> open_sqlite_storage(SqliteOptions options) {
  return std::make_unique<sqlite::SqliteStorage>(std::move(options));
}

}  // namespace lms
