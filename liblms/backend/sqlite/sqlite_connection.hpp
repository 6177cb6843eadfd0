#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <sqlite3.h>

#include <SQLiteCpp/SQLiteCpp.h>

#include <lms/backends/sqlite.hpp>

#include "backend/sql/connection.hpp"
#include "backend/sql/session.hpp"

namespace lms::sqlite {

using SteadyTime = std::chrono::steady_clock::time_point;

/// One SQLite connection. What it throws is ConstraintViolation or lms::Error.
class SqliteConnection final : public sql::Connection {
 public:
  enum class Use { write, read };

  /// The options must outlive the connection.
  SqliteConnection(const SqliteOptions& options, Use use);

  const sql::Dialect& dialect() const override;
  std::unique_ptr<sql::Statement> prepare(const std::string& sql) override;
  void execute(const std::string& script) override;
  void rollback() noexcept override;
  bool has_table(const std::string& name) override;

  bool in_transaction() const noexcept { return sqlite3_get_autocommit(database_.getHandle()) == 0; }
  /// How many rows have been changed since it was opened, undone or not.
  std::int64_t changes() const noexcept { return sqlite3_total_changes(database_.getHandle()); }
  /// How long a statement waits for another process's lock.
  void set_busy_timeout(std::chrono::milliseconds timeout);
  /// Statements are refused, or stopped, after this.
  void set_deadline(SteadyTime deadline) noexcept { deadline_ = deadline; }
  void clear_deadline() noexcept { deadline_ = SteadyTime::max(); }
  /// Makes the file write-ahead logged, if it is not.
  void use_write_ahead_log();

 private:
  friend class SqliteStatement;

  bool is_late() const noexcept { return std::chrono::steady_clock::now() > deadline_; }
  void refuse_if_late() const;

  const SqliteOptions& options_;
  SteadyTime deadline_ = SteadyTime::max();
  SQLite::Database database_;
};

/// A connection with the statements prepared on it.
struct SqliteSession {
  SqliteSession(const SqliteOptions& options, SqliteConnection::Use use) : connection(options, use) {
    session.records.emplace();
  }
  /// At the beginning of a transaction: forgets the records that were kept, if others have changed something since.
  void look_for_changes();

  SqliteConnection connection;
  sql::Session session{connection};
  /// Whether a part of a transaction that fails after it has changed something is undone by itself. SQLite copies every
  /// page that a part touches to be able to, half the work of many writes; without, the whole transaction is undone,
  /// and `part_failed` says why.
  bool undoes_parts = true;
  bool part_failed = false;

 private:
  sql::KeptStatement data_version_{connection, "PRAGMA data_version"};  // not of this connection's own commits
  std::int64_t version_ = 0;
};

/// A statement without parameters or result.
inline void execute(SqliteSession& session, const char* sql) {
  sql::Execution(session.session.statement(sql)).finish();
}

/// A part of a transaction: what was done since it was made is undone, unless that is kept.
class Part {
 public:
  explicit Part(SqliteSession& session);
  ~Part();
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  void keep();

 private:
  void undo() noexcept;

  SqliteSession& session_;
  const bool has_savepoint_;
  const std::int64_t changes_before_;
  const std::size_t forgotten_before_;
  bool kept_ = false;
};

}  // namespace lms::sqlite
