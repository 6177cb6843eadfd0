#include "backend/sqlite/sqlite_connection.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <lms/error.hpp>

namespace lms::sqlite {

namespace {

constexpr const char* busy_reason = "storage_busy";
constexpr int checkpoint_pages = 10'000;
constexpr int most_log_bytes = 64 * 1024 * 1024;
// Filled as they are needed. A reader's is dropped when somebody else has written.
constexpr int writer_cache_kib = 16 * 1024;
constexpr int reader_cache_kib = 8 * 1024;
constexpr int steps_between_looks_at_the_clock = 10'000;

std::string described(const SqliteOptions& options) {
  return options.path.empty() ? "The database in memory" : "The database " + options.path;
}

/// The one place that knows SQLite's errors.
[[noreturn]] void rethrow(const SQLite::Exception& exception, const SqliteOptions& options) {
  const std::string database = described(options);
  switch (exception.getExtendedErrorCode()) {
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_ROWID:
      throw sql::ConstraintViolation{sql::ConstraintViolation::Kind::unique};
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      throw sql::ConstraintViolation{sql::ConstraintViolation::Kind::foreign_key};
    default:
      break;
  }
  switch (exception.getErrorCode() & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw unavailable(busy_reason, database +
                                         " is locked by another process for too long. If this goes on, look "
                                         "for a program that keeps a transaction open on it.");
    case SQLITE_INTERRUPT:
      throw unavailable("storage_timeout", "A database operation took too long and was stopped.");
    case SQLITE_FULL:
      throw unavailable("storage_full", database + " cannot grow: its disk or quota is full. Free some space.");
    case SQLITE_READONLY:
      throw unavailable(
          "storage_unavailable",
          database + " cannot be written. This process needs write permission on the file and its folder.");
    case SQLITE_CANTOPEN:
      throw unavailable("storage_unavailable", database +
                                                   " cannot be opened. This process needs read and write "
                                                   "permission on the file and its folder, and free descriptors.");
    case SQLITE_IOERR:
      throw unavailable("storage_unavailable", database + " cannot be read or written (" + exception.what() +
                                                   "). Look at the disk, its mount and the system's log.");
    case SQLITE_NOMEM:
      throw unavailable("storage_unavailable", "There is no memory left for the database.");
    case SQLITE_CORRUPT:
      throw Error(ErrorCode::internal, "storage_corrupt", database + " is damaged. Restore the last backup.");
    case SQLITE_NOTADB:
      throw Error(ErrorCode::internal, "storage_corrupt",
                  database + " is no SQLite database, or an encrypted one. Look at the path.");
    default:
      throw internal(std::string("SQLite: ") + exception.what());
  }
}

/// Says what stands in the way, which SQLite does not.
void require_usable(const SqliteOptions& options, SqliteConnection::Use use) {
  if (options.path.empty()) return;
  namespace fs = std::filesystem;
  const auto refuse = [&](const std::string& cause) {
    throw unavailable("storage_unavailable", described(options) + " cannot be opened: " + cause);
  };
  const fs::path file(options.path);
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  std::error_code ignored;
  if (!fs::exists(folder, ignored))
    refuse("the folder " + folder.string() + " does not exist. Make it, or name another.");
  if (!fs::is_directory(folder, ignored)) refuse(folder.string() + " is no folder.");
  if (fs::is_directory(file, ignored)) refuse("it is a folder. Name a file.");
  if (access(folder.c_str(), W_OK | X_OK) != 0)
    refuse("this process may not write into the folder " + folder.string() +
           ". SQLite keeps files beside the database.");
  const bool exists = fs::exists(file, ignored);
  if (use == SqliteConnection::Use::read && !exists)
    refuse("the file was there and is no more. Put it back, or start again.");
  if (exists && access(file.c_str(), R_OK | W_OK) != 0) refuse("this process may not read and write the file.");
}

/// Makes the file that SQLite would make, but for its owner alone: a school is personal data. SQLite gives the files
/// beside it the same rights. It is not opened here, for closing it would drop the locks that this process's
/// connections hold on it, and another process would then take the log away.
void make_private(const std::string& path) {
  if (!path.empty()) ::mknod(path.c_str(), S_IFREG | S_IRUSR | S_IWUSR, 0);
}

/// A reader makes no file: it comes after the writer, and the school's file would have gone.
SQLite::Database open(const SqliteOptions& options, SqliteConnection::Use use) {
  require_usable(options, use);
  const bool makes_file = use == SqliteConnection::Use::write;
  if (makes_file) make_private(options.path);
  const std::string name = options.path.empty() ? ":memory:" : options.path;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (makes_file ? SQLITE_OPEN_CREATE : 0);
  try {
    return SQLite::Database(name, flags);
  } catch (const SQLite::Exception& exception) {
    rethrow(exception, options);
  }
}

class SqliteDialect final : public sql::Dialect {
 public:
  std::string column_type(FieldType type) const override {
    switch (type) {
      case FieldType::boolean:
        return "BOOLEAN";
      case FieldType::integer:
      case FieldType::time:
        return "BIGINT";
      case FieldType::real:
        return "DOUBLE PRECISION";
      default:
        return "TEXT";
    }
  }
  std::string elements(FieldType) const override { return "SELECT value FROM json_each(?)"; }
  std::string contains(const std::string& column, FieldType) const override {
    return "EXISTS (SELECT 1 FROM json_each(" + column + ") WHERE json_each.value = ?)";
  }
  std::string lock(Lock) const override { return ""; }  // there is one writer
  std::string now() const override { return "CAST(strftime('%s', 'now') AS INTEGER) * 1000000"; }
  std::string begin_migration() const override { return "BEGIN IMMEDIATE"; }
};

}  // namespace

/// SQLite's own interface, for SQLiteCpp's takes a counted reference for each column that is read.
class SqliteStatement final : public sql::Statement {
 public:
  SqliteStatement(SqliteConnection& connection, const std::string& sql) : connection_(connection) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v3(connection_.database_.getHandle(), sql.data(), static_cast<int>(sql.size()),
                             SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
    statement_.reset(statement);
  }

