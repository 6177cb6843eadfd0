#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>

#include <lms/export.hpp>
#include <lms/id.hpp>
#include <lms/time.hpp>

namespace lms {

/// A source of randomness fit for secrets. Thread-safe.
class LMS_API Random {
 public:
  virtual ~Random();
  /// Fills `bytes`. @throws Error internal if the source fails; it never returns less.
  virtual void fill(std::span<std::uint8_t> bytes) = 0;

  /// A version 7 UUID; those from one source never repeat and sort in the order they were made, also within a
  /// millisecond and when the clock steps back.
  Uuid uuid(Time now);
  /// `bytes` random bytes as base64url without padding.
  std::string token(std::size_t bytes = 32);
  /// Uniform in [0, bound).
  std::uint64_t below(std::uint64_t bound);

 private:
  std::mutex mutex_;
  std::uint64_t last_tick_ = 0;  ///< milliseconds × 4096 + counter of the newest UUID
};

/// The operating system's generator (getrandom).
class LMS_API SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> bytes) override;
};

}  // namespace lms
