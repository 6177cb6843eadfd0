#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <lms/audit.hpp>
#include <lms/event.hpp>
#include <lms/export.hpp>
#include <lms/lockout.hpp>
#include <lms/password.hpp>
#include <lms/principal.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/log_sink.hpp>
#include <lms/spi/random.hpp>
#include <lms/spi/storage.hpp>
#include <lms/spi/token_blacklist.hpp>
#include <lms/token.hpp>
#include <lms/user.hpp>

namespace lms {

/// One login on one device, until it is ended or its refresh token expires. All tokens it ever gave out are its family.
struct LMS_API Session {
  SessionId id;
  UserId user_id;
  std::string refresh_jti;                  ///< the one refresh token that is good
  std::optional<std::string> previous_jti;  ///< the one that was exchanged for it
  Time refresh_expires_at;                  ///< of the token, which may outlive the session
  std::string device;                       ///< the client's `User-Agent`, without what cannot be shown
  std::string address;
  Time created_at;
  Time last_seen_at;  ///< when tokens were last given out
  Time expires_at;    ///< if it is not seen again
  std::optional<Time> ended_at;

  static const Schema& schema();
};

/// A session as its user sees it.
struct LMS_API SessionView {
  Session session;
  bool current = false;  ///< the one that asks

  static const Schema& schema();
};

/// How sessions live.
struct SessionOptions {
  std::chrono::seconds idle_timeout{std::chrono::hours{24}};  ///< without a refresh a session is over then; 0: never
  std::chrono::seconds reuse_grace{0};  ///< how long the exchange of a refresh token may be repeated
  std::int64_t max_per_user = 50;       ///< that are alive; one more ends the one that was not seen for longest
  std::chrono::days max_age{90};        ///< however often it is seen; 0: no end
  bool need_verified_email = false;     ///< nobody signs in before the address is known to be theirs
};

struct LMS_API Registration {
  std::string email = {};
  std::string password = {};
  std::string full_name = {};
  std::optional<std::string> language = {};  ///< none: the school's, as the next
  std::optional<std::string> timezone = {};

  static const Schema& schema();
};

struct LMS_API Credentials {
  std::string email;
  std::string password;

  static const Schema& schema();
};

struct LMS_API RefreshRequest {
  std::string refresh_token;

  static const Schema& schema();
};

struct LMS_API PasswordChange {
  std::string current_password;
  std::string new_password;

  static const Schema& schema();
};

/// What can be the second factor of a sign-in.
enum class MfaMethod {
  totp,           ///< a code of an authenticator app
  recovery_code,  ///< one of those that were given out for when the app is lost
  email           ///< a code that is mailed on request
};
constexpr auto names_of(MfaMethod) {
  return std::array<std::string_view, 3>{"totp", "recovery_code", "email"};
}

/// What somebody who is signed in shows once more, before what would outlast a stolen session.
struct LMS_API Confirmation {
  std::string password;
  std::string code = {};  ///< of the second factor, if the account has one
  MfaMethod method = MfaMethod::totp;

  static const Schema& schema();
};

/// Fresh tokens of a session.
struct LMS_API TokenPair {
  std::string access_token;
  std::string refresh_token;
  std::string token_type = "bearer";
  std::int64_t expires_in = 0;  ///< seconds until the access token expires

  static const Schema& schema();
};

struct LMS_API Login {
  TokenPair tokens;
  User user;

  static const Schema& schema();
};

/// The password was right, and a second factor is wanted: `Mfa::finish`.
struct LMS_API MfaChallenge {
  bool mfa_required = true;
  std::string challenge_token;
  std::vector<MfaMethod> methods = {MfaMethod::totp, MfaMethod::recovery_code, MfaMethod::email};
  std::int64_t expires_in = 0;  ///< seconds until the challenge is over

