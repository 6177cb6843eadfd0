#pragma once

#include <lms/certificate.hpp>
#include <lms/personal_data.hpp>

namespace lms {

/// What this room holds about a person.
void add_personal_certificates(PersonalData& data, Certificates& certificates);

}  // namespace lms
