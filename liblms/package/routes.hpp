#pragma once

#include <lms/course_package.hpp>
#include <lms/router.hpp>

namespace lms {

void add_package_routes(Router& router, CoursePackages& packages);

}  // namespace lms
