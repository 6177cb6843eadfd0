#include "backend/sqlite/sqlite_storage.hpp"

#include <chrono>
#include <filesystem>
#include <utility>

#include <lms/error.hpp>

#include "backend/sql/migration.hpp"
#include "backend/sql/unit_of_work.hpp"
#include "backend/sqlite/group_commit.hpp"
#include "backend/sqlite/reader_pool.hpp"
#include "backend/sqlite/writer.hpp"

namespace lms::sqlite {

namespace {

constexpr std::chrono::minutes migration_wait{1};

/// Readers are opened later: the process may have changed its folder by then. An absolute path is also never taken for
/// one of SQLite's special names.
SqliteOptions with_absolute_path(SqliteOptions options) {
  if (!options.path.empty()) options.path = std::filesystem::absolute(options.path).lexically_normal().string();
  return options;
}

void run_on(SqliteSession& session, bool writable, const Storage::Function& function) {
  sql::SqlUnitOfWork unit(session.session, writable);
  function(unit);
}

/// One consistent state to read from, for a bounded time.
class Snapshot {
 public:
  Snapshot(SqliteSession& session, const SqliteOptions& options) : Snapshot(session) {
    session_.connection.set_deadline(std::chrono::steady_clock::now() + options.max_read);
    session_.look_for_changes();
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
  /// What is begun ends with the object, also if the rest of the other constructor throws.
  explicit Snapshot(SqliteSession& session) : session_(session) { execute(session_, "BEGIN"); }

  SqliteSession& session_;
};

}  // namespace

SqliteStorage::SqliteStorage(SqliteOptions options)
    : options_(with_absolute_path(std::move(options))),
      writer_(std::make_unique<Writer>(options_)),
      writes_(std::make_unique<GroupCommit>(*writer_, options_)),
      readers_(std::make_unique<ReaderPool>(options_)) {}

SqliteStorage::~SqliteStorage() = default;

template <class F>
void SqliteStorage::with_reader(F&& use) {
  if (options_.path.empty()) return writer_->exclusively(use);
  ReaderPool::Lease lease = readers_->lease();
  use(*lease);
}

void SqliteStorage::do_write(const Function& function, Isolation) {
  writes_->run([&](SqliteSession& session) { run_on(session, true, function); }, Transaction::Kind::write);
}

class SqliteStorage::Parts final : public Joint {
 public:
  explicit Parts(SqliteSession& session) : session_(session) {}

  void write(const Function& function) override {
    require_transaction();
    Part part(session_);
    run_on(session_, true, function);
    part.keep();
  }
  void read(const Function& function) override {
    require_transaction();
    run_on(session_, false, function);
  }

 private:
  /// What comes after an error that made SQLite undo all of it would stand alone, and be committed.
  void require_transaction() const {
    if (!session_.connection.in_transaction()) throw unavailable("storage_unavailable", gave_up);
  }

  SqliteSession& session_;
};

void SqliteStorage::do_together(const JointFunction& function) {
  const auto work = [&](SqliteSession& session) {
    Parts parts(session);
    function(&parts);
  };
  writes_->run(work, Transaction::Kind::joint);
}

void SqliteStorage::do_together_later(JointFunction function, Done done, const Executor& executor) {
  const auto work = [function = std::move(function)](SqliteSession& session) {
    Parts parts(session);
    function(&parts);
  };
  writes_->run_later(work, std::move(done), executor);
}

void SqliteStorage::do_read(const Function& function) {
  const auto work = [&](SqliteSession& session) { run_on(session, false, function); };
  if (options_.path.empty()) return writes_->run(work, Transaction::Kind::read);  // one connection: all take turns
  with_reader([&](SqliteSession& session) {
    Snapshot snapshot(session, options_);
    work(session);
    snapshot.end();
  });
}

void SqliteStorage::exclusively(const std::function<void(sql::Connection&)>& use) {
  refuse_nesting();
  writer_->exclusively([&](SqliteSession& session) { use(session.connection); });
}

void SqliteStorage::migrate() {
  refuse_nesting();
  writer_->exclusively([&](SqliteSession& session) {
    session.connection.set_busy_timeout(migration_wait);
    session.connection.use_write_ahead_log();
    sql::migrate(session.connection, sql::own_migrations(), sql::own_version());
  });
}

MigrationStatus SqliteStorage::migration_status() {
  refuse_nesting();
  MigrationStatus status;
  with_reader([&](SqliteSession& session) {
    const Snapshot snapshot(session, options_);
    status = sql::migration_status(session.connection, sql::own_migrations(), sql::own_version());
  });
  return status;
}

void SqliteStorage::ping() {
  refuse_nesting();
  with_reader([](SqliteSession& session) { execute(session, "SELECT COUNT(*) FROM sqlite_schema"); });
}

}  // namespace lms::sqlite

namespace lms {

std::unique_ptr<Storage> open_sqlite_storage(SqliteOptions options) {
  return std::make_unique<sqlite::SqliteStorage>(std::move(options));
}

bool turn_off_sqlite_memory_statistics() noexcept {
  return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK;
}

}  // namespace lms
