#pragma once

#include <functional>

#include <lms/router.hpp>

namespace lms {

/// `/health` says that the process answers at all, `/ready` whether it can do its work; both at the root and below the
/// API's prefix, for anybody, with no more than that. `is_ready` may wait for storage and must not throw.
void add_health_routes(Router& router, std::function<bool()> is_ready);

}  // namespace lms
