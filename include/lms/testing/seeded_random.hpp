#pragma once

#include <cstdint>
#include <mutex>
#include <random>
#include <span>

#include <lms/spi/random.hpp>

namespace lms::testing {

/// The same "random" bytes in every run. Thread-safe; not fit for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed = 1) : engine_(seed) {}

  void fill(std::span<std::uint8_t> bytes) override {
    const std::lock_guard lock(mutex_);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(engine_());
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

}  // namespace lms::testing
