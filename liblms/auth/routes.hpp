#pragma once

#include <lms/auth.hpp>
#include <lms/router.hpp>

namespace lms {

void add_auth_routes(Router& router, Auth& auth);

}  // namespace lms
