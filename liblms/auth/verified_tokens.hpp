#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <lms/token.hpp>

namespace lms {

/// Access tokens whose signature and claims were good, so that the next request with one need not check them again.
/// It forgets at will, and knows nothing of revocation. Thread-safe.
class VerifiedTokens {
 public:
  /// Until it expires; checking it anew then tells why it is no longer good.
  std::optional<TokenClaims> find(std::string_view token, Time now) const;
  void remember(std::string_view token, const TokenClaims& claims);

 private:
  static constexpr std::size_t shard_count = 16;
  static constexpr std::size_t most_in_shard = 256;

  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::string, TokenClaims, Hash, std::equal_to<>> tokens;
  };

  static std::size_t shard_of(std::string_view token) noexcept { return Hash()(token) % shard_count; }

  std::array<Shard, shard_count> shards_;
};

}  // namespace lms
