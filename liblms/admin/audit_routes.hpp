#pragma once

#include <lms/audit.hpp>
#include <lms/router.hpp>

namespace lms {

void add_audit_routes(Router& router, Audit& audit);

}  // namespace lms
