#pragma once

#include <lms/export.hpp>
#include <lms/time.hpp>

namespace lms {

/// Tells the time. Thread-safe.
class LMS_API Clock {
 public:
  virtual ~Clock();
  virtual Time now() const = 0;
};

/// The machine's clock.
class LMS_API SystemClock final : public Clock {
 public:
  Time now() const override;
};

}  // namespace lms
