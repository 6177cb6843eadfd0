#pragma once

#include <lms/personal_data.hpp>
#include <lms/router.hpp>

namespace lms {

void add_personal_data_routes(Router& router, PersonalData& data);

}  // namespace lms
