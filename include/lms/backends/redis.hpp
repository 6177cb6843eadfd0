#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include <lms/export.hpp>
#include <lms/spi/change_feed.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/random.hpp>
#include <lms/spi/rate_limiter.hpp>
#include <lms/spi/token_blacklist.hpp>

/// What several nodes of one school share beside the database, on Redis 6.2 or newer (a single server or the first of a
/// replicated group; no cluster).
namespace lms {

struct RedisOptions {
  /// `redis://user:password@host:6379/0`, of which only the host is needed, or `unix://:password@/path?db=0`. Without
  /// TLS: across networks that others use as well, go through a tunnel.
  std::string url;
  std::string prefix = "lms:";                    ///< of every key; schools that share a Redis have different ones
  std::chrono::milliseconds timeout{40};          ///< of a command, connecting included
  std::size_t connections = 4;                    ///< at most
  std::chrono::milliseconds first_pause{100};     ///< after a failure nothing is tried for so long, then one command
  std::chrono::milliseconds longest_pause{1000};  ///< it doubles up to this with each try that fails
};

/// Connections to one Redis, for all that stands on them. Thread-safe. Starts no thread and raises no SIGPIPE. A name
/// in `url` is looked up whenever a connection is made, which takes as long as the system's resolver does.
class Redis;

/// Whether Redis answered when it was opened.
enum class RedisStart { connected, unreachable };

struct OpenedRedis {
  std::shared_ptr<Redis> redis;
  RedisStart start = RedisStart::connected;
  std::string fault;  ///< why it is unreachable
};

/// Connects. A Redis that does not answer is no error, for it may come back: until then all that needs it throws
/// unavailable at once.
/// @throws Error invalid for a url that is none; forbidden if Redis refuses the password or the database.
LMS_API OpenedRedis open_redis(RedisOptions options);

/// Asks Redis for an answer. @throws Error unavailable
LMS_API void ping(Redis& redis);

struct RedisRateLimiterOptions {
  enum class Times {
    of_redis,  ///< Redis's own clock counts, so nodes whose clocks differ count alike
    given      ///< the caller's, as in tests
  };
  bool penalties = true;
  Times times = Times::of_redis;
};

/// Counts for all nodes, in one atomic step and one round trip for all rules of a request. Decides as the one in memory
/// does (of token buckets, as long as burst × window is below 9·10^15 milliseconds). What it knows of a client Redis
/// forgets by itself when it has run out. `statistics` are those of this node, without keys.
LMS_API std::unique_ptr<RateLimiter> open_redis_rate_limiter(std::shared_ptr<Redis> redis,
                                                             RedisRateLimiterOptions options = {});

/// Revoked tokens, seen by all nodes at once. Redis forgets them by itself when they have expired; it must not evict
/// keys before (`maxmemory-policy noeviction`), and what it loses in a crash is good again until then. `prefix` stands
/// before each `jti`, behind that of the connections.
LMS_API std::unique_ptr<TokenBlacklist> open_redis_token_blacklist(std::shared_ptr<Redis> redis,
                                                                   std::shared_ptr<const Clock> clock,
                                                                   std::string prefix = "revoked:");

/// Tells nodes what others have written, by a stream of which the newest thousands of entries are kept. A node that has
/// missed some, or finds another Redis, takes everything for changed.
LMS_API std::unique_ptr<ChangeFeed> open_redis_change_feed(std::shared_ptr<Redis> redis, Random& random);

}  // namespace lms
