#pragma once

#include <lms/enrollment.hpp>
#include <lms/router.hpp>
#include <lms/settings.hpp>

namespace lms {

void add_enrollment_routes(Router& router, Enrollments& enrollments, const Settings& settings);

}  // namespace lms
