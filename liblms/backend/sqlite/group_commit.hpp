#pragma once

#include <deque>
#include <mutex>

#include <lms/backends/sqlite.hpp>
#include <lms/spi/storage.hpp>

#include "backend/sqlite/writer.hpp"

namespace lms::sqlite {

/// Lets many threads use one Writer, as many as are waiting in one commit. There is no thread of its own: who comes
/// first leads, running the functions of those who come while it does, and then hands the lead to the next one waiting.
/// Those who do not wait for theirs are led by a thread of their executor. Nobody learns of a result before the commit
/// that makes it durable.
class GroupCommit {
 public:
  /// Both outlive it.
  GroupCommit(Writer& writer, const SqliteOptions& options) : writer_(writer), options_(options) {}
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  /// Thread-safe. @throws what the work throws; Error unavailable if its turn does not come in time.
  void run(const Transaction::Work& work, Transaction::Kind kind);
  /// Thread-safe. As Storage::together_later.
  void run_later(Transaction::Work work, Storage::Done done, const Executor& executor);

 private:
  class Member;
  class Caller;
  class Deferred;
  class Lead;

  bool enter(Member& self);
  void run_group(Member& first) noexcept;
  void lead_deferred(Member& first) noexcept;
  void hand_over() noexcept;
  Member* take_next();
  Member* take_lead();
  Member* pop();
  bool withdraw(Member& self);

  Writer& writer_;
  const SqliteOptions& options_;
  std::mutex mutex_;
  std::deque<Member*> waiting_;
  bool led_ = false;
};

}  // namespace lms::sqlite
