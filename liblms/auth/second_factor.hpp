#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <lms/id.hpp>
#include <lms/schema.hpp>
#include <lms/time.hpp>
#include <lms/user.hpp>

/// What the second factor keeps in storage.
namespace lms {

/// The authenticator app of a user.
struct SecondFactor {
  UserId user_id;
  std::optional<std::string> secret;          ///< in use
  std::optional<std::string> pending_secret;  ///< shown, and not yet seen a code of
  std::optional<Time> pending_until;          ///< how long that may take
  bool mails_codes = true;                    ///< false after a reset by mail: both would prove the same mail box
  std::int64_t used_step = 0;                 ///< of the newest code that was taken
  std::optional<Time> enabled_at;

  static const Schema& schema();
};

/// A recovery code that was not used yet.
struct RecoveryCode {
  std::string digest;  ///< of user and code: a code has 75 random bits, so a fast hash keeps it
  UserId user_id;

  static const Schema& schema();
};

/// A sign-in that waits for its second factor.
struct SignInChallenge {
  std::string jti;  ///< of the challenge token
  UserId user_id;
  std::string password_digest;  ///< of the password hash that was proved: with a new password it is over
  std::int64_t mails = 0;       ///< that were asked for
  std::optional<Time> mailed_at;
  std::optional<std::string> mailed_code;
  std::optional<Time> mailed_code_expires_at;
  Time expires_at;

  static const Schema& schema();
};

}  // namespace lms
