#include "backend/sqlite/group_commit.hpp"

#include <algorithm>
#include <chrono>

#include <lms/error.hpp>

namespace lms::sqlite {

namespace {

Error busy() {
  return unavailable("storage_busy", "More transactions are waiting than the database takes. Try again soon.");
}

}  // namespace

void GroupCommit::run(const Storage::Function& function, bool writes) {
  Member self(function, writes);
  self.deadline = std::chrono::steady_clock::now() + options_.busy_timeout;
  enter(self);
  await_turn(self);
  if (self.state == Member::State::leads) lead(self);
  if (self.error) std::rethrow_exception(self.error);
}

void GroupCommit::enter(Member& self) {
  const std::lock_guard lock(mutex_);
  if (!led_) {
    led_ = true;
    self.state = Member::State::leads;
    return;
  }
  if (waiting_.size() >= options_.max_queued_writes) throw busy();
  waiting_.push_back(&self);
}

void GroupCommit::await_turn(Member& self) {
  const auto called = [&] { return self.state != Member::State::waits; };
  std::unique_lock lock(self.mutex);
  if (self.changed.wait_until(lock, self.deadline, called)) return;
  lock.unlock();
  if (withdraw(self)) throw busy();
  lock.lock();
  self.changed.wait(lock, called);  // a leader has it already
}

/// Takes no memory: if it ended early, nobody would lead any more.
void GroupCommit::lead(Member& self) noexcept {
  const auto next = [this]() -> Transaction* { return options_.group_commit ? take_next() : nullptr; };
  writer_.run_group(self, self.deadline, next);
  hand_over();
  for (Transaction* follower = self.next; follower != nullptr;) {
    auto& member = static_cast<Member&>(*follower);
    follower = follower->next;  // the member may end as soon as it wakes
    wake(member, Member::State::done);
  }
}

GroupCommit::Member* GroupCommit::take_next() {
  const std::lock_guard lock(mutex_);
  return pop();
}

void GroupCommit::hand_over() {
  Member* next = nullptr;
  {
    const std::lock_guard lock(mutex_);
    next = pop();
    led_ = next != nullptr;
  }
  if (next != nullptr) wake(*next, Member::State::leads);
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

/// The member may end as soon as its mutex is free.
void GroupCommit::wake(Member& member, Member::State state) {
  const std::lock_guard lock(member.mutex);
  member.state = state;
  member.changed.notify_one();
}

}  // namespace lms::sqlite
