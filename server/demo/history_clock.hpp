#pragma once

#include <atomic>
#include <chrono>

#include <lms/spi/clock.hpp>

namespace lms::server::demo {

/// Goes through the weeks of a demo school while it is made.
class HistoryClock final : public Clock {
 public:
  explicit HistoryClock(Time start) : microseconds_(start.time_since_epoch().count()) {}
  Time now() const override { return Time(std::chrono::microseconds(microseconds_.load())); }
  void set(Time now) { microseconds_ = now.time_since_epoch().count(); }

 private:
  std::atomic<std::chrono::microseconds::rep> microseconds_;
};

}  // namespace lms::server::demo
