#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

#include <lms/backends/sqlite.hpp>
#include <lms/spi/storage.hpp>

#include "backend/sqlite/writer.hpp"

namespace lms::sqlite {

/// Lets many threads use one Writer, as many as are waiting in one commit. There is no thread of its own: who comes
/// first leads, running the functions of those who come while it does, and then hands the lead to the next one waiting.
/// Nobody learns of a result before the commit that makes it durable.
class GroupCommit {
 public:
  /// Both outlive it.
  GroupCommit(Writer& writer, const SqliteOptions& options) : writer_(writer), options_(options) {}

  /// Thread-safe. @throws what the function throws; Error unavailable if its turn does not come in time.
  void run(const Storage::Function& function, bool writes);

 private:
  /// Each waits on a condition of its own, so that exactly those are woken who have something to do.
  struct Member : Transaction {
    enum class State { waits, leads, done };

    using Transaction::Transaction;

    SteadyTime deadline;
    std::mutex mutex;
    std::condition_variable changed;
    State state = State::waits;
  };

  void enter(Member& self);
  void await_turn(Member& self);
  void lead(Member& self) noexcept;
  void hand_over();
  Member* take_next();
  Member* pop();
  bool withdraw(Member& self);
  static void wake(Member& member, Member::State state);

  Writer& writer_;
  const SqliteOptions& options_;
  std::mutex mutex_;
  std::deque<Member*> waiting_;
  bool led_ = false;
};

}  // namespace lms::sqlite
