#pragma once

#include <lms/router.hpp>
#include <lms/user.hpp>
#include <lms/user_import.hpp>

namespace lms {

void add_user_routes(Router& router, Users& users, UserImports& imports);

}  // namespace lms
