#pragma once

#include <string_view>

#include <lms/principal.hpp>
#include <lms/token.hpp>

namespace lms {

/// Who stands behind a bearer token, found out in two steps: the first is cheap enough for an event loop and for floods
/// of bad tokens, the second asks storage. Thread-safe.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// Checks form, signature, type and times of an access token, without I/O. @throws Error unauthenticated.
  virtual TokenClaims verify(std::string_view token) = 0;
  /// @throws Error unauthenticated if the token was revoked, its session ended or its user is gone; unavailable.
  virtual Principal admit(const TokenClaims& claims) = 0;
};

}  // namespace lms
