#pragma once

#include <lms/auth.hpp>
#include <lms/router.hpp>

/// What the routes of people who are not known yet have in common.
namespace lms {

/// Where a call came from.
inline ClientInfo client_of(const Call& call) {
  const std::string* device = call.request().headers.find("User-Agent");
  return {call.client_address(), device ? *device : std::string()};
}

/// What `require_admitted` and `Auth::still_confirmed` throw, for the documentation.
namespace refused {
inline RouteError account_locked() {
  return {ErrorCode::too_many_requests, "account_locked", "Too many passwords or codes were wrong."};
}
inline RouteError sign_in_busy() {
  return {ErrorCode::too_many_requests, "sign_in_busy", "As many are being checked as may be wrong."};
}
inline RouteError password_changed() {
  return {ErrorCode::conflict, "password_changed_meanwhile", "It was changed at the same time."};
}
}  // namespace refused

/// Those who probe send what no sign-in form does; the log of security shall know.
template <HasSchema T>
T sign_in_body(const Call& call, const Auth& auth) {
  try {
    return call.body<T>();
  } catch (const Error& error) {
    auth.log_refused_input(error, client_of(call));
    throw;
  }
}

}  // namespace lms
