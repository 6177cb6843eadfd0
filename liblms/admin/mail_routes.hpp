#pragma once

#include <lms/mail.hpp>
#include <lms/router.hpp>
#include <lms/user.hpp>

namespace lms {

/// Whether mails arrive.
void add_mail_routes(Router& router, Mails& mails, Users& users);

}  // namespace lms
