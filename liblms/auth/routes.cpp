#include "auth/routes.hpp"

namespace lms {

namespace {

ClientInfo client_of(const Call& call) {
  const std::string* device = call.request().headers.find("User-Agent");
  return {call.client_address(), device ? *device : std::string()};
}

}  // namespace

void add_auth_routes(Router& router, Auth& auth) {
  using enum http::Method;

  router.add({.method = post,
              .path = "/auth/register",
              .operation = "register",
              .tag = "auth",
              .summary = "Make a student's account",
              .allow = Anyone{},
              .weight = Weight::heavy,
              .input_mode = Input::create,
              .input = &Registration::schema(),
              .output = &User::schema(),
              .status = 201,
              .errors = {{ErrorCode::conflict, "email_taken", "There is an account with this address already."}},
              .ignores_token = true,
              .handler = [&, prefix = router.prefix()](Call& call) {
                return created(auth.register_student(call.body<Registration>()), prefix + "/users/me");
              }});

  router.add({.method = post,
              .path = "/auth/login",
              .operation = "login",
              .tag = "auth",
              .summary = "Open a session",
              .allow = Anyone{},
              .weight = Weight::heavy,
              .input_mode = Input::create,
              .input = &Credentials::schema(),
              .output = &Login::schema(),
              .errors = {{ErrorCode::unauthenticated, "bad_credentials", "The address or the password is wrong."}},
              .ignores_token = true,
              .handler = [&](Call& call) { return ok(auth.login(call.body<Credentials>(), client_of(call))); }});

  router.add({.method = post,
              .path = "/auth/refresh",
              .operation = "refreshTokens",
              .tag = "auth",
              .summary = "Exchange a refresh token for new tokens",
              .description = "Each refresh token is good once. One that comes back ends its session.",
              .allow = Anyone{},
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &RefreshRequest::schema(),
              .output = &TokenPair::schema(),
              .errors = {{ErrorCode::unauthenticated, "token_reused", "The token was used before; its session ended."},
                         {ErrorCode::unauthenticated, "session_ended", "The session has ended."}},
              .ignores_token = true,
              .handler = [&](Call& call) {
                return ok(auth.refresh(call.body<RefreshRequest>().refresh_token, client_of(call)));
              }});

  router.add({.method = post,
              .path = "/auth/logout",
              .operation = "logout",
              .tag = "auth",
              .summary = "End this session",
              .description = "Its access and refresh tokens are refused from now on.",
              .weight = Weight::write,
              .output_mode = Output::nothing,
              .status = 204,
              .handler = [&](Call& call) {
                auth.logout(call.who(), call.token());
                return no_content();
              }});

  router.add({.method = post,
              .path = "/auth/logout-all",
              .operation = "logoutEverywhere",
              .tag = "auth",
              .summary = "End all sessions of the signed-in user",
              .weight = Weight::write,
              .output_mode = Output::nothing,
              .status = 204,
              .handler = [&](Call& call) {
                auth.logout_everywhere(call.who());
                return no_content();
              }});

  router.add({.method = post,
              .path = "/auth/change-password",
              .operation = "changePassword",
              .tag = "auth",
              .summary = "Set a new password",
              .description = "All other sessions of the user end.",
              .weight = Weight::heavy,
              .input_mode = Input::create,
              .input = &PasswordChange::schema(),
              .output_mode = Output::nothing,
              .status = 204,
              .errors = {{ErrorCode::conflict, "password_changed_meanwhile", "It was changed at the same time."}},
              .handler = [&](Call& call) {
                auth.change_password(call.who(), call.body<PasswordChange>());
                return no_content();
              }});

  router.add({.method = get,
              .path = "/auth/sessions",
              .operation = "listSessions",
              .tag = "auth",
              .summary = "The signed-in user's sessions",
              .output_mode = Output::items,
              .output = &Session::schema(),
              .handler = [&](Call& call) { return ok(auth.sessions(call.who())); }});

  router.add({.method = del,
              .path = "/auth/sessions/{id}",
              .operation = "endSession",
              .tag = "auth",
              .summary = "End one of the signed-in user's sessions",
              .weight = Weight::write,
              .output_mode = Output::nothing,
              .status = 204,
              .handler = [&](Call& call) {
                auth.end_session(call.who(), call.id<SessionId>("id"));
                return no_content();
              }});
}

}  // namespace lms
