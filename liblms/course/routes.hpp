#pragma once

#include <lms/course.hpp>
#include <lms/router.hpp>
#include <lms/settings.hpp>

namespace lms {

void add_course_routes(Router& router, Courses& courses, const Settings& settings);

}  // namespace lms
