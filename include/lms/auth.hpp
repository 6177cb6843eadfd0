#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/event.hpp>
#include <lms/export.hpp>
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

/// A token that was revoked before its time.
struct RevokedToken {
  std::string jti;
  Time expires_at;

  static const Schema& schema();
};

/// The blacklist kept in storage: as durable and as shared as the school itself.
class LMS_API StorageBlacklist final : public TokenBlacklist {
 public:
  StorageBlacklist(Storage& storage, Clock& clock) : storage_(storage), clock_(clock) {}
  void revoke(std::string_view jti, Time expires_at) override;
  bool is_revoked(std::string_view jti) override;
  std::size_t purge() override;

 private:
  Storage& storage_;
  Clock& clock_;
};

/// One login on one device, until it is ended or its refresh token expires. All tokens it ever gave out are its family.
struct LMS_API Session {
  SessionId id;
  UserId user_id;
  std::string refresh_jti;  ///< the one refresh token that is good
  std::string device;       ///< the client's `User-Agent`
  std::string address;
  Time created_at;
  Time last_seen_at;  ///< when tokens were last given out
  Time expires_at;
  std::optional<Time> ended_at;

  static const Schema& schema();
};

struct LMS_API Registration {
  std::string email;
  std::string password;
  std::string full_name;

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

/// Where a call came from, kept with the session.
struct ClientInfo {
  std::string address;
  std::string device;
};

namespace events {
extern LMS_API const EventType user_logged_in, user_logged_out, user_session_ended, user_password_changed;
}

/// Who somebody is: registration, login, sessions. Thread-safe; each call is one transaction.
class LMS_API Auth {
 public:
  Auth(Storage& storage, Clock& clock, Random& random, Events& events, Users& users, PasswordHasher& hasher,
       Tokens& tokens, TokenBlacklist& blacklist, std::shared_ptr<const Roles> roles, Logger& logger);

  /// Makes a student's account. Emits `user.registered`.
  /// @throws Error invalid for a weak password; conflict `email_taken`.
  User register_student(const Registration& registration);

  /// @throws Error unauthenticated `bad_credentials`, the same for an unknown address, a wrong password and a
  /// deactivated
  ///   account, and in the same time.
  Login login(const Credentials& credentials, const ClientInfo& client = {});

  /// Exchanges the session's refresh token for new tokens. One that was exchanged before ends the whole session, and
  /// emits `user.session_ended`.
  /// @throws Error unauthenticated `invalid_token`, `token_reused`, `session_ended`.
  TokenPair refresh(const std::string& refresh_token, const ClientInfo& client = {});

  /// Ends the session, and revokes the access token it was called with. Emits `user.logged_out`, as the next. A
  /// blacklist that fails then is a warning in the log: without its session the token is good for nothing.
  void logout(const Principal& who, const TokenClaims& access);
  /// Ends every session of the user.
  void logout_everywhere(const Principal& who);

  /// Sets a new password; the user's other sessions end. Emits `user.password_changed`.
  /// @throws Error invalid at `body`/`current_password` if that is wrong; for a weak new one.
  void change_password(const Principal& who, const PasswordChange& change);

  /// The user's sessions that are alive, newest first.
  std::vector<Session> sessions(const Principal& who);
  /// Emits `user.session_ended`. @throws Error not_found unless it is a session of the user that is alive.
  void end_session(const Principal& who, SessionId id);
  /// Forgets sessions that ran out, and revocations of tokens that have expired; returns how many.
  std::size_t purge();

  /// Who stands behind a good access token, as storage knows at this moment.
  /// @throws Error unauthenticated if the token was revoked, its session ended, or its user deactivated.
  Principal authenticate(const TokenClaims& access);
  /// Decodes, then `authenticate`. @throws Error unauthenticated `invalid_token`, `token_expired`, …
  Principal authenticate(std::string_view access_token);

  const Tokens& tokens() const noexcept { return tokens_; }

 private:
  TokenPair issue(const User& user, Session& session) const;
  std::size_t end_sessions(UnitOfWork& uow, UserId user, std::optional<SessionId> but = std::nullopt) const;

  Storage& storage_;
  Clock& clock_;
  Random& random_;
  Events& events_;
  Users& users_;
  PasswordHasher& hasher_;
  Tokens& tokens_;
  TokenBlacklist& blacklist_;
  std::shared_ptr<const Roles> roles_;
  Logger& logger_;
};

/// Turns a fault of a token into what its bearer is told: `token_expired`, or `invalid_token`.
LMS_API Error token_error(TokenFault fault);

}  // namespace lms
