#pragma once

#include <cstddef>
#include <string_view>

#include <lms/export.hpp>
#include <lms/time.hpp>

namespace lms {

/// Remembers revoked tokens by their `jti` until they would have expired. Thread-safe.
/// A revocation is seen by every node as soon as `revoke` returns.
class LMS_API TokenBlacklist {
 public:
  virtual ~TokenBlacklist();
  /// @throws Error unavailable if the revocation could not be kept.
  virtual void revoke(std::string_view jti, Time expires_at) = 0;
  /// @throws Error unavailable if it cannot be told.
  virtual bool is_revoked(std::string_view jti) = 0;
  /// Forgets what has expired; returns how many. A store that forgets by itself returns 0.
  virtual std::size_t purge() = 0;
  /// Whether `is_revoked` waits for another machine than the storage's. It is not asked on an event loop then.
  virtual bool waits() const noexcept { return false; }
};

}  // namespace lms
