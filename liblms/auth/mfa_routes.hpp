#pragma once

#include <lms/mfa.hpp>
#include <lms/router.hpp>

namespace lms {

void add_mfa_routes(Router& router, Mfa& mfa, Auth& auth);

}  // namespace lms
