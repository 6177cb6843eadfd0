#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include <lms/backends/sqlite.hpp>

#include "backend/sqlite/sqlite_connection.hpp"

namespace lms::sqlite {

/// Connections for reading, opened when first needed, each used by one thread at a time. Thread-safe.
class ReaderPool {
 public:
  /// The options outlive it.
  explicit ReaderPool(const SqliteOptions& options) : options_(options) {}

  /// Gives its connection back at its end.
  class Lease {
   public:
    Lease(ReaderPool& pool, std::unique_ptr<SqliteSession> session) : pool_(pool), session_(std::move(session)) {}
    ~Lease() { pool_.give_back(std::move(session_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    SqliteSession& operator*() { return *session_; }

   private:
    ReaderPool& pool_;
    std::unique_ptr<SqliteSession> session_;
  };

  /// Waits while all are in use. @throws Error unavailable if that takes too long, or one cannot be opened.
  Lease lease();

 private:
  void give_back(std::unique_ptr<SqliteSession> session) noexcept;

  const SqliteOptions& options_;
  std::mutex mutex_;
  std::condition_variable given_back_;
  std::vector<std::unique_ptr<SqliteSession>> idle_;  // the last used, whose pages are in memory, is taken first
  std::size_t open_ = 0;
};

}  // namespace lms::sqlite
