#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <lms/audit.hpp>
#include <lms/auth.hpp>
#include <lms/event.hpp>
#include <lms/export.hpp>
#include <lms/page.hpp>
#include <lms/principal.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/log_sink.hpp>
#include <lms/spi/random.hpp>
#include <lms/spi/storage.hpp>
#include <lms/user.hpp>

namespace lms {

class Accounts;
class Mails;
class Router;

/// What a program calls with in place of a person who signs in. Its text is `lmspat_`, 30 random letters and digits,
/// and six for their CRC-32, so that a text that was mistyped or made up is told without storage. It is shown once;
/// stored is its SHA-256.
struct LMS_API AccessToken {
  AccessTokenId id;
  UserId user_id;
  std::string name;
  std::string digest;     ///< SHA-256 of the text, 64 hex digits
  std::string beginning;  ///< the first eleven characters, to recognise it by
  std::vector<std::string> scopes;
  Time created_at;
  Time expires_at;
  std::optional<Time> last_used_at;  ///< within a minute
  std::optional<std::string> last_used_address;

  static const Schema& schema();
};

struct LMS_API NewAccessToken {
  static constexpr std::int64_t max_days = 3'650;

  std::string name = {};
  std::vector<std::string> scopes = {};
  std::int64_t expires_in_days = 90;
  std::optional<UserId> user_id = {};  ///< a service account; none: the caller
  Confirmation confirmation = {};      ///< of the caller, if that is a user

  static const Schema& schema();
};

/// A token with its text.
struct LMS_API CreatedAccessToken {
  AccessToken access_token;
  std::string token;

  static const Schema& schema();
};

struct LMS_API AccessTokenFilter {
  PageRequest page;
  std::optional<UserId> user_id = {};  ///< none: the caller

  static const Schema& schema();
};

/// The data of `access_token.…` events.
struct LMS_API AccessTokenEvent {
  AccessTokenId access_token_id;
  UserId user_id;
  std::string name;
  std::vector<std::string> scopes;
  Time expires_at;

  static const Schema& schema();
};

namespace events {
extern LMS_API const EventType access_token_created, access_token_revoked;
}
namespace audited {
extern LMS_API const AuditAction access_token_created, access_token_revoked;
}

/// Personal access tokens and those of service accounts. Thread-safe; what a call does it does in one transaction.
///
/// A token acts for its user, with the permissions that the user has at that moment, within its scopes: what routes ask
/// for (`scope_of`), or what a host asks of `Principal::has_scope`. It dies when it expires, is revoked or its user is
/// removed, and rests while the user is deactivated. Sessions, passwords and locks do not touch it.
class LMS_API AccessTokens {
 public:
  static constexpr std::chrono::days longest_life{365};   ///< of one that is not made by those who manage users
  static constexpr std::size_t most_per_user = 50;        ///< that are alive
  static constexpr std::chrono::days kept_expired{30};    ///< before `purge` forgets them
  static constexpr std::chrono::minutes use_interval{1};  ///< between two writes of when a token was used

  /// Its tokens' scopes are those of the router's routes. Adds hooks to `users`, `auth` and `accounts`.
  AccessTokens(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit, Users& users, Auth& auth,
               Accounts& accounts, Mails& mails, const Router& router, Logger& logger);

  /// Makes a token for the caller or, for those who may `manage_users`, for a service account, and tells its owner by
  /// mail. It outlives the caller's session, so that takes the password once more. Emits `access_token.created`.
  /// @throws Error as Auth::confirm; invalid for a scope there is none of, or a life over `longest_life` without
  ///   `manage_users`; not_found; forbidden for another's account, `not_a_service_account` if it is a person's,
  ///   `insufficient_scope` for a caller that is a token itself, as all of these; conflict `too_many_access_tokens`,
  ///   `account_deactivated`.
  CreatedAccessToken create(const Principal& who, const NewAccessToken& wanted, const ClientInfo& client = {});

  /// Newest first, those that have expired of late among them.
  /// @throws Error forbidden for another's without `manage_users`.
  Page<AccessToken> list(const Principal& who, const AccessTokenFilter& filter = {});
  /// @throws Error not_found, also for another's without `manage_users`.
  AccessToken get(const Principal& who, AccessTokenId id);
  /// From now on it is unknown. Emits `access_token.revoked`. @throws Error as get.
  void revoke(const Principal& who, AccessTokenId id);

  /// Who calls by that text, for hosts without HTTP; `Auth::authenticate` takes it as well. Not inside a transaction.
  /// @throws Error unauthenticated `invalid_token`, `token_expired`, `account_deactivated`.
  Principal authenticate(std::string_view text, const std::string& address = {});

  /// Forgets what expired `kept_expired` ago; returns how many.
  std::size_t purge();

  // --- the same in steps, for the pipeline ---

  /// Whether it is to be read as a token of this kind, be it a good one or not.
  static bool is_meant(std::string_view text) noexcept;
  /// What storage knows it by. No I/O. @throws Error unauthenticated `invalid_token` unless the text is well-formed.
  static std::string digest_of(std::string_view text);
  /// @throws Error as authenticate.
  Principal admit(const std::string& digest, const std::string& address);
  /// Whether `note_use` would write. No I/O.
  bool use_is_due(const std::string& digest) const;
  /// Writes when and from where an admitted token was used, once in `use_interval`. A failure is told to the log. Not
  /// inside a transaction, but for `Storage::together`.
  void note_use(const std::string& digest, const std::string& address);

 private:
  void check(const Principal& who, const NewAccessToken& wanted) const;
  bool claim_use(const std::string& digest, Time now);
  Error refused(std::string_view cause, const AccessToken* token, const std::string& address, Error error) const;

  Storage& storage_;
  Clock& clock_;
  Random& random_;
  Events& events_;
  Audit& audit_;
  Auth& auth_;
  Mails& mails_;
  const Router& router_;
  Logger& logger_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Time> uses_;  ///< by digest: when the last write was
};

}  // namespace lms
