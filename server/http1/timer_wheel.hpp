#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "http1/time.hpp"

namespace lms::http1 {

/// Deadlines of many connections, kept in O(1) each: a ring of lists, one list for each tick of 100 ms.
/// A deadline that moves away costs one store; the timer stays in its list and is placed anew when that list's turn
/// comes. Fires up to one tick late, never early. Used by one thread.
class TimerWheel {
  struct Link {
    Link* previous = this;
    Link* next = this;

    void unlink() noexcept;
    void insert_before(Link& other) noexcept;
  };

 public:
  /// Must not outlive its wheel.
  class Timer : private Link {
   public:
    explicit Timer(std::uint64_t key) noexcept : key_(key) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer();

   private:
    friend class TimerWheel;

    std::uint64_t key_;
    SteadyTime deadline_ = never;
    std::uint64_t tick_ = 0;       // of the list it is in
    TimerWheel* wheel_ = nullptr;  // that it is linked to
  };

  static constexpr Duration tick = std::chrono::milliseconds(100);

  explicit TimerWheel(SteadyTime now) noexcept : start_(now) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  /// Sets or moves the deadline; `never` stops the timer.
  void schedule(Timer& timer, SteadyTime deadline) noexcept;
  /// The keys of the timers whose deadline has passed; those timers are stopped.
  std::vector<std::uint64_t> expire(SteadyTime now);
  bool empty() const noexcept { return count_ == 0; }

 private:
  static constexpr std::uint64_t slots = 256;

  std::uint64_t tick_after(SteadyTime time) const noexcept;
  void link(Timer& timer) noexcept;
  void unlink(Timer& timer) noexcept;

  SteadyTime start_;
  std::uint64_t current_ = 0;  // the last tick that was looked at
  std::size_t count_ = 0;
  std::array<Link, slots> lists_;
};

}  // namespace lms::http1
