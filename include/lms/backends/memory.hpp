#pragma once

#include <cstddef>
#include <memory>

#include <lms/export.hpp>
#include <lms/spi/rate_limiter.hpp>
#include <lms/spi/storage.hpp>

namespace lms {

/// A store that lives in this process and ends with it, for tests and for trying things out. One writer at a time, and
/// none while somebody reads.
LMS_API std::unique_ptr<Storage> open_memory_storage();

struct MemoryRateLimiterOptions {
  /// Of more clients and rules the ones that were away longest are forgotten; about 300 bytes each.
  std::size_t most_keys = 100'000;
  bool penalties = true;
};

/// Counts in this process, which is right for one node. Never waits.
LMS_API std::unique_ptr<RateLimiter> open_memory_rate_limiter(MemoryRateLimiterOptions options = {});

}  // namespace lms
