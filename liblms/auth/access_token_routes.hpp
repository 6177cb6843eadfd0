#pragma once

#include <lms/access_token.hpp>
#include <lms/router.hpp>

namespace lms {

void add_access_token_routes(Router& router, AccessTokens& tokens);

}  // namespace lms
