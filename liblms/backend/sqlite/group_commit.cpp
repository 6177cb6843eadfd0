#include "backend/sqlite/group_commit.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <utility>

#include <lms/error.hpp>

namespace lms::sqlite {

namespace {

using std::chrono::steady_clock;

Error busy() {
  return unavailable("storage_busy", "More transactions are waiting than the database takes. Try again soon.");
}

}  // namespace

/// A transaction on its way through the queue.
class GroupCommit::Member : public Transaction {
 public:
  Member(const Work& its_work, Kind its_kind, const SqliteOptions& options)
      : Transaction(its_work, its_kind), deadline(steady_clock::now() + options.busy_timeout) {}
  virtual ~Member() = default;

  /// Whether a thread waits for it, which can lead.
  virtual bool has_thread() const noexcept = 0;
  /// Finds a thread that leads a group which begins with this one. @throws if there is none.
  virtual void start_leading(GroupCommit& group) = 0;
  /// The transaction has ended. The member may be gone when this returns.
  virtual void finish() noexcept = 0;

  static void finish_all(Transaction* first) noexcept {
    while (first != nullptr) {
      auto& member = static_cast<Member&>(*first);
      first = first->next;
      member.finish();
    }
  }

  const SteadyTime deadline;
};

/// Its thread waits, on a condition of its own, so that exactly those are woken who have something to do.
class GroupCommit::Caller final : public Member {
 public:
  enum class State { waits, leads, done };

  using Member::Member;

  bool has_thread() const noexcept override { return true; }
  void start_leading(GroupCommit&) override { wake(State::leads); }
  void finish() noexcept override { wake(State::done); }

  /// Waits for its turn, until the deadline at most.
  State await_turn() {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline, [&] { return state_ != State::waits; });
    return state_;
  }
  /// A leader has it already.
  State await_leader() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return state_ != State::waits; });
    return state_;
  }

 private:
  void wake(State state) noexcept {
    const std::lock_guard lock(mutex_);  // the member may end as soon as it is free
    state_ = state;
    changed_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::waits;
};

/// Who asked for it went on, and will be told. It lives until then.
class GroupCommit::Deferred final : public Member {
 public:
  Deferred(Work its_work, Storage::Done done, const Executor& executor, const SqliteOptions& options)
      : Member(work_, Kind::joint, options), work_(std::move(its_work)), done_(std::move(done)), executor_(executor) {}

  bool has_thread() const noexcept override { return false; }
  void start_leading(GroupCommit& group) override;
  void finish() noexcept override {
    done_(error);
    delete this;
  }

 private:
  const Work work_;
  const Storage::Done done_;
  const Executor& executor_;
};

/// The task of leading. An executor that ends with tasks still to run drops it, and the lead passes on.
class GroupCommit::Lead {
 public:
  Lead(GroupCommit& group, Member& first) : group_(group), first_(&first) {}
  ~Lead() {
    if (first_ == nullptr) return;
    first_->error = std::make_exception_ptr(busy());
    first_->finish();
    group_.hand_over();
  }
  Lead(const Lead&) = delete;
  Lead& operator=(const Lead&) = delete;

  void run() { group_.lead_deferred(*std::exchange(first_, nullptr)); }
  void disarm() { first_ = nullptr; }

 private:
  GroupCommit& group_;
  Member* first_;
};

void GroupCommit::Deferred::start_leading(GroupCommit& group) {
  const auto lead = std::make_shared<Lead>(group, *this);
  try {
    executor_([lead] { lead->run(); });
  } catch (...) {
    lead->disarm();
    throw;
  }
}

void GroupCommit::run(const Transaction::Work& work, Transaction::Kind kind) {
  Caller self(work, kind, options_);
  Caller::State state = Caller::State::leads;
  if (!enter(self)) {
    state = self.await_turn();
    if (state == Caller::State::waits) {
      if (withdraw(self)) throw busy();
      state = self.await_leader();
    }
  }
  if (state == Caller::State::leads) {
    run_group(self);
    hand_over();
    Member::finish_all(self.next);
  }
  if (self.error) std::rethrow_exception(self.error);
}

void GroupCommit::run_later(Transaction::Work work, Storage::Done done, const Executor& executor) {
  auto self = std::make_unique<Deferred>(std::move(work), std::move(done), executor, options_);
  if (enter(*self)) {
    try {
      self->start_leading(*this);
    } catch (...) {
      hand_over();
      throw;
    }
  }
  self.release();  // NOLINT(bugprone-unused-return-value): it deletes itself
}

/// True: nobody leads, so this one does. Otherwise it is in the queue.
bool GroupCommit::enter(Member& self) {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(led_, true)) return true;
  if (waiting_.size() >= options_.max_queued_writes) throw busy();
  waiting_.push_back(&self);
  return false;
}

/// Takes no memory: if it ended early, nobody would lead any more.
void GroupCommit::run_group(Member& first) noexcept {
  const auto next = [this]() -> Transaction* { return options_.group_commit ? take_next() : nullptr; };
  writer_.run_group(first, first.deadline, next);
}

/// Leads group after group, as long as no caller can.
void GroupCommit::lead_deferred(Member& first) noexcept {
  for (Member* member = &first; member != nullptr;) {
    run_group(*member);
    Member::finish_all(member);
    member = take_lead();
    if (member != nullptr && member->has_thread()) {
      member->start_leading(*this);
      return;
    }
  }
}

void GroupCommit::hand_over() noexcept {
  while (Member* next = take_lead()) {
    try {
      return next->start_leading(*this);
    } catch (...) {
      next->error = std::current_exception();
      next->finish();
    }
  }
}

GroupCommit::Member* GroupCommit::take_next() {
  const std::lock_guard lock(mutex_);
  return pop();
}

/// The one to lead next; null: nobody leads from now on.
GroupCommit::Member* GroupCommit::take_lead() {
  const std::lock_guard lock(mutex_);
  Member* next = pop();
  led_ = next != nullptr;
  return next;
}

GroupCommit::Member* GroupCommit::pop() {
  if (waiting_.empty()) return nullptr;
  Member* first = waiting_.front();
  waiting_.pop_front();
  return first;
}

bool GroupCommit::withdraw(Member& self) {
  const std::lock_guard lock(mutex_);
  return std::erase(waiting_, &self) > 0;
}

}  // namespace lms::sqlite
