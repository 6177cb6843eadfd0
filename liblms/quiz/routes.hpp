#pragma once

#include <lms/quiz.hpp>
#include <lms/router.hpp>

namespace lms {

void add_quiz_routes(Router& router, Quizzes& quizzes);

}  // namespace lms
