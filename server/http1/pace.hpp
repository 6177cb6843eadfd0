#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "http1/time.hpp"

namespace lms::http1 {

/// How long a transfer may go on: never silent for `patience`, and never longer in all than `patience` and the time its
/// bytes take at `rate` bytes a second.
class Pace {
 public:
  Pace(Duration patience, std::size_t rate) noexcept : patience_(patience), rate_(std::max<std::size_t>(rate, 1)) {}

  void start(SteadyTime now) noexcept {
    start_ = last_ = now;
    bytes_ = 0;
  }
  void moved(std::size_t bytes, SteadyTime now) noexcept {
    bytes_ += bytes;
    last_ = now;
  }
  SteadyTime deadline() const noexcept {
    const auto granted = std::chrono::milliseconds(bytes_ * 1000 / rate_);
    return std::min(last_, start_ + granted) + patience_;
  }

 private:
  Duration patience_;
  std::size_t rate_;
  SteadyTime start_{};
  SteadyTime last_{};
  std::uint64_t bytes_ = 0;
};

}  // namespace lms::http1
