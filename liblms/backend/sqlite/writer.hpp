#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>

#include <lms/backends/sqlite.hpp>
#include <lms/spi/storage.hpp>

#include "backend/sqlite/sqlite_connection.hpp"

namespace lms::sqlite {

/// After some errors SQLite undoes the whole transaction.
constexpr const char* gave_up = "The database gave the transaction up.";

/// What somebody asked for, and how it ended.
struct Transaction {
  enum class Kind {
    write,
    read,
    joint  ///< several: each is done and undone by itself, all are committed
  };
  using Work = std::function<void(SqliteSession&)>;

  Transaction(const Work& its_work, Kind its_kind) : work(its_work), kind(its_kind) {}

  const Work& work;
  const Kind kind;
  std::exception_ptr error;     ///< null: committed
  bool late = false;            ///< it took all its time: it is refused, and not run again
  Transaction* next = nullptr;  ///< in the same group
};

/// The connection that writes.
class Writer {
 public:
  static constexpr std::size_t largest_group = 256;

  /// The options outlive it.
  explicit Writer(const SqliteOptions& options);

  /// Runs `first`, and then what `next` gives until it gives null, in one transaction and commits it. What fails is
  /// undone without harm to the others: if it had changed something, all are run again, each in a savepoint; where
  /// SQLite gives up the whole transaction, each is run again alone. Those that took too long are not. The group is
  /// linked behind `first`. If the transaction cannot begin before the deadline, `first` has the error and `next` was
  /// not asked.
  void run_group(Transaction& first, SteadyTime deadline, const std::function<Transaction*()>& next) noexcept;

  /// Runs `use` while no transaction does.
  void exclusively(const std::function<void(SqliteSession&)>& use);

 private:
  std::exception_ptr begin(SteadyTime deadline);
  std::exception_ptr commit();
  std::exception_ptr call(Transaction& transaction);
  void run(Transaction& transaction);
  bool run_again(Transaction& first) noexcept;
  void run_alone(Transaction& transaction);
  void execute(const char* sql) { sqlite::execute(session_, sql); }

  const SqliteOptions& options_;
  std::mutex mutex_;
  SqliteSession session_;
  SqliteConnection& connection_ = session_.connection;
  SteadyTime careful_until_;  // the parts of a group are undone by themselves
  bool has_log_ = false;
};

}  // namespace lms::sqlite
