#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/accounts.hpp>
#include <lms/audit.hpp>
#include <lms/auth.hpp>
#include <lms/event.hpp>
#include <lms/export.hpp>
#include <lms/lockout.hpp>
#include <lms/mail.hpp>
#include <lms/principal.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/log_sink.hpp>
#include <lms/spi/random.hpp>
#include <lms/spi/storage.hpp>
#include <lms/totp.hpp>
#include <lms/user.hpp>

namespace lms {

struct MfaOptions {
  std::string school = "LMS";           ///< its name, as authenticator apps show it
  std::int64_t mailed_code_length = 6;  ///< digits, 6–10
  std::chrono::minutes mailed_code_life{5};
};

/// What an authenticator app needs. The secret is shown here and never again.
struct LMS_API MfaSetup {
  std::string secret;  ///< Base32, to be typed in
  std::string otpauth_uri;
  std::string qr_svg;  ///< the URI as a QR code
  std::string qr_png;  ///< the same as a `data:` URI

  static const Schema& schema();
};

struct LMS_API RecoveryCodes {
  std::vector<std::string> recovery_codes;  ///< `7KQ4M-XW2RD-9HTCB`; each is good once

  static const Schema& schema();
};

/// How an account is protected.
struct LMS_API MfaStatus {
  bool enabled = false;
  std::optional<Time> enabled_at;
  std::vector<MfaMethod> methods;  ///< that finish a sign-in
  std::int64_t recovery_codes_left = 0;

  static const Schema& schema();
};

struct LMS_API MfaCode {
  std::string code;

  static const Schema& schema();
};

struct LMS_API MfaLogin {
  std::string challenge_token;
  std::string code;
  MfaMethod method = MfaMethod::totp;

  static const Schema& schema();
};

struct LMS_API MfaMailRequest {
  std::string challenge_token;

  static const Schema& schema();
};

namespace events {
extern LMS_API const EventType user_mfa_enabled, user_mfa_disabled;
}
namespace audited {
extern LMS_API const AuditAction mfa_enabled, mfa_disabled, mfa_removed, recovery_codes_renewed, code_refused;
}

/// The second factor: one-time passwords of an authenticator app, recovery codes for when the app is lost, and, to sign
/// in, codes by mail. Thread-safe; each call is one transaction after the password was checked.
///
/// Wrong codes count as failed sign-ins of their own (`Factor::code`), which no right password takes back; too many
/// lock the account, and end every challenge that was given out.
class LMS_API Mfa {
 public:
  static constexpr std::size_t recovery_code_count = 10;
  static constexpr std::int64_t max_mails = 3;              ///< for one challenge
  static constexpr std::chrono::seconds mail_interval{30};  ///< between two of them

  /// Adds hooks to `auth`, `accounts`, `users` and `mails`: a right password opens no session for those who have a
  /// second factor.
  /// @throws Error invalid for options that make no code.
  Mfa(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit, Users& users, Lockout& lockout,
      Auth& auth, Accounts& accounts, Mails& mails, Logger& logger, MfaOptions options = {});

  MfaStatus status(const Principal& who);

  /// Makes a secret for an authenticator app. It is asked for only once `enable` has seen a code of it, within fifteen
  /// minutes; until then all is as before, also where another app is in use already, whose code is needed then.
  /// @throws Error as Auth::confirm; unavailable `encryption_key_missing` where the school cannot keep
  /// secrets.
  MfaSetup set_up(const Principal& who, const Confirmation& given, const ClientInfo& client = {});
  /// Asks for a second factor from now on; the user's other sessions end. Emits `user.mfa_enabled`.
  /// @throws Error conflict `mfa_not_set_up`; invalid at `body`/`code`; too_many_requests `account_locked`,
  ///   `sign_in_busy`.
  RecoveryCodes enable(const Principal& who, const MfaCode& code, const ClientInfo& client = {});
  /// Emits `user.mfa_disabled`. @throws Error as enable, and as Auth::confirm; conflict `mfa_not_enabled`.
  void disable(const Principal& who, const Confirmation& given, const ClientInfo& client = {});
  /// Ten new recovery codes; those before are over. @throws Error as disable.
  RecoveryCodes renew_recovery_codes(const Principal& who, const Confirmation& given, const ClientInfo& client = {});
  /// Takes the second factor off an account whose owner has lost it, and ends its sessions. Emits `user.mfa_disabled`.
  /// @throws Error forbidden without `manage_users`; not_found; conflict `mfa_not_enabled`.
  void remove(const Principal& who, UserId user);

  /// Finishes a sign-in. @throws Error unauthenticated `bad_code` for a code that is wrong, late or used;
  ///   `invalid_challenge` for one that is unknown, late, used or ended by a lock or a new password; too_many_requests
  ///   `sign_in_busy`.
  Login finish(const MfaLogin& login, const ClientInfo& client = {});
  /// Sends a code by mail; the one before is over when it is sent. After a reset of the password by mail only another
  /// second factor brings that way back.
  /// @throws Error unauthenticated `invalid_challenge`; conflict `no_mailed_codes` after such a reset;
  /// too_many_requests `code_just_sent`, `too_many_codes`.
  void mail_code(const MfaMailRequest& request, const ClientInfo& client = {});

  /// Forgets challenges that have run out; returns how many.
  std::size_t purge();

 private:
  std::optional<MfaChallenge> challenge(UnitOfWork& uow, const User& user);
  std::optional<MailContent> compose_code(const Value& payload);
  bool accept(UnitOfWork& uow, const User& user, std::string_view code, MfaMethod method) const;
  RecoveryCodes make_recovery_codes(UnitOfWork& uow, UserId user) const;
  template <class Work>
  void watched(const ClientInfo& client, Work&& work) const;
  void check_code(const Principal& who, const User& user, const Confirmation& given, const ClientInfo& client);
  template <class Change>
  void confirmed(const Principal& who, const Confirmation& given, const ClientInfo& client, Change&& change);
  void turn_off(UnitOfWork& uow, const Principal& who, const User& user, const AuditAction& action,
                const ClientInfo& client);
  void refuse(UnitOfWork& uow, const Principal& who, const LoginAttempt& attempt, const User& user,
              const ClientInfo& client) const;

  Storage& storage_;
  Clock& clock_;
  Random& random_;
  Events& events_;
  Audit& audit_;
  Users& users_;
  Lockout& lockout_;
  Auth& auth_;
  Mails& mails_;
  Logger& logger_;
  MfaOptions options_;
};

}  // namespace lms
