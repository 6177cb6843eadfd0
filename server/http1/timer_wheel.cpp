#include "http1/timer_wheel.hpp"

#include <algorithm>

namespace lms::http1 {

void TimerWheel::Link::unlink() noexcept {
  previous->next = next;
  next->previous = previous;
  previous = next = this;
}

void TimerWheel::Link::insert_before(Link& other) noexcept {
  previous = other.previous;
  next = &other;
  previous->next = this;
  other.previous = this;
}

TimerWheel::Timer::~Timer() {
  if (wheel_) wheel_->unlink(*this);
}

void TimerWheel::schedule(Timer& timer, SteadyTime deadline) noexcept {
  timer.deadline_ = deadline;
  if (deadline == never) return;
  if (timer.wheel_) {
    if (tick_after(deadline) >= timer.tick_) return;
    unlink(timer);
  }
  link(timer);
}

std::vector<std::uint64_t> TimerWheel::expire(SteadyTime now) {
  std::vector<std::uint64_t> due;
  if (now < start_) return due;
  const auto today = static_cast<std::uint64_t>((now - start_) / tick);
  const std::uint64_t first = std::max(current_ + 1, today >= slots ? today - slots + 1 : 0);
  for (std::uint64_t at = first; at <= today; ++at) {
    Link& list = lists_[at % slots];
    Link passed;
    while (list.next != &list) {  // first all of them, as one that is placed anew may come back into this list
      Link* link = list.next;
      link->unlink();
      link->insert_before(passed);
    }
    current_ = at;
    while (passed.next != &passed) {
      auto& timer = static_cast<Timer&>(*passed.next);
      unlink(timer);
      if (timer.deadline_ == never) continue;
      if (timer.deadline_ <= now) {
        timer.deadline_ = never;
        due.push_back(timer.key_);
      } else {
        link(timer);
      }
    }
  }
  current_ = std::max(current_, today);
  return due;
}

std::uint64_t TimerWheel::tick_after(SteadyTime time) const noexcept {
  return time <= start_ ? 0 : static_cast<std::uint64_t>((time - start_ + tick - Duration(1)) / tick);
}

void TimerWheel::link(Timer& timer) noexcept {
  timer.tick_ = std::clamp(tick_after(timer.deadline_), current_ + 1, current_ + slots - 1);
  timer.insert_before(lists_[timer.tick_ % slots]);
  timer.wheel_ = this;
  ++count_;
}

void TimerWheel::unlink(Timer& timer) noexcept {
  static_cast<Link&>(timer).unlink();
  timer.wheel_ = nullptr;
  --count_;
}

}  // namespace lms::http1
