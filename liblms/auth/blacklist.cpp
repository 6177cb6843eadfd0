#include "auth/blacklist.hpp"

#include <lms/error.hpp>
#include <lms/repository.hpp>

#include "base/removal.hpp"

namespace lms {

TokenBlacklist::~TokenBlacklist() = default;

const Schema& RevokedToken::schema() {
  static const Schema schema = define<RevokedToken>("RevokedToken", "A token that was revoked before its time.")
                                   .table("revoked_tokens")
                                   .key("jti", &RevokedToken::jti)
                                   .field("expires_at", &RevokedToken::expires_at)
                                   .index({"expires_at"});
  return schema;
}

void StorageBlacklist::revoke(std::string_view jti, Time expires_at) {
  const RevokedToken token{std::string(jti), expires_at};
  storage_.write([&](UnitOfWork& uow) { Repository<RevokedToken>(uow).insert_if_absent(token); });
}

bool StorageBlacklist::is_revoked(std::string_view jti) {
  return storage_.read([&](UnitOfWork& uow) { return Repository<RevokedToken>(uow).find(jti).has_value(); });
}

std::size_t StorageBlacklist::purge() {
  return remove_in_batches<RevokedToken>(storage_, less_equal("expires_at", clock_.now()));
}

bool WatchedBlacklist::is_revoked(std::string_view jti) {
  try {
    const bool revoked = blacklist_->is_revoked(jti);
    // Looked at first, for a plain read is all that a day without outages should cost.
    if (out_.load(std::memory_order_relaxed) && out_.exchange(false))
      logger_.warning("security", "token blacklist answers again");
    return revoked;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unavailable) throw;
    if (!out_.exchange(true))
      logger_.warning("security",
                      policy_ == Outage::admit ? "token blacklist does not answer: revoked tokens are let in"
                                               : "token blacklist does not answer: tokens are refused",
                      Object{{"error", error.what()}});
    if (policy_ == Outage::refuse)
      throw unavailable(error.reason(), "It cannot be told now whether the token was revoked; try again in a moment.");
    return false;
  }
}

std::size_t WatchedBlacklist::purge() {
  try {
    return blacklist_->purge();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unavailable) throw;
    return 0;
  }
}

}  // namespace lms
