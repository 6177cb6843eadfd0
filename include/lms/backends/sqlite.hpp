#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

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
  /// Connections for reading, each opened when first needed and keeping up to 2 MB of pages. While all are in use a
  /// read waits for one, so a host whose event loops read gives as many as it has threads: then none waits. In memory
  /// there is one connection for everything.
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

}  // namespace lms
