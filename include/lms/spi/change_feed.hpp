#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <lms/export.hpp>

namespace lms {

/// Tells the nodes of a school what each of them has written, so that none gives again what it read before. What was
/// written goes by numbers that mean the same on all nodes of one release; see Changes. Thread-safe.
class LMS_API ChangeFeed {
 public:
  using Slots = std::vector<std::uint32_t>;

  /// What others have written. `all`: some of it was missed, so anything may have been.
  struct News {
    bool all = false;
    Slots slots;
  };

  virtual ~ChangeFeed();
  /// Once it returns, others learn of it by `news`. No slots: anything may have been written. @throws Error unavailable
  virtual void publish(std::span<const std::uint32_t> slots) = 0;
  /// What others have published since the last call, or since this feed was made; all of it that was published before
  /// this call. Called by one thread at a time. @throws Error unavailable: nothing of it is lost.
  virtual News news() = 0;
};

}  // namespace lms
