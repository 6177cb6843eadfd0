#include "auth/mfa_routes.hpp"

#include "auth/sign_in_call.hpp"

namespace lms {

void add_mfa_routes(Router& router, Mfa& mfa, Auth& auth) {
  using enum http::Method;
  const RouteError wrong_code{ErrorCode::invalid, "validation_error", "Password or code is wrong."};
  const RouteError not_enabled{ErrorCode::conflict, "mfa_not_enabled", "The account has no second factor."};
  const RouteError invalid_challenge{ErrorCode::unauthenticated, "invalid_challenge",
                                     "The sign-in is unknown or over; sign in again."};

  router.add(
      {.method = post,
       .path = "/auth/login/mfa",
       .operation = "finishLogin",
       .tag = "auth",
       .summary = "Finish a sign-in with a second factor",
       .description = "Wrong codes lock the account as wrong passwords do, and end the sign-in then.",
       .allow = Anyone{},
       .weight = Weight::write,
       .input_mode = Input::create,
       .input = &MfaLogin::schema(),
       .output = &Login::schema(),
       .errors = {invalid_challenge,
                  {ErrorCode::unauthenticated, "bad_code", "The code is wrong, late or used."},
                  refused::sign_in_busy()},
       .ignores_token = true,
       .handler = [&](Call& call) { return ok(mfa.finish(sign_in_body<MfaLogin>(call, auth), client_of(call))); }});

  router.add({.method = post,
              .path = "/auth/login/mfa/email",
              .operation = "mailLoginCode",
              .tag = "auth",
              .summary = "Have a code mailed that finishes a sign-in",
              .description = "At most three in fifteen minutes, and one in half a minute.",
              .allow = Anyone{},
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &MfaMailRequest::schema(),
              .output_mode = Output::nothing,
              .status = 204,
              .errors = {invalid_challenge,
                         {ErrorCode::conflict, "no_mailed_codes",
                          "The password was reset by mail, or the address is new; take another second factor."},
                         {ErrorCode::too_many_requests, "code_just_sent", "One was sent a moment ago."},
                         {ErrorCode::too_many_requests, "too_many_codes", "Enough were sent for a while."}},
              .ignores_token = true,
              .handler = [&](Call& call) {
                mfa.mail_code(sign_in_body<MfaMailRequest>(call, auth), client_of(call));
                return no_content();
              }});

  router.add({.method = get,
              .path = "/auth/mfa",
              .operation = "getMfaStatus",
              .tag = "auth",
              .summary = "How the signed-in user's account is protected",
              .output = &MfaStatus::schema(),
              .handler = [&](Call& call) { return ok(mfa.status(call.who())); }});

  router.add(
      {.method = post,
       .path = "/auth/setup-mfa",
       .operation = "setUpMfa",
       .tag = "auth",
       .summary = "Begin to use an authenticator app",
       .description = "Answers with the app's secret. Nothing changes before `verify-mfa-setup` has seen a code of it.",
       .weight = Weight::heavy,
       .input_mode = Input::create,
       .input = &Confirmation::schema(),
       .output = &MfaSetup::schema(),
       .errors = {wrong_code,
                  refused::password_changed(),
                  refused::account_locked(),
                  {ErrorCode::conflict, "mfa_enabled_meanwhile", "A second factor was set up just now."},
                  refused::sign_in_busy(),
                  {ErrorCode::unavailable, "encryption_key_missing", "The school has no key to keep secrets with."}},
       .handler = [&](Call& call) {
         return ok(mfa.set_up(call.who(), sign_in_body<Confirmation>(call, auth), client_of(call)));
       }});

  router.add({.method = post,
              .path = "/auth/verify-mfa-setup",
              .operation = "verifyMfaSetup",
              .tag = "auth",
              .summary = "Ask for a second factor from now on",
              .description = "Answers with the recovery codes. The user's other sessions end.",
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &MfaCode::schema(),
              .output = &RecoveryCodes::schema(),
              .errors = {{ErrorCode::conflict, "mfa_not_set_up", "No authenticator app was set up."},
                         wrong_code,
                         refused::account_locked(),
                         refused::sign_in_busy()},
              .handler = [&](Call& call) {
                return ok(mfa.enable(call.who(), sign_in_body<MfaCode>(call, auth), client_of(call)));
              }});

  router.add({.method = post,
              .path = "/auth/disable-mfa",
              .operation = "disableMfa",
              .tag = "auth",
              .summary = "Ask for a password alone from now on",
              .weight = Weight::heavy,
              .input_mode = Input::create,
              .input = &Confirmation::schema(),
              .output_mode = Output::nothing,
              .status = 204,
              .errors = {not_enabled, wrong_code, refused::password_changed(), refused::account_locked(),
                         refused::sign_in_busy()},
              .handler = [&](Call& call) {
                mfa.disable(call.who(), sign_in_body<Confirmation>(call, auth), client_of(call));
                return no_content();
              }});

  router.add({.method = post,
              .path = "/auth/recovery-codes",
              .operation = "renewRecoveryCodes",
              .tag = "auth",
              .summary = "Get ten new recovery codes",
              .description = "Those before are over.",
              .weight = Weight::heavy,
              .input_mode = Input::create,
              .input = &Confirmation::schema(),
              .output = &RecoveryCodes::schema(),
              .errors = {not_enabled, wrong_code, refused::password_changed(), refused::account_locked(),
                         refused::sign_in_busy()},
              .handler = [&](Call& call) {
                return ok(
                    mfa.renew_recovery_codes(call.who(), sign_in_body<Confirmation>(call, auth), client_of(call)));
              }});

  router.add({.method = del,
              .path = "/users/{id}/mfa",
              .operation = "removeMfa",
              .tag = "users",
              .summary = "Take the second factor off an account whose owner has lost it",
              .description = "Be sure who asks for it. The user's sessions end, and the user is told by mail.",
              .allow = Permission::manage_users,
              .weight = Weight::write,
              .output_mode = Output::nothing,
              .status = 204,
              .errors = {not_enabled},
              .handler = [&](Call& call) {
                mfa.remove(call.who(), call.id<UserId>("id"));
                return no_content();
              }});
}

}  // namespace lms
