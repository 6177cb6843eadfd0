#pragma once

#include <lms/accounts.hpp>
#include <lms/router.hpp>

namespace lms {

void add_account_routes(Router& router, Accounts& accounts, Auth& auth);

}  // namespace lms
