#include <lms/access_token.hpp>

namespace lms {

namespace {

constexpr std::size_t most_scopes = 100;

FieldOptions name_options() {
  return {.doc = "What it is for.",
          .required = true,
          .min_length = 1,
          .max_length = 100,
          .format = Format::name,
          .example = "Nightly export"};
}
FieldOptions scopes_options() {
  return {.doc = "What it may do: `<tag>:read` and `<tag>:write` of the operations; writing includes reading.",
          .required = true,
          .min_length = 1,
          .max_length = most_scopes,
          .example = Array{"courses:read", "enrollments:write"}};
}
FieldOptions shown(FieldOptions options) {
  options.access = Access::read_only;
  return options;
}

}  // namespace

const Schema& AccessToken::schema() {
  static const Schema schema =
      define<AccessToken>("AccessToken", "What a program calls with in place of a person who signs in.")
          .table("access_tokens")
          .key("id", &AccessToken::id)
          .field("user_id", &AccessToken::user_id,
                 {.doc = "For whom it acts.", .access = Access::read_only, .references = "users"})
          .field("name", &AccessToken::name, shown(name_options()))
          .field("digest", &AccessToken::digest, {.access = Access::hidden})
          .field("beginning", &AccessToken::beginning,
                 {.doc = "The first characters of its text.", .access = Access::read_only, .example = "lmspat_4fQ8"})
          .field("scopes", &AccessToken::scopes, shown(scopes_options()))
          .field("created_at", &AccessToken::created_at, {.access = Access::read_only})
          .field("expires_at", &AccessToken::expires_at, {.access = Access::read_only})
          .field("last_used_at", &AccessToken::last_used_at,
                 {.doc = "When it was last used, within a minute.", .access = Access::read_only})
          .field("last_used_address", &AccessToken::last_used_address,
                 {.doc = "From where.", .access = Access::read_only})
          .unique({"digest"})
          .index({"user_id", "created_at"})
          .index({"expires_at"});
  return schema;
}

const Schema& NewAccessToken::schema() {
  static const Schema schema =
      define<NewAccessToken>("NewAccessToken", "An access token to be made.")
          .field("name", &NewAccessToken::name, name_options())
          .field("scopes", &NewAccessToken::scopes, scopes_options())
          .field("expires_in_days", &NewAccessToken::expires_in_days,
                 {.doc = "When it is over. More than 365 only with `manage_users`.", .minimum = 1, .maximum = max_days})
          .field("user_id", &NewAccessToken::user_id,
                 {.doc = "A service account that it shall act for; left out: the caller."})
          .flatten(&NewAccessToken::confirmation);
  return schema;
}

const Schema& CreatedAccessToken::schema() {
  static const Schema schema = define<CreatedAccessToken>("CreatedAccessToken", "An access token with its text.")
                                   .flatten(&CreatedAccessToken::access_token)
                                   .field("token", &CreatedAccessToken::token,
                                          {.doc = "Send it as `Authorization: Bearer …`. It is shown this once.",
                                           .example = "lmspat_4fQ8xT0vN2bLrW7mKc1ZpYd9sGhJ3e1mt5jI"});
  return schema;
}

const Schema& AccessTokenFilter::schema() {
  static const Schema schema = define<AccessTokenFilter>("AccessTokenFilter", "Whose access tokens.")
                                   .flatten(&AccessTokenFilter::page)
                                   .field("user_id", &AccessTokenFilter::user_id,
                                          {.doc = "Of this user, with `manage_users`; left out: of the caller."});
  return schema;
}

const Schema& AccessTokenEvent::schema() {
  static const Schema schema = define<AccessTokenEvent>("AccessTokenEvent", "The access token an event is about.")
                                   .field("access_token_id", &AccessTokenEvent::access_token_id)
                                   .field("user_id", &AccessTokenEvent::user_id, {.doc = "For whom it acts."})
                                   .field("name", &AccessTokenEvent::name, {.personal = true})
                                   .field("scopes", &AccessTokenEvent::scopes)
                                   .field("expires_at", &AccessTokenEvent::expires_at);
  return schema;
}

namespace events {
const EventType access_token_created{"access_token.created", "An access token was made.", &AccessTokenEvent::schema};
const EventType access_token_revoked{"access_token.revoked", "An access token was ended before its time.",
                                     &AccessTokenEvent::schema};
}  // namespace events

namespace audited {
const AuditAction access_token_created{"access_token.created", "An access token was made."};
const AuditAction access_token_revoked{"access_token.revoked", "An access token was ended before its time."};
}  // namespace audited

}  // namespace lms