  void bind(std::span<const sql::Parameter> parameters) override {
    connection_.refuse_if_late();
    if (connection_.options_.on_statement) started_ = std::chrono::steady_clock::now();
    int index = 0;
    for (const sql::Parameter& parameter : parameters)
      std::visit([&, place = ++index](const auto& value) { check(bind(place, value)); }, parameter);
  }

  bool step() override {
    const int result = sqlite3_step(handle());
    if (result != SQLITE_ROW && result != SQLITE_DONE) check(result);
    return result == SQLITE_ROW;
  }

  std::size_t changes() const override {
    return static_cast<std::size_t>(sqlite3_changes(connection_.database_.getHandle()));
  }

  void reset() noexcept override {
    sqlite3_reset(handle());  // says again what step said
    const auto& on_statement = connection_.options_.on_statement;
    if (!on_statement) return;
    const auto taken = std::chrono::steady_clock::now() - started_;
    on_statement(sqlite3_sql(handle()), std::chrono::duration_cast<std::chrono::microseconds>(taken));
  }

  bool is_null(int column) const override { return sqlite3_column_type(handle(), column) == SQLITE_NULL; }
  bool boolean(int column) const override { return sqlite3_column_int(handle(), column) != 0; }
  std::int64_t integer(int column) const override { return sqlite3_column_int64(handle(), column); }
  double real(int column) const override { return sqlite3_column_double(handle(), column); }
  std::string text(int column) const override {
    const void* const text = sqlite3_column_blob(handle(), column);  // before the length, which it may change
    const auto length = static_cast<std::size_t>(sqlite3_column_bytes(handle(), column));
    return length == 0 ? std::string() : std::string(static_cast<const char*>(text), length);
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };

  sqlite3_stmt* handle() const noexcept { return statement_.get(); }
  void check(int result) const {
    if (result != SQLITE_OK)
      rethrow(SQLite::Exception(connection_.database_.getHandle(), result), connection_.options_);
  }

