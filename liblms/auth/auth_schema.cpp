#include <lms/auth.hpp>

#include "base/account_fields.hpp"

namespace lms {

const Schema& Session::schema() {
  static const Schema schema =
      define<Session>("Session", "One login on one device.")
          .table("sessions")
          .key("id", &Session::id)
          .field("user_id", &Session::user_id, {.access = Access::read_only, .references = "users"})
          .field("refresh_jti", &Session::refresh_jti, {.access = Access::hidden})
          .field("previous_jti", &Session::previous_jti, {.access = Access::hidden})
          .field("refresh_expires_at", &Session::refresh_expires_at, {.access = Access::hidden})
          .field("device", &Session::device,
                 {.doc = "What the client calls itself.", .access = Access::read_only, .max_length = 255})
          .field("address", &Session::address, {.doc = "Where it was last seen.", .access = Access::read_only})
          .field("created_at", &Session::created_at, {.access = Access::read_only})
          .field("last_seen_at", &Session::last_seen_at,
                 {.doc = "When it was last given tokens.", .access = Access::read_only})
          .field("expires_at", &Session::expires_at,
                 {.doc = "When it is over, unless it is given tokens before.", .access = Access::read_only})
          .field("ended_at", &Session::ended_at, {.access = Access::hidden})
          .index({"user_id", "created_at"})
          .index({"expires_at"});
  return schema;
}

const Schema& SessionView::schema() {
  static const Schema schema =
      define<SessionView>("SessionView", "One login on one device, as its user sees it.")
          .flatten(&SessionView::session)
          .field("current", &SessionView::current, {.doc = "Whether it is the one that asks."});
  return schema;
}

const Schema& Registration::schema() {
  static const Schema schema = define<Registration>("Registration", "A new student's account.")
                                   .field("email", &Registration::email, account_fields::email())
                                   .field("password", &Registration::password, account_fields::new_password())
                                   .field("full_name", &Registration::full_name, account_fields::full_name())
                                   .field("language", &Registration::language, account_fields::language())
                                   .field("timezone", &Registration::timezone, account_fields::timezone());
  return schema;
}

const Schema& Credentials::schema() {
  static const Schema schema = define<Credentials>("Credentials", "What a person signs in with.")
                                   .field("email", &Credentials::email, account_fields::email())
                                   .field("password", &Credentials::password, account_fields::password());
  return schema;
}

const Schema& RefreshRequest::schema() {
  static const Schema schema = define<RefreshRequest>("RefreshRequest", "A refresh token to be exchanged.")
                                   .field("refresh_token", &RefreshRequest::refresh_token,
                                          account_fields::token("The newest refresh token of the session."));
  return schema;
}

const Schema& PasswordChange::schema() {
  static const Schema schema =
      define<PasswordChange>("PasswordChange", "A new password, and the old one as proof.")
          .field("current_password", &PasswordChange::current_password,
                 account_fields::password("The password until now."))
          .field("new_password", &PasswordChange::new_password, account_fields::new_password());
  return schema;
}

const Schema& Confirmation::schema() {
  static const Schema schema = [] {
    FieldOptions optional_code = account_fields::code("Of the account's second factor; needed if it has one.");
    optional_code.required = false;
    return Schema(
        define<Confirmation>("Confirmation", "The password once more, and a code where there is a second factor.")
            .field("password", &Confirmation::password, account_fields::password())
            .field("code", &Confirmation::code, std::move(optional_code))
            .field("method", &Confirmation::method,
                   {.doc = "What kind of code it is: of the authenticator app, or a recovery code."}));
  }();
  return schema;
}

const Schema& TokenPair::schema() {
  static const Schema schema =
      define<TokenPair>("TokenPair", "Fresh tokens of a session.")
          .field("access_token", &TokenPair::access_token, {.doc = "Send it as `Authorization: Bearer …`."})
          .field("refresh_token", &TokenPair::refresh_token,
                 {.doc = "Good for one exchange; a second one ends the session, but for a repetition within "
                         "`REFRESH_REUSE_GRACE_SECONDS`."})
          .field("token_type", &TokenPair::token_type, {.doc = "Always `bearer`."})
          .field("expires_in", &TokenPair::expires_in, {.doc = "Seconds until the access token expires."});
  return schema;
}

const Schema& Login::schema() {
  static const Schema schema =
      define<Login>("Login", "Fresh tokens, and whose they are.").flatten(&Login::tokens).field("user", &Login::user);
  return schema;
}

const Schema& MfaChallenge::schema() {
  static const Schema schema =
      define<MfaChallenge>("MfaChallenge", "The password was right, and a second factor is wanted.")
          .field("mfa_required", &MfaChallenge::mfa_required, {.doc = "Always true."})
          .field("challenge_token", &MfaChallenge::challenge_token, {.doc = "For `login/mfa`, once."})
          .field("methods", &MfaChallenge::methods, {.doc = "What can be the second factor."})
          .field("expires_in", &MfaChallenge::expires_in, {.doc = "Seconds until the sign-in has to begin anew."});
  return schema;
}

namespace events {
const EventType user_logged_in{"user.logged_in", "A session was opened.", &UserEvent::schema};
const EventType user_logged_out{"user.logged_out", "One or all sessions of a user were ended by that user.",
                                &UserEvent::schema};
const EventType user_session_ended{"user.session_ended",
                                   "Sessions were ended from another one, by somebody who manages users, because a "
                                   "refresh token came back, or to make room for a newer one.",
                                   &UserEvent::schema};
const EventType user_password_changed{"user.password_changed", "A user set a new password.", &UserEvent::schema};
}  // namespace events

namespace audited {
const AuditAction signed_in{"auth.signed_in", "A session was opened."};
const AuditAction password_refused{"auth.password_refused",
                                   "Somebody who is signed in gave a wrong password where it was asked for again.",
                                   AuditOutcome::refused};
const AuditAction token_reused{"auth.token_reused",
                               "A refresh token came back that had been exchanged; its session was ended.",
                               AuditOutcome::refused};
const AuditAction signed_out_everywhere{"auth.signed_out_everywhere", "A user ended all own sessions."};
const AuditAction sessions_ended{"auth.sessions_ended", "Somebody else ended all sessions of a user."};
const AuditAction password_changed{"auth.password_changed", "A user set a new password."};
}  // namespace audited

}  // namespace lms
