#include <lms/accounts.hpp>

#include "auth/account_records.hpp"
#include "base/account_fields.hpp"

namespace lms {

namespace {

FieldOptions mailed_token() {
  return account_fields::token("What follows `#token=` in the link of the mail.");
}

}  // namespace

const Schema& AccountLink::schema() {
  static const Schema schema = define<AccountLink>("AccountLink", "A token that was mailed and not used yet.")
                                   .table("account_links")
                                   .key("jti", &AccountLink::jti)
                                   .field("user_id", &AccountLink::user_id, {.references = "users"})
                                   .field("kind", &AccountLink::kind)
                                   .field("proof", &AccountLink::proof, {.access = Access::hidden})
                                   .field("expires_at", &AccountLink::expires_at)
                                   .index({"user_id"})
                                   .index({"expires_at"});
  return schema;
}

const Schema& AccountMail::schema() {
  static const Schema schema = define<AccountMail>("AccountMail", "A mail that was asked for with a bare address.")
                                   .table("account_mails")
                                   .key("id", &AccountMail::id)
                                   .field("recipient", &AccountMail::recipient)
                                   .field("kind", &AccountMail::kind)
                                   .field("sent_at", &AccountMail::sent_at)
                                   .index({"recipient", "sent_at"})
                                   .index({"sent_at"});
  return schema;
}

const Schema& AddressRequest::schema() {
  static const Schema schema =
      define<AddressRequest>("AddressRequest", "An address that a mail is asked for.")
          .field("email", &AddressRequest::email, account_fields::email("The address of an account."));
  return schema;
}

const Schema& MailedToken::schema() {
  static const Schema schema =
      define<MailedToken>("MailedToken", "A token from a mail.").field("token", &MailedToken::token, mailed_token());
  return schema;
}

const Schema& PasswordReset::schema() {
  static const Schema schema =
      define<PasswordReset>("PasswordReset", "A token from a mail, and the password that shall be.")
          .field("token", &PasswordReset::token, mailed_token())
          .field("new_password", &PasswordReset::new_password, account_fields::new_password());
  return schema;
}

const Schema& EmailChange::schema() {
  static const Schema schema =
      define<EmailChange>("EmailChange", "The address that an account shall have, and the password as proof.")
          .field("new_email", &EmailChange::new_email,
                 account_fields::email("It is sent a mail, and counts once that was used."))
          .flatten(&EmailChange::confirmation);
  return schema;
}

const Schema& EmailCorrection::schema() {
  static const Schema schema =
      define<EmailCorrection>("EmailCorrection", "The address that an account should have had.")
          .field("new_email", &EmailCorrection::new_email, account_fields::email("It is sent a mail to verify it."));
  return schema;
}

const Schema& Accepted::schema() {
  static const Schema schema =
      define<Accepted>("Accepted", "An answer that does not tell whether there is an account.")
          .field("message", &Accepted::message,
                 {.doc = "For people.", .example = "If the address has an account, a mail is on its way."});
  return schema;
}

namespace events {
const EventType user_email_verified{"user.email_verified", "A person has shown that the address is theirs.",
                                    &UserEvent::schema};
const EventType user_email_changed{"user.email_changed", "An account got another address.", &UserEvent::schema};
}  // namespace events

namespace audited {
const AuditAction password_reset{"auth.password_reset", "A new password was set with a token from a mail."};
const AuditAction email_change_requested{"auth.email_change_requested", "Another address was asked for."};
const AuditAction email_change_cancelled{"auth.email_change_cancelled", "It was called off before it was verified."};
const AuditAction email_changed{"auth.email_changed", "An account got another address."};
const AuditAction email_corrected{"auth.email_corrected",
                                  "Somebody else gave an account the address it should have had."};
const AuditAction invitation_sent{"auth.invitation_sent", "Somebody was invited to an account made for them."};
}  // namespace audited

}  // namespace lms
