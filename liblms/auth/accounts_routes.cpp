#include "auth/accounts_routes.hpp"

#include "auth/sign_in_call.hpp"

namespace lms {

namespace {

http::Response accepted(std::string message) {
  auto response = ok(Accepted{std::move(message)});
  response.status = 202;
  return response;
}

}  // namespace

void add_account_routes(Router& router, Accounts& accounts, Auth& auth) {
  using enum http::Method;
  const RouteError invalid_token{ErrorCode::invalid, "validation_error", "The token is unknown, used or too old."};

  Route registering{.method = post,
                    .path = "/auth/register",
                    .operation = "register",
                    .tag = "auth",
                    .summary = "Make a student's account",
                    .description = "A mail is sent to verify the address.",
                    .allow = Anyone{},
                    .weight = Weight::heavy,
                    .input_mode = Input::create,
                    .input = &Registration::schema(),
                    .output = &User::schema(),
                    .status = 201,
                    .errors = {{ErrorCode::conflict, "email_taken", "There is an account with this address already."}},
                    .ignores_token = true,
                    .handler = {}};
  if (accounts.options().require_verification) {
    registering.description =
        "A mail is sent to verify the address; until then nobody signs in. The answer is the same for an address that "
        "has an account, whose owner gets a mail that says so.";
    registering.output = &Accepted::schema();
    registering.status = 202;
    registering.errors = {};
    registering.handler = [&](Call& call) {
      accounts.register_student(sign_in_body<Registration>(call, auth), client_of(call));
      return accepted("A mail with the next step is on its way.");
    };
  } else {
    registering.handler = [&, prefix = router.prefix()](Call& call) {
      return created(*accounts.register_student(sign_in_body<Registration>(call, auth), client_of(call)),
                     prefix + "/users/me");
    };
  }
  router.add(std::move(registering));

  router.add(
      {.method = post,
       .path = "/auth/verify-email",
       .operation = "verifyEmail",
       .tag = "auth",
       .summary = "Show that an address is yours",
       .description = "With the token of the mail that registering, `resend-verification` or `change-email` sent.",
       .allow = Anyone{},
       .weight = Weight::write,
       .input_mode = Input::create,
       .input = &MailedToken::schema(),
       .output_mode = Output::nothing,
       .status = 204,
       .errors = {invalid_token, {ErrorCode::conflict, "email_taken", "The new address has another account by now."}},
       .ignores_token = true,
       .handler = [&](Call& call) {
         accounts.verify_email(sign_in_body<MailedToken>(call, auth), client_of(call));
         return no_content();
       }});

  router.add({.method = post,
              .path = "/auth/resend-verification",
              .operation = "resendVerification",
              .tag = "auth",
              .summary = "Have the mail to verify an address sent again",
              .description = "The answer is always the same. One mail a minute is sent, and five a day.",
              .allow = Anyone{},
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &AddressRequest::schema(),
              .output = &Accepted::schema(),
              .status = 202,
              .ignores_token = true,
              .handler = [&](Call& call) {
                accounts.resend_verification(sign_in_body<AddressRequest>(call, auth), client_of(call));
                return accepted("If an account waits for it, a mail to verify the address is on its way.");
              }});

  router.add({.method = post,
              .path = "/auth/request-password-reset",
              .operation = "requestPasswordReset",
              .tag = "auth",
              .summary = "Have a mail sent to set a new password",
              .description = "The answer is always the same. One mail a minute is sent, and ten a day.",
              .allow = Anyone{},
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &AddressRequest::schema(),
              .output = &Accepted::schema(),
              .status = 202,
              .ignores_token = true,
              .handler = [&](Call& call) {
                accounts.request_password_reset(sign_in_body<AddressRequest>(call, auth), client_of(call));
                return accepted("If the address has an account, a mail to set a new password is on its way.");
              }});

  router.add({.method = post,
              .path = "/auth/reset-password",
              .operation = "resetPassword",
              .tag = "auth",
              .summary = "Set a new password with a token from a mail",
              .description =
                  "That of `request-password-reset`, or of an invitation. All sessions end, and so does a lock; a "
                  "second factor is asked for as before.",
              .allow = Anyone{},
              .weight = Weight::heavy,
              .input_mode = Input::create,
              .input = &PasswordReset::schema(),
              .output_mode = Output::nothing,
              .status = 204,
              .errors = {invalid_token},
              .ignores_token = true,
              .handler = [&](Call& call) {
                accounts.reset_password(sign_in_body<PasswordReset>(call, auth), client_of(call));
                return no_content();
              }});

  router.add(
      {.method = post,
       .path = "/auth/change-email",
       .operation = "changeEmail",
       .tag = "auth",
       .summary = "Ask for another address",
       .description =
           "A mail goes to the new address, and one that says so to the present one. Once the token of the first "
           "was used the account has the new address. A new password ends the matter before that.",
       .weight = Weight::heavy,
       .input_mode = Input::create,
       .input = &EmailChange::schema(),
       .output = &Accepted::schema(),
       .status = 202,
       .errors = {{ErrorCode::invalid, "validation_error", "Password or code are wrong, or it is the same address."},
                  {ErrorCode::too_many_requests, "too_many_changes", "Ten a day are enough."},
                  refused::password_changed(),
                  refused::account_locked(),
                  refused::sign_in_busy()},
       .handler = [&](Call& call) {
         accounts.change_email(call.who(), sign_in_body<EmailChange>(call, auth), client_of(call));
         return accepted("A mail to the new address is on its way.");
       }});

  router.add({.method = del,
              .path = "/auth/change-email",
              .operation = "cancelEmailChange",
              .tag = "auth",
              .summary = "Call another address off that was asked for",
              .weight = Weight::write,
              .output_mode = Output::nothing,
              .status = 204,
              .errors = {{ErrorCode::not_found, "no_pending_email", "No other address was asked for."}},
              .handler = [&](Call& call) {
                accounts.cancel_email_change(call.who());
                return no_content();
              }});

  router.add({.method = put,
              .path = "/users/{id}/email",
              .operation = "correctUserEmail",
              .tag = "users",
              .summary = "Correct the address of an account",
              .description =
                  "For one that was mistyped. The account's sessions end, and the new address gets a mail to verify "
                  "it, or the invitation if the account has no password yet. An access token may not do this.",
              .allow = Permission::manage_users,
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &EmailCorrection::schema(),
              .output = &User::schema(),
              .errors = {{ErrorCode::forbidden, "admin_required", "Only admins change what is an admin's."},
                         {ErrorCode::conflict, "email_taken", "There is another account with this address."},
                         {ErrorCode::conflict, "account_erased", "The account was erased and stays as it is."},
                         {ErrorCode::conflict, "own_account", "It is your own: use `auth/change-email`."}},
              .handler = [&](Call& call) {
                return ok(accounts.correct_email(call.who(), call.id<UserId>("id"), call.body<EmailCorrection>()));
              }});

  router.add({.method = post,
              .path = "/users/{id}/invite",
              .operation = "inviteUser",
              .tag = "users",
              .summary = "Send the invitation to an account without a password again",
              .allow = Permission::manage_users,
              .weight = Weight::write,
              .output = &Accepted::schema(),
              .status = 202,
              .errors = {{ErrorCode::conflict, "account_in_use", "It has a password, or it is not active."},
                         {ErrorCode::conflict, "service_account", "It is a machine's, which never signs in."}},
              .handler = [&](Call& call) {
                accounts.invite(call.who(), call.id<UserId>("id"));
                return accepted("The invitation is on its way.");
              }});
}

}  // namespace lms
