#pragma once

#include <lms/error.hpp>
#include <lms/lockout.hpp>

namespace lms {

inline Error bad_credentials() {
  return unauthenticated("bad_credentials", "The address or the password is wrong.");
}

inline Error sign_in_busy() {
  return too_many_requests("sign_in_busy", "Too many sign-ins with this address are under way; try again in a moment.",
                           std::chrono::seconds{1});
}

inline Error account_locked(Time::duration left) {
  return too_many_requests("account_locked", "Too many sign-ins have failed; all are refused for a while.",
                           std::chrono::ceil<std::chrono::seconds>(left));
}

/// For those who are known: they may learn that they are locked out.
/// @throws Error too_many_requests `account_locked`, `sign_in_busy`
inline void require_admitted(const LoginAttempt& attempt) {
  if (attempt.admission == LoginAttempt::Admission::busy) throw sign_in_busy();
  if (attempt.admission == LoginAttempt::Admission::locked)
    throw account_locked(attempt.locked_until.value_or(attempt.at) - attempt.at);
}

}  // namespace lms
