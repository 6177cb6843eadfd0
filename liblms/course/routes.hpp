#pragma once

#include <lms/course.hpp>
#include <lms/router.hpp>

namespace lms {

void add_course_routes(Router& router, Courses& courses);

}  // namespace lms
