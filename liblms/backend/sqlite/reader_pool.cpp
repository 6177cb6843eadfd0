#include "backend/sqlite/reader_pool.hpp"

#include <utility>

#include <lms/error.hpp>

namespace lms::sqlite {

ReaderPool::Lease ReaderPool::lease() {
  std::unique_lock lock(mutex_);
  const auto ready = [&] { return !idle_.empty() || open_ < options_.max_readers; };
  if (!given_back_.wait_for(lock, options_.busy_timeout, ready))
    throw unavailable("storage_busy", "More reads are waiting than the database takes. Try again soon.");
  if (!idle_.empty()) {
    std::unique_ptr<SqliteSession> session = std::move(idle_.back());
    idle_.pop_back();
    return {*this, std::move(session)};
  }
  idle_.reserve(open_ + 1);  // giving it back must not fail
  ++open_;
  lock.unlock();
  try {
    return {*this, std::make_unique<SqliteSession>(options_, SqliteConnection::Use::read)};
  } catch (...) {
    lock.lock();
    --open_;
    given_back_.notify_one();
    throw;
  }
}

void ReaderPool::give_back(std::unique_ptr<SqliteSession> session) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (session->connection.in_transaction())
      --open_;  // it could not end its transaction: close it
    else
      idle_.push_back(std::move(session));
  }
  given_back_.notify_one();
}

}  // namespace lms::sqlite
