#include <utility>

#include <lms/mfa.hpp>

#include "auth/second_factor.hpp"
#include "base/account_fields.hpp"

namespace lms {

namespace {

FieldOptions method_options() {
  return {.doc = "What kind of code it is: of the authenticator app, from a mail, or a recovery code."};
}
FieldOptions challenge_options() {
  return account_fields::token("The `challenge_token` that signing in answered with.");
}

}  // namespace

const Schema& SecondFactor::schema() {
  static const Schema schema =
      define<SecondFactor>("SecondFactor", "The authenticator app of a user.")
          .table("second_factors")
          .key("user_id", &SecondFactor::user_id, {.references = "users"})
          .field("secret", &SecondFactor::secret, {.access = Access::hidden, .encrypted = true})
          .field("pending_secret", &SecondFactor::pending_secret, {.access = Access::hidden, .encrypted = true})
          .field("pending_until", &SecondFactor::pending_until, {.access = Access::hidden})
          .field("mails_codes", &SecondFactor::mails_codes, {.access = Access::hidden})
          .field("used_step", &SecondFactor::used_step, {.access = Access::hidden})
          .field("enabled_at", &SecondFactor::enabled_at, {.access = Access::read_only});
  return schema;
}

const Schema& RecoveryCode::schema() {
  static const Schema schema = define<RecoveryCode>("RecoveryCode", "A recovery code that was not used yet.")
                                   .table("recovery_codes")
                                   .key("digest", &RecoveryCode::digest, {.access = Access::hidden})
                                   .field("user_id", &RecoveryCode::user_id, {.references = "users"})
                                   .index({"user_id"});
  return schema;
}

const Schema& SignInChallenge::schema() {
  static const Schema schema =
      define<SignInChallenge>("SignInChallenge", "A sign-in that waits for its second factor.")
          .table("sign_in_challenges")
          .key("jti", &SignInChallenge::jti)
          .field("user_id", &SignInChallenge::user_id, {.references = "users"})
          .field("password_digest", &SignInChallenge::password_digest, {.access = Access::hidden})
          .field("mails", &SignInChallenge::mails)
          .field("mailed_at", &SignInChallenge::mailed_at)
          .field("mailed_code", &SignInChallenge::mailed_code, {.access = Access::hidden, .encrypted = true})
          .field("mailed_code_expires_at", &SignInChallenge::mailed_code_expires_at)
          .field("expires_at", &SignInChallenge::expires_at)
          .index({"user_id"})
          .index({"expires_at"});
  return schema;
}

const Schema& MfaSetup::schema() {
  static const Schema schema =
      define<MfaSetup>("MfaSetup", "What an authenticator app needs; it is shown only once.")
          .field("secret", &MfaSetup::secret, {.doc = "In Base32, to be typed into the app."})
          .field("otpauth_uri", &MfaSetup::otpauth_uri, {.doc = "The same for apps that are opened by a link."})
          .field("qr_svg", &MfaSetup::qr_svg, {.doc = "That link as a QR code: an SVG document."})
          .field("qr_png", &MfaSetup::qr_png, {.doc = "The QR code as a `data:image/png` URI."});
  return schema;
}

const Schema& RecoveryCodes::schema() {
  static const Schema schema =
      define<RecoveryCodes>("RecoveryCodes", "Codes for when the app is lost; they are shown only once.")
          .field("recovery_codes", &RecoveryCodes::recovery_codes, {.doc = "Each is good for one sign-in."});
  return schema;
}

const Schema& MfaStatus::schema() {
  static const Schema schema =
      define<MfaStatus>("MfaStatus", "How an account is protected.")
          .field("enabled", &MfaStatus::enabled, {.doc = "Whether signing in asks for a second factor."})
          .field("enabled_at", &MfaStatus::enabled_at, {.doc = "Since when."})
          .field("methods", &MfaStatus::methods, {.doc = "What can be the second factor."})
          .field("recovery_codes_left", &MfaStatus::recovery_codes_left, {.doc = "Recovery codes not used yet."});
  return schema;
}

const Schema& MfaCode::schema() {
  static const Schema schema = define<MfaCode>("MfaCode", "A code of the authenticator app, to show that it works.")
                                   .field("code", &MfaCode::code, account_fields::code());
  return schema;
}

const Schema& MfaLogin::schema() {
  static const Schema schema = define<MfaLogin>("MfaLogin", "The second factor of a sign-in.")
                                   .field("challenge_token", &MfaLogin::challenge_token, challenge_options())
                                   .field("code", &MfaLogin::code, account_fields::code())
                                   .field("method", &MfaLogin::method, method_options());
  return schema;
}

const Schema& MfaMailRequest::schema() {
  static const Schema schema = define<MfaMailRequest>("MfaMailRequest", "A sign-in that a code shall be mailed for.")
                                   .field("challenge_token", &MfaMailRequest::challenge_token, challenge_options());
  return schema;
}

namespace events {
const EventType user_mfa_enabled{"user.mfa_enabled", "Signing in asks for a second factor from now on.",
                                 &UserEvent::schema};
const EventType user_mfa_disabled{"user.mfa_disabled", "Signing in asks for a password alone from now on.",
                                  &UserEvent::schema};
}  // namespace events

namespace audited {
const AuditAction mfa_enabled{"auth.mfa_enabled", "An account got a second factor, or another one."};
const AuditAction mfa_disabled{"auth.mfa_disabled", "The owner of an account took its second factor off."};
const AuditAction mfa_removed{"auth.mfa_removed", "Somebody else took the second factor off an account."};
const AuditAction recovery_codes_renewed{"auth.recovery_codes_renewed", "An account got new recovery codes."};
const AuditAction code_refused{"auth.code_refused", "A second factor was wrong, late or used.", AuditOutcome::refused};
}  // namespace audited

}  // namespace lms
