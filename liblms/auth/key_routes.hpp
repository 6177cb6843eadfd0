#pragma once

#include <lms/router.hpp>
#include <lms/token.hpp>

namespace lms {

/// Where others find the keys by which they verify this school's tokens.
void add_key_routes(Router& router, const Tokens& tokens);

}  // namespace lms
