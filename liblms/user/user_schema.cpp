#include <lms/user.hpp>

#include "base/account_fields.hpp"

namespace lms {

namespace {

FieldOptions bio_options() {
  return {.doc = "A few words about the person.", .max_length = 2'000};
}
FieldOptions email_options() {
  FieldOptions options =
      account_fields::email("The address the person signs in with. An international domain is kept in its ASCII form.");
  options.search_weight = 2;
  return options;
}

}  // namespace

const Schema& User::schema() {
  static const Schema schema =
      define<User>("User", "A person with an account.")
          .table("users")
          .key("id", &User::id)
          .field("email", &User::email, email_options())
          .field("email_key", &User::email_key, {.access = Access::hidden})
          .field("full_name", &User::full_name, account_fields::full_name())
          .field("role", &User::role,
                 {.doc = "`admin`, `instructor`, `student`, or a role of the host.", .access = Access::read_only})
          .field("bio", &User::bio, bio_options())
          .field("language", &User::language, account_fields::language())
          .field("timezone", &User::timezone, account_fields::timezone())
          .field("is_active", &User::is_active,
                 {.doc = "False once an admin has deactivated the account.", .access = Access::read_only})
          .field("password_hash", &User::password_hash, {.access = Access::hidden})
          .field("service_account", &User::service_account,
                 {.doc = "Whether it is a machine's, which calls by access tokens and cannot sign in.",
                  .access = Access::read_only})
          .field("email_verified_at", &User::email_verified_at,
                 {.doc = "Since when the address is known to be the person's.", .access = Access::read_only})
          .field("pending_email", &User::pending_email,
                 {.doc = "The address that was asked for and has not been verified yet.", .access = Access::read_only})
          .field("erased_at", &User::erased_at,
                 {.doc = "Since when nothing here says whose account it was; it cannot be changed any more.",
                  .access = Access::read_only})
          .field("created_at", &User::created_at, {.access = Access::read_only})
          .field("updated_at", &User::updated_at, {.access = Access::read_only})
          .unique({"email_key"})
          .index({"role", "created_at"})
          .index({"created_at"});
  return schema;
}

const Schema& NewUser::schema() {
  static const Schema schema =
      define<NewUser>("NewUser", "An account to be made by those who manage users.")
          .field("email", &NewUser::email, email_options())
          .field("password", &NewUser::password,
                 {.doc = "At least `PASSWORD_MIN_LENGTH` characters, and not one of those that everybody would guess. "
                         "Left out, the person is invited by mail to choose one.",
                  .access = Access::write_only,
                  .max_length = 1'024,
                  .format = Format::password,
                  .example = "correct horse battery"})
          .field("full_name", &NewUser::full_name, account_fields::full_name())
          .field("role", &NewUser::role, {.doc = "`student` unless given.", .max_length = 64, .example = "instructor"})
          .field("service_account", &NewUser::service_account,
                 {.doc = "For a machine: without a password, it never signs in, gets no mail, and calls by access "
                         "tokens that an admin makes for it."})
          .field("language", &NewUser::language, account_fields::language())
          .field("timezone", &NewUser::timezone, account_fields::timezone());
  return schema;
}

const Schema& Profile::schema() {
  static const Schema schema = define<Profile>("Profile", "What people may change of themselves.")
                                   .field("full_name", &Profile::full_name, account_fields::full_name())
                                   .field("bio", &Profile::bio, bio_options())
                                   .field("language", &Profile::language, account_fields::language())
                                   .field("timezone", &Profile::timezone, account_fields::timezone());
  return schema;
}

const Schema& Account::schema() {
  static const Schema schema =
      define<Account>("Account", "What those who manage users may change of an account.")
          .flatten(&Account::profile)
          .field("is_active", &Account::is_active, {.doc = "False ends every session and refuses new ones."});
  return schema;
}

const Schema& RoleChange::schema() {
  static const Schema schema = define<RoleChange>("RoleChange", "A new role for an account.")
                                   .field("role", &RoleChange::role,
                                          {.doc = "`admin`, `instructor`, `student`, or a role of the host.",
                                           .required = true,
                                           .max_length = 64,
                                           .example = "instructor"});
  return schema;
}

const Schema& UserFilter::schema() {
  static const Schema schema =
      define<UserFilter>("UserFilter", "Which users, in which order.")
          .flatten(&UserFilter::page)
          .field("q", &UserFilter::q,
                 {.doc = "Words that begin a part of the name or address.", .max_length = 200, .example = "ami"})
          .field("role", &UserFilter::role, {.doc = "Only this role.", .max_length = 64})
          .field("is_active", &UserFilter::is_active, {.doc = "Only active, or only deactivated accounts."})
          .field("service_account", &UserFilter::service_account, {.doc = "Only machines, or only people."})
          .field("sort", &UserFilter::sort, {.doc = "What to order by."})
          .field("descending", &UserFilter::descending, {.doc = "The other way round."});
  return schema;
}

const Schema& UserEvent::schema() {
  static const Schema schema = define<UserEvent>("UserEvent", "The account an event is about, as it was left.")
                                   .field("user_id", &UserEvent::user_id)
                                   .field("email", &UserEvent::email, {.format = Format::email, .personal = true})
                                   .field("full_name", &UserEvent::full_name, {.personal = true})
                                   .field("role", &UserEvent::role);
  return schema;
}

namespace events {
const EventType user_registered{"user.registered", "An account was made.", &UserEvent::schema};
const EventType user_updated{"user.updated", "A profile or account was changed.", &UserEvent::schema};
const EventType user_role_changed{"user.role_changed", "An account got another role.", &UserEvent::schema};
const EventType user_deactivated{"user.deactivated", "An account was deactivated and its sessions ended.",
                                 &UserEvent::schema};
const EventType user_reactivated{"user.reactivated", "A deactivated account was opened again.", &UserEvent::schema};
const EventType user_deleted{"user.deleted", "An account was removed.", &UserEvent::schema};
}  // namespace events

namespace audited {
const AuditAction user_created{"user.created", "An account was made."};
const AuditAction user_updated{"user.updated", "An account was changed, or a person's own name."};
const AuditAction user_role_changed{"user.role_changed", "An account got another role."};
const AuditAction user_deactivated{"user.deactivated", "An account was deactivated and its sessions ended."};
const AuditAction user_reactivated{"user.reactivated", "A deactivated account was opened again."};
const AuditAction user_deleted{"user.deleted", "An account was removed."};
}  // namespace audited

}  // namespace lms
