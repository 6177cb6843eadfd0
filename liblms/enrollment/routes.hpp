#pragma once

#include <lms/enrollment.hpp>
#include <lms/router.hpp>

namespace lms {

void add_enrollment_routes(Router& router, Enrollments& enrollments);

}  // namespace lms
