#pragma once

#include <lms/certificate.hpp>
#include <lms/router.hpp>

namespace lms {

void add_certificate_routes(Router& router, Certificates& certificates);

}  // namespace lms
