#pragma once

#include <atomic>
#include <chrono>

#include <lms/spi/clock.hpp>

namespace lms::testing {

/// A clock that goes only when told to. Thread-safe.
class FakeClock final : public Clock {
 public:
  /// 2026-01-01T00:00:00Z unless given.
  explicit FakeClock(Time start = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1})
      : microseconds_(start.time_since_epoch().count()) {}

  Time now() const override { return Time(std::chrono::microseconds(microseconds_.load())); }
  void advance(std::chrono::microseconds by) { microseconds_ += by.count(); }
  void set(Time now) { microseconds_ = now.time_since_epoch().count(); }

 private:
  std::atomic<std::chrono::microseconds::rep> microseconds_;
};

}  // namespace lms::testing
