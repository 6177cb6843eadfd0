#include "auth/access_token_routes.hpp"

#include "auth/sign_in_call.hpp"

namespace lms {

void add_access_token_routes(Router& router, AccessTokens& tokens) {
  using enum http::Method;

  router.add(
      {.method = post,
       .path = "/auth/tokens",
       .operation = "createAccessToken",
       .tag = "auth",
       .summary = "Make an access token for a program",
       .description = "Its text is in this answer and never shown again. With `manage_users` also for a service "
                      "account. It outlives "
                      "the session, so it takes the caller's password, and a code where there is a second factor.",
       .weight = Weight::heavy,
       .input_mode = Input::create,
       .input = &NewAccessToken::schema(),
       .output = &CreatedAccessToken::schema(),
       .status = 201,
       .errors = {{ErrorCode::forbidden, "not_a_service_account", "The user is a person, who makes tokens alone."},
                  {ErrorCode::not_found, "user_not_found", "There is no such service account."},
                  {ErrorCode::conflict, "too_many_access_tokens", "The account has as many as it may have."},
                  {ErrorCode::conflict, "account_deactivated", "The service account is deactivated."},
                  refused::password_changed(),
                  refused::account_locked(),
                  refused::sign_in_busy()},
       .handler = [&, prefix = router.prefix()](Call& call) {
         const CreatedAccessToken made = tokens.create(call.who(), call.body<NewAccessToken>(), client_of(call));
         return created(made, prefix + "/auth/tokens/" + made.access_token.id.text());
       }});

  router.add({.method = get,
              .path = "/auth/tokens",
              .operation = "listAccessTokens",
              .tag = "auth",
              .summary = "Access tokens, newest first",
              .description = "Those of the signed-in user or, with `manage_users`, of another. What has expired is "
                             "listed for 30 days.",
              .query = &AccessTokenFilter::schema(),
              .output_mode = Output::page,
              .output = &AccessToken::schema(),
              .handler = [&](Call& call) { return ok(tokens.list(call.who(), call.query<AccessTokenFilter>())); }});

  router.add({.method = get,
              .path = "/auth/tokens/{id}",
              .operation = "getAccessToken",
              .tag = "auth",
              .summary = "One access token",
              .output = &AccessToken::schema(),
              .handler = [&](Call& call) { return ok(tokens.get(call.who(), call.id<AccessTokenId>("id"))); }});

  router.add({.method = del,
              .path = "/auth/tokens/{id}",
              .operation = "revokeAccessToken",
              .tag = "auth",
              .summary = "End an access token",
              .description = "It is refused from now on. With `manage_users` also that of another.",
              .weight = Weight::write,
              .output_mode = Output::nothing,
              .status = 204,
              .handler = [&](Call& call) {
                tokens.revoke(call.who(), call.id<AccessTokenId>("id"));
                return no_content();
              }});
}

}  // namespace lms
