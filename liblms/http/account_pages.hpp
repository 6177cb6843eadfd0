#pragma once

#include <string>

#include <lms/router.hpp>

namespace lms {

/// `/account/verify-email`, `/account/reset-password` and `/account/accept-invitation`: where links in mails lead in a
/// school that has no pages of its own. The token stands behind `#`, so no log ever holds it. `school` is its name.
void add_account_pages(Router& router, const std::string& school);

}  // namespace lms
