#pragma once

#include <lms/rate_limits.hpp>
#include <lms/router.hpp>

namespace lms {

void add_rate_limit_routes(Router& router, RateLimits& limits);

}  // namespace lms
