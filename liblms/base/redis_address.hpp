#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lms {

/// Where a Redis server is, and who asks it.
struct RedisAddress {
  std::string host;  ///< a name or an address; empty: `socket` is where
  std::uint16_t port = 6379;
  std::string socket = {};  ///< the path of a Unix socket
  std::string user = {};    ///< empty: that of all who know the password
  std::string password = {};
  std::uint32_t database = 0;

  /// `redis.example.org:6379`, the path of the socket: no password, no user.
  std::string shown() const;
};

/// `redis://user:password@host:6379/0`, of which only the host is needed, or `unix://:password@/path?db=0`. Texts may
/// be percent-encoded. None for anything else.
std::optional<RedisAddress> parse_redis_address(std::string_view url);

}  // namespace lms
