#include "auth/routes.hpp"

#include "auth/sign_in_call.hpp"

namespace lms {

void add_auth_routes(Router& router, Auth& auth) {
  using enum http::Method;
  const TextParameter login_id{"login_id", "A mail address, whether it has an account or not, or the id of a user."};

  router.add({.method = post,
              .path = "/auth/login",
              .operation = "login",
              .tag = "auth",
              .summary = "Open a session",
              .description =
                  "After `MAX_FAILED_ATTEMPTS` wrong passwords every sign-in with the address is refused for "
                  "`LOCKOUT_DURATION_MINUTES`. An address without an account, a wrong password, a deactivated account "
                  "and a locked one get the same answer. An account with a second factor gets a challenge, which "
                  "`login/mfa` finishes.",
              .allow = Anyone{},
              .weight = Weight::heavy,
              .input_mode = Input::create,
              .input = &Credentials::schema(),
              .output = &Login::schema(),
              .other_output = &MfaChallenge::schema(),
              .errors = {{ErrorCode::unauthenticated, "bad_credentials", "The address or the password is wrong."},
                         {ErrorCode::forbidden, "email_not_verified", "The address has to be verified first."},
                         refused::sign_in_busy(),
                         {ErrorCode::unavailable, "password_hashing_busy", "Too many sign in at this moment."}},
              .ignores_token = true,
              .handler = [&](Call& call) {
                const SignIn answer = auth.login(sign_in_body<Credentials>(call, auth), client_of(call));
                return std::visit([](const auto& each) { return ok(each); }, answer);
              }});

  router.add({.method = post,
              .path = "/auth/refresh",
              .operation = "refreshTokens",
              .tag = "auth",
              .summary = "Exchange a refresh token for new tokens",
              .description =
                  "Each refresh token is good once. One that comes back ends its session, but for the newest: its "
                  "exchange may be repeated by the same device within `REFRESH_REUSE_GRACE_SECONDS` and brings the "
                  "same refresh token again. A session that is not refreshed for `SESSION_TIMEOUT_HOURS` is over.",
              .allow = Anyone{},
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &RefreshRequest::schema(),
              .output = &TokenPair::schema(),
              .errors = {{ErrorCode::unauthenticated, "token_reused", "The token was used before; its session ended."},
                         {ErrorCode::unauthenticated, "session_ended", "The session has ended."},
                         {ErrorCode::unauthenticated, "token_expired", "The token has expired."},
                         {ErrorCode::unauthenticated, "invalid_token", "It is no refresh token of this school."}},
              .ignores_token = true,
              .handler = [&](Call& call) {
                return ok(auth.refresh(sign_in_body<RefreshRequest>(call, auth).refresh_token, client_of(call)));
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
              .description =
                  "All other sessions of the user end. Wrong current passwords count as failed sign-ins; once those "
                  "are locked, so is this.",
              .weight = Weight::heavy,
              .input_mode = Input::create,
              .input = &PasswordChange::schema(),
              .output_mode = Output::nothing,
              .status = 204,
              .errors = {refused::password_changed(), refused::account_locked(), refused::sign_in_busy()},
              .handler = [&](Call& call) {
                auth.change_password(call.who(), sign_in_body<PasswordChange>(call, auth), client_of(call));
                return no_content();
              }});

  router.add({.method = get,
              .path = "/auth/sessions",
              .operation = "listSessions",
              .tag = "auth",
              .summary = "The signed-in user's sessions, newest first",
              .description =
                  "Those that are alive, at most `MAX_SESSIONS_PER_USER`: a further sign-in ends the one that was not "
                  "used for longest.",
              .output_mode = Output::items,
              .output = &SessionView::schema(),
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

  const RouteError admin_required{ErrorCode::forbidden, "admin_required", "Only admins may, for it is an admin's."};
  router.add({.method = get,
              .path = "/users/{id}/sessions",
              .operation = "listUserSessions",
              .tag = "users",
              .summary = "Somebody's sessions, newest first",
              .description = "Those that are alive. An access token may not do this, nor end them.",
              .allow = Permission::manage_users,
              .output_mode = Output::items,
              .output = &SessionView::schema(),
              .errors = {admin_required},
              .handler = [&](Call& call) { return ok(auth.sessions(call.who(), call.id<UserId>("id"))); }});

  router.add({.method = del,
              .path = "/users/{id}/sessions",
              .operation = "endUserSessions",
              .tag = "users",
              .summary = "End all of somebody's sessions",
              .allow = Permission::manage_users,
              .weight = Weight::write,
              .output_mode = Output::nothing,
              .status = 204,
              .errors = {admin_required},
              .handler = [&](Call& call) {
                auth.end_sessions_of(call.who(), call.id<UserId>("id"));
                return no_content();
              }});

  router.add({.method = get,
              .path = "/auth/lockout-status/{login_id}",
              .operation = "getLockoutStatus",
              .tag = "auth",
              .summary = "Whether sign-ins with an address are locked",
              .allow = Permission::manage_users,
              .output = &LockoutStatus::schema(),
              .text_params = {login_id},
              .handler = [&](Call& call) { return ok(auth.lockout().status(call.who(), call.path("login_id"))); }});

  router.add({.method = post,
              .path = "/auth/unlock-account/{login_id}",
              .operation = "unlockAccount",
              .tag = "auth",
              .summary = "End a lock and forget the failed sign-ins",
              .allow = Permission::manage_users,
              .weight = Weight::write,
              .output = &LockoutStatus::schema(),
              .text_params = {login_id},
              .handler = [&](Call& call) { return ok(auth.lockout().unlock(call.who(), call.path("login_id"))); }});
}

}  // namespace lms