  static const Schema& schema();
};

using SignIn = std::variant<Login, MfaChallenge>;

/// Where a call came from, kept with the session.
struct ClientInfo {
  std::string address;
  std::string device;
};

namespace events {
extern LMS_API const EventType user_logged_in, user_logged_out, user_session_ended, user_password_changed;
}
namespace audited {
extern LMS_API const AuditAction signed_in, password_refused, token_reused, signed_out_everywhere, sessions_ended,
    password_changed;
}

/// Who somebody is: registration, login, sessions. Thread-safe. What a call does it does in one transaction; sign-ins
/// that fail, wrong passwords among them, are counted even so.
class LMS_API Auth {
 public:
  Auth(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit, Users& users,
       PasswordHasher& hasher, Tokens& tokens, TokenBlacklist& blacklist, Lockout& lockout,
       std::shared_ptr<const Roles> roles, Logger& logger, const SessionOptions& options = {});

  /// Makes a student's account. Emits `user.registered`.
  /// @throws Error invalid for a weak password; conflict `email_taken`.
  User register_student(const Registration& registration);

  /// Opens a session, or asks for a second factor where the account has one.
  /// The same for an unknown address, a wrong password, a deactivated account and one that is locked, and with the same
  /// work, so that neither the answer nor its time tells which it is; the log does.
  /// @throws Error unauthenticated `bad_credentials`; forbidden `email_not_verified` after a right password, with
  ///   `SessionOptions::need_verified_email`; too_many_requests `sign_in_busy` while as many sign-ins with the address
  ///   are under way as may fail.
  SignIn login(const Credentials& credentials, const ClientInfo& client = {});

  /// Exchanges the session's refresh token for new tokens. One that was exchanged before ends the whole session, and
  /// emits `user.session_ended`; but the newest exchange may be repeated by the same device within
  /// `SessionOptions::reuse_grace`, and brings the same refresh token again.
  /// @throws Error unauthenticated `invalid_token`, `token_reused`, `session_ended`.
  TokenPair refresh(const std::string& refresh_token, const ClientInfo& client = {});

  /// Ends the session, and revokes the access token it was called with. Emits `user.logged_out`, as the next. A
  /// blacklist that fails then is a warning in the log: without its session the token is good for nothing.
  void logout(const Principal& who, const TokenClaims& access);
  /// Ends every session of the user.
  void logout_everywhere(const Principal& who);

  /// Sets a new password; the user's other sessions end. Emits `user.password_changed`. Wrong current passwords count
  /// as failed sign-ins.
  /// @throws Error invalid at `body`/`current_password` if that is wrong; for a weak new one; too_many_requests
  ///   `account_locked` while sign-ins are locked, `sign_in_busy` as login; conflict `password_changed_meanwhile`.
  void change_password(const Principal& who, const PasswordChange& change, const ClientInfo& client = {});

  /// The user's sessions that are alive, newest first.
  std::vector<SessionView> sessions(const Principal& who);
  /// Those of somebody else, for who manages users.
  /// @throws Error forbidden without `manage_users`, `admin_required` for admins, and for access tokens; not_found.
  std::vector<SessionView> sessions(const Principal& who, UserId user);
  /// Ends them all. Emits `user.session_ended` if there were any; one's own it ends as logout_everywhere does.
  /// @throws Error as sessions.
  void end_sessions_of(const Principal& who, UserId user);
  /// Emits `user.session_ended`. @throws Error not_found unless it is a session of the user that is alive.
  void end_session(const Principal& who, SessionId id);
  /// Forgets sessions that ran out, failed sign-ins that count no more, and revocations of tokens that have expired;
  /// returns how many.
  std::size_t purge();

  /// Who stands behind a good access token, as storage knows at this moment.
  /// @throws Error unauthenticated if the token was revoked, its session ended, or its user deactivated.
  Principal authenticate(const TokenClaims& access);
  /// Decodes, then `authenticate`. Takes personal access tokens (`AccessTokens`) as well.
  /// @throws Error unauthenticated `invalid_token`, `token_expired`, …
  Principal authenticate(std::string_view access_token);

  const Tokens& tokens() const noexcept { return tokens_; }
  Lockout& lockout() noexcept { return lockout_; }

  // What other parts of the school have a say in. All of it is set up before the first call.

