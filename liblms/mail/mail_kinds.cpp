#include <lms/mail.hpp>

namespace lms::mail_kind {

const MailKind verify_email{"verify_email", {"link", "lifetime"}};
const MailKind account_exists{"account_exists"};
const MailKind password_reset{"password_reset", {"link", "lifetime"}};
const MailKind password_changed{"password_changed", {"time", "device"}};
const MailKind email_change_verify{"email_change_verify", {"address", "link", "lifetime"}};
const MailKind email_change_requested{"email_change_requested", {"address", "time", "device"}};
const MailKind email_changed{"email_changed", {"address", "time", "device"}};
const MailKind login_code{"login_code", {"code", "lifetime"}};
const MailKind account_locked{"account_locked", {"time", "lifetime", "codes"}};
const MailKind mfa_enabled{"mfa_enabled", {"time", "device"}};
const MailKind mfa_disabled{"mfa_disabled", {"time", "device"}};
const MailKind recovery_codes_renewed{"recovery_codes_renewed", {"time", "device"}};
const MailKind access_token_created{"access_token_created", {"token", "time", "device"}};
const MailKind invitation{"invitation", {"address", "link", "lifetime"}};
const MailKind test{"test", {"time"}};

const std::vector<const MailKind*>& all() {
  static const std::vector<const MailKind*> kinds{
      &verify_email,           &account_exists,         &password_reset,       &password_changed, &email_change_verify,
      &email_change_requested, &email_changed,          &login_code,           &account_locked,   &mfa_enabled,
      &mfa_disabled,           &recovery_codes_renewed, &access_token_created, &invitation,       &test};
  return kinds;
}

}  // namespace lms::mail_kind