  int bind(int index, std::monostate) { return sqlite3_bind_null(handle(), index); }
  int bind(int index, bool value) { return sqlite3_bind_int(handle(), index, static_cast<int>(value)); }
  int bind(int index, std::int64_t value) { return sqlite3_bind_int64(handle(), index, value); }
  int bind(int index, double value) { return sqlite3_bind_double(handle(), index, value); }
  int bind(int index, const std::string& value) {
    return sqlite3_bind_text64(handle(), index, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  int bind(int index, const std::string* value) { return bind(index, *value); }

  SqliteConnection& connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  SteadyTime started_;
};

SqliteConnection::SqliteConnection(const SqliteOptions& options, Use use)
    : options_(options), database_(open(options, use)) {
  sqlite3* const handle = database_.getHandle();
  if (sqlite3_db_readonly(handle, "main") == 1)
    throw unavailable("storage_unavailable", described(options) + " cannot be opened for writing.");
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);  // "name" is never a text
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  const auto is_late = [](void* self) -> int { return static_cast<SqliteConnection*>(self)->is_late() ? 1 : 0; };
  sqlite3_progress_handler(handle, steps_between_looks_at_the_clock, is_late, this);
  set_busy_timeout(options.busy_timeout);
  execute("PRAGMA foreign_keys = ON");
  if (use == Use::read) {
    execute("PRAGMA query_only = ON");
    execute("PRAGMA cache_size = -" + std::to_string(reader_cache_kib));
    return;
  }
  execute(options.synchronous == SqliteOptions::Synchronous::full ? "PRAGMA synchronous = FULL"
                                                                  : "PRAGMA synchronous = NORMAL");
  execute("PRAGMA cache_size = -" + std::to_string(writer_cache_kib));
  execute("PRAGMA journal_size_limit = " + std::to_string(most_log_bytes));
  execute("PRAGMA wal_autocheckpoint = " + std::to_string(checkpoint_pages));
}

const sql::Dialect& SqliteConnection::dialect() const {
  static const SqliteDialect dialect;
  return dialect;
}

std::unique_ptr<sql::Statement> SqliteConnection::prepare(const std::string& sql) {
  return std::make_unique<SqliteStatement>(*this, sql);
}

void SqliteConnection::execute(const std::string& script) {
  try {
    database_.exec(script);
  } catch (const SQLite::Exception& exception) {
    rethrow(exception, options_);
  }
}

void SqliteConnection::rollback() noexcept {
  if (in_transaction()) database_.tryExec("ROLLBACK");
}

bool SqliteConnection::has_table(const std::string& name) {
  SqliteStatement select(*this, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?");
  const sql::Parameter parameters[] = {&name};
  return sql::Execution(select, parameters).step();
}

void SqliteConnection::set_busy_timeout(std::chrono::milliseconds timeout) {
  const auto bounded = std::clamp<std::int64_t>(timeout.count(), 0, std::numeric_limits<int>::max());
  database_.setBusyTimeout(static_cast<int>(bounded));
}

void SqliteConnection::use_write_ahead_log() {
  if (options_.path.empty()) return;
  const auto switched = [&] {
    SqliteStatement pragma(*this, "PRAGMA journal_mode = WAL");
    sql::Execution execution(pragma);
    return execution.step() && pragma.text(0) == "wal";
  };
  try {
    if (switched()) return;
  } catch (const Error& error) {
    if (error.reason() != busy_reason) throw;
    // Two processes that switch a new file at once get in each other's way, and SQLite does not wait. This waits.
    execute("BEGIN IMMEDIATE");
    rollback();
    if (switched()) return;
  }
  throw unavailable("storage_unavailable",
                    described(options_) + " cannot have a write-ahead log. Put it on a local file system.");
}

void SqliteSession::look_for_changes() {
  sql::Execution execution(*data_version_);
  execution.step();
  const std::int64_t version = (*data_version_).integer(0);
  if (version != version_) session.records->forget_all();
  version_ = version;
}

Part::Part(SqliteSession& session)
    : session_(session),
      has_savepoint_(session.undoes_parts),
      changes_before_(session.connection.changes()),
      forgotten_before_(session.session.records->forgotten()) {
  if (has_savepoint_) execute(session_, "SAVEPOINT part");
}

void Part::keep() {
  if (has_savepoint_) execute(session_, "RELEASE part");
  kept_ = true;
}

Part::~Part() {
  if (kept_) return;
  sql::RecordCache& records = *session_.session.records;
  if (records.forgotten() != forgotten_before_) records.forget_all();
  // Where SQLite has given up the transaction there is nothing left to undo.
  if (session_.connection.in_transaction()) undo();
}

void Part::undo() noexcept {
  if (has_savepoint_) {
    try {
      execute(session_, "ROLLBACK TO part");
      execute(session_, "RELEASE part");
      return;
    } catch (...) {
    }
  } else if (session_.connection.changes() == changes_before_) {
    return;
  }
  session_.part_failed = !has_savepoint_;
  session_.connection.rollback();
}

void SqliteConnection::refuse_if_late() const {
  if (is_late()) throw unavailable("storage_timeout", "A database operation took too long and was stopped.");
}

}  // namespace lms::sqlite