  /// Told in the transaction that registers somebody.
  void on_registered(std::function<void(UnitOfWork&, const User&)> hook) {
    registered_hooks_.push_back(std::move(hook));
  }
  /// Told in the transaction of `change_password`.
  void on_password_changed(std::function<void(UnitOfWork&, const User&, const ClientInfo&)> hook) {
    password_hooks_.push_back(std::move(hook));
  }
  /// Asked in the transaction of a sign-in whose password was right: an answer takes the place of the session.
  /// These three are the school's own: @throws Error internal if there is one already.
  void challenge_by(std::function<std::optional<MfaChallenge>(UnitOfWork&, const User&)> ask);
  /// Checks the code of a confirmation whose password was right, where the account has a second factor.
  void confirm_codes_by(
      std::function<void(const Principal&, const User&, const Confirmation&, const ClientInfo&)> check);
  /// Asked first by `authenticate(text)`: none for a token of another kind.
  void authenticate_by(std::function<std::optional<Principal>(std::string_view)> ask);

  // --- for services that have found out who it is ---

  /// The signed-in user, whose password this is. A wrong one counts as a failed sign-in.
  /// @throws Error invalid at `body`/`field` if it is wrong; too_many_requests `account_locked` while sign-ins are
  ///   locked, `sign_in_busy` as login.
  User confirm_password(const Principal& who, std::string_view password, const std::string& field,
                        const ClientInfo& client);
  /// The same with `body`/`password`, and the code of the second factor if the account has one, which is used up.
  /// @throws Error likewise, and invalid at `body`/`code` for a code that is wrong or missing.
  User confirm(const Principal& who, const Confirmation& given, const ClientInfo& client);
  /// That user as they are now, in the transaction that does what was confirmed.
  /// @throws Error unauthenticated `session_ended` if the account or session has ended since; conflict
  ///   `password_changed_meanwhile`.
  User still_confirmed(UnitOfWork& uow, const Principal& who, const User& confirmed) const;
  /// Whether it may be the user's next one. What is refused is told to the log.
  /// @throws Error invalid at `body`/`new_password`.
  void check_new_password(const User& user, const std::string& password, const ClientInfo& client) const;
  /// The user as one who acts.
  Principal principal_of(const User& user) const { return {user.id, user.role, roles_}; }
  /// Ends the user's sessions, but for one if it is named; returns how many.
  std::size_t end_sessions(UnitOfWork& uow, UserId user, std::optional<SessionId> but = std::nullopt) const;

  /// Opens a session, and ends the user's longest unused ones beyond the limit. Emits `user.logged_in`.
  Login open_session(UnitOfWork& uow, const User& user, const ClientInfo& client,
                     std::optional<MfaMethod> factor = std::nullopt) const;
  /// Tells the log that something was sent to sign in with that cannot be what it should: which parts, not what.
  void log_refused_input(const Error& error, const ClientInfo& client) const;

 private:
  bool is_alive(UnitOfWork& uow, SessionId session) const;
  User require_may_see_sessions(UnitOfWork& uow, const Principal& who, UserId user) const;
  std::vector<SessionView> sessions_of(UnitOfWork& uow, const Principal& who, UserId user) const;
  void renew(Session& session) const;
  TokenPair tokens_of(const User& user, const Session& session) const;
  bool is_repeated(const Session& session, const TokenClaims& refresh, const ClientInfo& client) const;
  void make_room(UnitOfWork& uow, const User& user) const;
  void refuse(UnitOfWork& uow, const Principal& who, const LoginAttempt& attempt, const std::optional<User>& user,
              const ClientInfo& client) const;

  Storage& storage_;
  Clock& clock_;
  Random& random_;
  Events& events_;
  Audit& audit_;
  Users& users_;
  PasswordHasher& hasher_;
  Tokens& tokens_;
  TokenBlacklist& blacklist_;
  Lockout& lockout_;
  std::shared_ptr<const Roles> roles_;
  Logger& logger_;
  SessionOptions options_;
  std::function<std::optional<MfaChallenge>(UnitOfWork&, const User&)> challenge_;
  std::function<void(const Principal&, const User&, const Confirmation&, const ClientInfo&)> check_code_;
  std::function<std::optional<Principal>(std::string_view)> authenticate_;
  std::vector<std::function<void(UnitOfWork&, const User&)>> registered_hooks_;
  std::vector<std::function<void(UnitOfWork&, const User&, const ClientInfo&)>> password_hooks_;
};

/// Turns a fault of a token into what its bearer is told: `token_expired`, or `invalid_token`.
LMS_API Error token_error(TokenFault fault);

}  // namespace lms
