#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <lms/export.hpp>
#include <lms/spi/storage.hpp>

namespace lms {

struct SqliteOptions {
  enum class Synchronous {
    normal,  ///< the last commits may be lost when the machine loses power; nothing is ever corrupted
    full     ///< an acknowledged write survives
  };

  std::string path;  ///< of the database file, made if there is none; empty: a private database in memory
  Synchronous synchronous = Synchronous::full;
  /// Concurrent writes share one commit. Off, each has its own.
  bool group_commit = true;
  std::size_t max_queued_writes = 1000;  ///< in memory, reads queue with them
  /// How long a write waits for its turn, behind others here and behind other processes on the same file.
  std::chrono::milliseconds busy_timeout{5000};
  /// Connections for reading, each opened when first needed and keeping up to 2 MB of pages and 4 MB of records. While
  /// all are in use a read waits for one, so a host whose event loops read gives as many as it has threads: then none
  /// waits. In memory there is one connection for everything.
  std::size_t max_readers = 16;
  std::chrono::milliseconds max_read{5000};   ///< a longer one is stopped: it would let the write-ahead log grow
  std::chrono::milliseconds max_write{1000};  ///< a longer function is undone and refused: it keeps all others waiting
  std::chrono::milliseconds slow_write{5};    ///< a longer function is reported to `on_slow_write`

  /// Called after each statement with its text, in which `?` stands for every value, on the thread that ran it. Must
  /// not throw, nor use the storage.
  std::function<void(std::string_view statement, std::chrono::microseconds)> on_statement;
  /// Called with the time that the function of a write took. Must not throw, nor use the storage.
  std::function<void(std::chrono::microseconds)> on_slow_write;
};

/// Opens a database file, safely beside other processes that have it open. Its tables are made by `migrate`.
/// @throws Error unavailable, saying what is in the way, if the file cannot be opened, made or written; internal
///   `storage_corrupt` if it is no database.
LMS_API std::unique_ptr<Storage> open_sqlite_storage(SqliteOptions options);

/// SQLite counts the memory it takes, for the whole process and under a lock that every one of its threads takes every
/// time. A program that never asks it for that number is faster without: it calls this before anything uses SQLite.
/// False: something has, and all stays as it was.
LMS_API bool turn_off_sqlite_memory_statistics() noexcept;

/// A database as it was copied.
struct SqliteCopy {
  struct Table {
    std::string name;
    std::int64_t rows = 0;
    std::string checksum;  ///< SHA-256 over all values, in hex: equal for equal tables
  };

  std::int64_t bytes = 0;
  std::vector<Table> tables;  ///< by name
};

struct SqliteCopyOptions {
  bool overwrite = false;  ///< else a target that exists is refused
  /// Called from time to time with what is being done, `copying` and then `verifying`, and how far that is, from 0 to
  /// 1. May throw, to give up.
  std::function<void(std::string_view step, double done)> on_progress;
};

/// Writes one moment of a database into a file of its own, for its owner to read alone, while others go on reading and
/// writing. The copy is checked (SQLite's integrity check, and every table compared with the database of that moment),
/// synced to disk, and takes the name `file` only then. Until then what others write stays in the write-ahead log,
/// which can be of use again afterwards. It needs no migrated database, and takes one of a newer release. Thread-safe.
/// @throws Error conflict `file_exists`, or `file_in_use` if files of an open database lie beside `file`; unavailable
///   `file_unwritable`, or `storage_unavailable` if the database cannot be read; internal `storage_corrupt` if it is
///   damaged or none.
LMS_API SqliteCopy backup_sqlite(const std::string& database, const std::string& file,
                                 const SqliteCopyOptions& options = {});

/// Puts a backup in the place of a database, for the same owner as before. It is copied and checked as a backup is, and
/// what stood there before stays until then. What the database at `database` had in its write-ahead log is brought into
/// it first, so the file that is replaced was whole. Nobody may have that database open.
/// @throws as `backup_sqlite` does, with `file_exists` for the database; not_found `file_missing`; conflict
///   `not_a_backup` if the file is damaged or is no school's; internal `schema_too_new`; unavailable `storage_in_use`
///   if somebody has the database open.
LMS_API SqliteCopy restore_sqlite(const std::string& file, const std::string& database,
                                  const SqliteCopyOptions& options = {});

}  // namespace lms
