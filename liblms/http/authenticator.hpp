#pragma once

#include <string>
#include <string_view>
#include <variant>

#include <lms/principal.hpp>
#include <lms/token.hpp>

namespace lms {

/// What storage knows an access token by.
struct AccessTokenDigest {
  std::string text;
};

/// What can be told of a bearer token without storage.
using BearerToken = std::variant<TokenClaims, AccessTokenDigest>;

/// Who stands behind a bearer token, found out in two steps: the first is cheap enough for an event loop and for floods
/// of bad tokens, the second asks storage. Thread-safe.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// Checks form, signature, type and times of a token, without I/O. @throws Error unauthenticated.
  virtual BearerToken verify(std::string_view token) = 0;
  /// Who calls from that address.
  /// @throws Error unauthenticated if the token was revoked, its session ended or its user is gone; unavailable.
  virtual Principal admit(const BearerToken& token, const std::string& address) = 0;
  /// Whether `admit` waits for another machine than the storage's.
  virtual bool waits() const noexcept = 0;

  /// Whether `note_use` has something to write, and so would wait. No I/O.
  virtual bool use_is_due(const BearerToken& token) = 0;
  /// Keeps when and from where a token that was admitted has been used, where that is of interest. Not inside a
  /// transaction; what goes wrong is told to the log.
  virtual void note_use(const BearerToken& token, const std::string& address) = 0;
};

}  // namespace lms
