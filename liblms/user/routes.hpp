#pragma once

#include <lms/router.hpp>
#include <lms/user.hpp>

namespace lms {

void add_user_routes(Router& router, Users& users);

}  // namespace lms
