#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/log_sink.hpp>
#include <lms/spi/storage.hpp>
#include <lms/spi/token_blacklist.hpp>

namespace lms {

/// A token that was revoked before its time.
struct RevokedToken {
  std::string jti;
  Time expires_at;

  static const Schema& schema();
};

/// The blacklist kept in storage: as durable and as shared as the school itself. Inside a read of the storage it is
/// asked in that read, so an outage of it is one of the whole read.
class StorageBlacklist final : public TokenBlacklist {
 public:
  StorageBlacklist(Storage& storage, Clock& clock) : storage_(storage), clock_(clock) {}
  void revoke(std::string_view jti, Time expires_at) override;
  bool is_revoked(std::string_view jti) override;
  std::size_t purge() override;

 private:
  Storage& storage_;
  Clock& clock_;
};

/// Around a blacklist that can be out of reach while the school is not: decides what becomes of tokens then, and tells
/// the log when an outage begins and when it ends.
class WatchedBlacklist final : public TokenBlacklist {
 public:
  enum class Outage {
    refuse,  ///< is_revoked throws as it comes: nobody gets in
    admit    ///< no token counts as revoked
  };

  WatchedBlacklist(std::shared_ptr<TokenBlacklist> blacklist, Outage policy, const Logger& logger)
      : blacklist_(std::move(blacklist)), policy_(policy), logger_(logger) {}
  /// A revocation that could not be kept is never passed over.
  void revoke(std::string_view jti, Time expires_at) override { blacklist_->revoke(jti, expires_at); }
  bool is_revoked(std::string_view jti) override;
  /// During an outage nothing is purged; another time will do.
  std::size_t purge() override;
  bool waits() const noexcept override { return blacklist_->waits(); }

 private:
  std::shared_ptr<TokenBlacklist> blacklist_;
  Outage policy_;
  const Logger& logger_;
  std::atomic<bool> out_{false};
};

/// Revokes nothing: tokens end with their session or their time.
class NoBlacklist final : public TokenBlacklist {
 public:
  void revoke(std::string_view, Time) override {}
  bool is_revoked(std::string_view) override { return false; }
  std::size_t purge() override { return 0; }
};

}  // namespace lms
