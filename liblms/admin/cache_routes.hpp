#pragma once

#include <lms/kept_answers.hpp>
#include <lms/router.hpp>

namespace lms {

void add_cache_routes(Router& router, KeptAnswers& answers);

}  // namespace lms
