#pragma once

#include <lms/event.hpp>
#include <lms/job.hpp>
#include <lms/router.hpp>

namespace lms {

/// What admins see of the platform rooms: the queue and the feed.
void add_admin_routes(Router& router, Jobs& jobs, Events& events);

}  // namespace lms
