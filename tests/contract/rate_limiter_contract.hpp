#pragma once

#include <functional>
#include <memory>

#include <lms/spi/rate_limiter.hpp>

namespace lms::testing {

/// Gives a limiter that remembers nothing and goes by the caller's time.
using OpenRateLimiter = std::function<std::unique_ptr<RateLimiter>(bool penalties)>;

/// What every limiter does, in subcases of the test that calls it.
void check_rate_limiter_contract(const OpenRateLimiter& open);

}  // namespace lms::testing
