#include "auth/verified_tokens.hpp"

namespace lms {

std::optional<TokenClaims> VerifiedTokens::find(std::string_view token, Time now) const {
  const Shard& shard = shards_[shard_of(token)];
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.tokens.find(token);
  if (found == shard.tokens.end() || found->second.expires_at <= now) return std::nullopt;
  return found->second;
}

void VerifiedTokens::remember(std::string_view token, const TokenClaims& claims) {
  Shard& shard = shards_[shard_of(token)];
  const std::lock_guard lock(shard.mutex);
  if (shard.tokens.size() >= most_in_shard) shard.tokens.clear();
  shard.tokens.insert_or_assign(std::string(token), claims);
}

}  // namespace lms
