#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/audit.hpp>
#include <lms/event.hpp>
#include <lms/export.hpp>
#include <lms/principal.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/log_sink.hpp>
#include <lms/spi/storage.hpp>
#include <lms/user.hpp>

namespace lms {

/// What somebody proves who they are with; wrong ones of each are counted apart.
enum class Factor {
  password,
  code  ///< the second factor
};
constexpr auto names_of(Factor) {
  return std::array<std::string_view, 2>{"password", "code"};
}

struct LockoutOptions {
  std::int64_t max_failed_attempts = 5;  ///< of each factor; that many lock
  std::chrono::minutes duration{30};     ///< of a lock; a failure older than that is forgotten
};

/// How things stand with an address.
struct LMS_API LockoutStatus {
  bool locked = false;
  std::int64_t failed_attempts = 0;     ///< wrong passwords that are not forgotten yet
  std::int64_t failed_codes = 0;        ///< wrong second factors, likewise
  std::int64_t remaining_attempts = 0;  ///< wrong passwords until it is locked; 0 while it is
  std::int64_t remaining_codes = 0;     ///< wrong second factors, likewise
  std::optional<Time> locked_until;
  std::int64_t remaining_seconds = 0;  ///< of the lock

  static const Schema& schema();
};

/// A try that was counted before what it tries is checked.
struct LoginAttempt {
  enum class Admission {
    admitted,
    locked,  ///< whatever is tried, it is wrong; but go on as if it were checked
    busy     ///< as many are being checked as may still be wrong: not counted, come back in a moment
  };

  std::string login;  ///< the digest of the address
  Factor factor{};
  Admission admission{};
  Time at;
  std::optional<Time> locked_until;
};

namespace events {
extern LMS_API const EventType user_locked, user_unlocked;
}
namespace audited {
extern LMS_API const AuditAction sign_in_locked, sign_in_unlocked;
}

/// Refuses all sign-ins with an address for a while once too many have failed, whether there is an account or not.
/// Counts are kept in storage under a digest of the address, so they survive a restart, hold on every node, and store
/// no stranger's address. Thread-safe; set up before the first call.
///
/// Whoever checks a password or a code does it in three steps:
///
///     const auto attempt = storage.write([&](UnitOfWork& uow) { return lockout.begin(uow, address, Factor::code); });
///     const bool right = …;  // outside of any transaction, for it takes long
///     storage.write([&](UnitOfWork& uow) { right ? lockout.passed(uow, attempt) : lockout.failed(uow, attempt, user);
///     });
///
/// A try counts from its first step on, so that those which race get no more of them than those which wait. One that
/// is never settled, as when the process is killed, is taken back after two minutes: nobody was told how it ended.
class LMS_API Lockout {
 public:
  /// @throws Error invalid for options that lock at once or never.
  Lockout(Storage& storage, Clock& clock, Events& events, Audit& audit, Logger& logger, LockoutOptions options = {});

  /// `login_id` is a mail address, be there an account or not, or the id of a user.
  /// @throws Error forbidden without `manage_users`; not_found for an id that no user has, and for what is neither.
  LockoutStatus status(const Principal& who, std::string_view login_id);
  /// Ends a lock and forgets the failures. Emits `user.unlocked` if a user was locked. @throws Error as status.
  LockoutStatus unlock(const Principal& who, std::string_view login_id);
  /// Told in the transaction that locks a user's address, and what was wrong once too often.
  void on_locked(std::function<void(UnitOfWork&, const User&, Factor)> hook) {
    locked_hooks_.push_back(std::move(hook));
  }
  /// Forgets what has run out; returns of how many addresses.
  std::size_t purge();

  const LockoutOptions& options() const noexcept { return options_; }

  // --- for services that check passwords and codes; `email` is the address as it was given ---

  /// Counts a try, if one more may be wrong.
  LoginAttempt begin(UnitOfWork& uow, std::string_view email, Factor factor) const;
  /// It was wrong, or not admitted. When this is one too many, the lock of a user is audited and emits `user.locked`;
  /// that of a stranger's address stands in the log. `from` is the network address of the client.
  void failed(UnitOfWork& uow, const LoginAttempt& attempt, const std::optional<User>& user,
              const std::string& from) const;
  /// It was right: the failures of its factor are forgotten, those of the other stay.
  void passed(UnitOfWork& uow, const LoginAttempt& attempt) const;
  /// It was right, and the last that was needed: all failures are forgotten.
  void signed_in(UnitOfWork& uow, const LoginAttempt& attempt) const;
  /// It could not be checked.
  void withdraw(UnitOfWork& uow, const LoginAttempt& attempt) const;
  /// Ends a lock and forgets the failures, as after a new password. Emits `user.unlocked` if the user was locked.
  void clear(UnitOfWork& uow, const Principal& who, const User& user) const;

 private:
  struct Login {
    std::string email;
    std::optional<User> user;
  };
  Login resolve(UnitOfWork& uow, std::string_view login_id) const;
  LockoutStatus status_of(UnitOfWork& uow, std::string_view email) const;
  /// True if there was a lock.
  bool forget(UnitOfWork& uow, std::string_view email) const;

  Storage& storage_;
  Clock& clock_;
  Events& events_;
  Audit& audit_;
  Logger& logger_;
  LockoutOptions options_;
  std::vector<std::function<void(UnitOfWork&, const User&, Factor)>> locked_hooks_;
};

}  // namespace lms
