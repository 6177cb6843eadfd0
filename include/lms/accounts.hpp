#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lms/audit.hpp>
#include <lms/auth.hpp>
#include <lms/event.hpp>
#include <lms/export.hpp>
#include <lms/lockout.hpp>
#include <lms/mail.hpp>
#include <lms/password.hpp>
#include <lms/principal.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/log_sink.hpp>
#include <lms/spi/random.hpp>
#include <lms/spi/storage.hpp>
#include <lms/user.hpp>

namespace lms {

struct AccountOptions {
  /// Where the pages stand that links in mails lead to, without a slash at the end: `…/verify-email#token=…`,
  /// `…/reset-password#token=…`, `…/accept-invitation#token=…`. What follows `#` no browser sends to a server.
  std::string pages = "http://localhost:8000/account";
  /// Whether people sign in only once they have shown that the address is theirs. Registering then never tells whether
  /// there is an account.
  bool require_verification = false;
  std::chrono::days invitation_life{7};
};

struct LMS_API AddressRequest {
  std::string email;

  static const Schema& schema();
};

struct LMS_API MailedToken {
  std::string token;

  static const Schema& schema();
};

struct LMS_API PasswordReset {
  std::string token;
  std::string new_password;

  static const Schema& schema();
};

struct LMS_API EmailChange {
  std::string new_email;
  Confirmation confirmation;

  static const Schema& schema();
};

/// The address that an account should have had.
struct LMS_API EmailCorrection {
  std::string new_email;

  static const Schema& schema();
};

/// What is answered where the answer must tell nothing.
struct LMS_API Accepted {
  std::string message;

  static const Schema& schema();
};

namespace events {
extern LMS_API const EventType user_email_verified, user_email_changed;
}
namespace audited {
extern LMS_API const AuditAction password_reset, email_change_requested, email_change_cancelled, email_changed,
    email_corrected, invitation_sent;
}

struct AccountLinkKind;

/// What people do with their accounts by mail: show that an address is theirs, set a new password, change the address,
/// take an invitation up. Thread-safe; what a call does it does in one transaction.
///
/// Tokens are made when a mail is sent, are good once, and die with what they are about: with another address, another
/// password, a deactivated account. What anybody may ask for with a bare address does the same work, and is answered
/// the same, whether there is an account or not; mails to one address are few: one a minute, and per day five to
/// verify, ten to set a password.
class LMS_API Accounts {
 public:
  /// Adds hooks to `users`, `lockout` and `auth`, and says how their mails are made.
  Accounts(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit, Users& users,
           PasswordHasher& hasher, Lockout& lockout, Auth& auth, Mails& mails, Logger& logger, AccountOptions options);

  /// Makes a student's account and sends a mail to verify the address; to an address that has one, a mail that says so.
  /// None if the answer must not tell, with `require_verification`. Emits `user.registered`.
  /// @throws Error invalid for a weak password; conflict `email_taken`, without `require_verification`.
  std::optional<User> register_student(const Registration& registration, const ClientInfo& client = {});
  /// Sends that mail again, if the address is not verified yet.
  void resend_verification(const AddressRequest& request, const ClientInfo& client = {});
  /// The address is its owner's, or becomes the account's in place of the one before.
  /// Emits `user.email_verified` or `user.email_changed`.
  /// @throws Error invalid at `body`/`token`; conflict `email_taken` for a new address that has an account by now.
  void verify_email(const MailedToken& token, const ClientInfo& client = {});

  /// Sends a mail to set a new password, if there is an active account.
  void request_password_reset(const AddressRequest& request, const ClientInfo& client = {});
  /// All sessions end, and so does a lock; a second factor stays. Emits `user.password_changed`.
  /// @throws Error invalid at `body`/`token`, or for a weak password.
  void reset_password(const PasswordReset& reset, const ClientInfo& client = {});

  /// Asks the owner of the new address, and tells that of the present one. Until the new one is verified nothing
  /// changes; another request takes the place of this one, and a new password ends it. If the new one has an account,
  /// its owner is told that, and nobody else.
  /// @throws Error as Auth::confirm; invalid for the present address; too_many_requests `too_many_changes` for
  ///   more than ten a day.
  void change_email(const Principal& who, const EmailChange& change, const ClientInfo& client = {});
  /// Calls that off. @throws Error not_found `no_pending_email`.
  void cancel_email_change(const Principal& who);

  /// Gives an account that is not one's own the address that it should have had. Its sessions end, links that were
  /// mailed are good for nothing, and the new address is not verified: it gets the mail for that, or the invitation of
  /// an account without a password. The old one is told, without the new one, if it was verified; otherwise it may be a
  /// stranger's.
  /// Emits `user.email_changed`.
  /// @throws Error forbidden as Users::update, and for access tokens; invalid for the present address or none; conflict
  ///   `email_taken`, `account_erased`, `own_account`.
  User correct_email(const Principal& who, UserId user, const EmailCorrection& correction);

  /// Sends an invitation to an account without a password.
  /// @throws Error forbidden without `manage_users`; not_found; conflict `account_in_use` if it has one or is inactive,
  ///   `service_account` if it is a machine's.
  void invite(const Principal& who, UserId user);

  using Hook = std::function<void(UnitOfWork&, const User&)>;
  /// Told in the transaction that resets a password by mail, and that gives an account its new address. Set up before
  /// the first call, as the next.
  void on_password_reset(Hook hook) { reset_hooks_.push_back(std::move(hook)); }
  void on_email_changed(Hook hook) { email_hooks_.push_back(std::move(hook)); }
  /// Told when the owner of an address resets the password of an account that was not known to be theirs: what was set
  /// up in it before may be somebody else's.
  void on_claimed(Hook hook) { claim_hooks_.push_back(std::move(hook)); }
  /// Forgets tokens and counts that have run out; returns how many.
  std::size_t purge();

  const AccountOptions& options() const noexcept { return options_; }

 private:
  void declare_mails();
  bool may_mail(UnitOfWork& uow, std::string_view email, const MailKind& kind, std::size_t most_a_day,
                std::chrono::seconds interval = mail_interval) const;
  void send(UnitOfWork& uow, const MailKind& kind, const std::optional<User>& user,
            const MailSendOptions& options = {});
  void end_email_change(UnitOfWork& uow, UserId user) const;
  std::string move(UnitOfWork& uow, const Principal& who, User& user, std::string address,
                   std::optional<Time> verified_at) const;
  void tell_old_address(UnitOfWork& uow, const MailKind& kind, const User& user, std::string old_address,
                        std::string new_address, const ClientInfo& client) const;
  std::optional<MailContent> compose_link(const AccountLinkKind& kind, const Value& payload);
  Error refused(std::string_view what, const ClientInfo& client) const;

  static constexpr std::chrono::minutes mail_interval{1};  // between two to one address

  Storage& storage_;
  Clock& clock_;
  Random& random_;
  Events& events_;
  Audit& audit_;
  Users& users_;
  PasswordHasher& hasher_;
  Lockout& lockout_;
  Auth& auth_;
  Mails& mails_;
  Logger& logger_;
  AccountOptions options_;
  std::vector<Hook> reset_hooks_, email_hooks_, claim_hooks_;
};

}  // namespace lms
