#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <hiredis/hiredis.h>

#include "base/redis_address.hpp"

namespace lms::redis {

using Deadline = std::chrono::steady_clock::time_point;

struct FreeReply {
  void operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

/// A command as Redis reads it from the wire. Its parts may hold any bytes.
std::string encoded(std::span<const std::string_view> parts);

std::string_view text_of(const redisReply& reply) noexcept;
bool is_error(const redisReply& reply) noexcept;

/// One connection to Redis. Whatever does not answer by the deadline is given up, and so is the connection: after an
/// exception it can only be destroyed. Raises no SIGPIPE. Used by one thread at a time.
class Connection {
 public:
  /// Connects, signs in and chooses the database.
  /// @throws Error unavailable; forbidden if Redis refuses the login or the database.
  Connection(const RedisAddress& address, Deadline deadline);

  /// Sends commands, encoded one behind the other, in as few packets as they fit in, and takes their answers.
  /// @throws Error unavailable
  void exchange(std::string_view commands, std::span<Reply> replies, Deadline deadline);

 private:
  struct Disconnect {
    void operator()(redisContext* context) const noexcept { redisFree(context); }
  };

  void wait_for(short events, Deadline deadline);
  void finish_connecting(Deadline deadline);
  void sign_in(const RedisAddress& address, Deadline deadline);
  void send(std::string_view bytes, Deadline deadline);
  Reply receive(Deadline deadline);

  std::unique_ptr<redisContext, Disconnect> context_;
};

}  // namespace lms::redis
