#pragma once

#include <lms/personal_data.hpp>

namespace lms {

/// What this room holds about a person.
void add_personal_attempts(PersonalData& data);

}  // namespace lms
