#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lms/backends/redis.hpp>
#include <lms/error.hpp>

#include "backend/redis/connection.hpp"

namespace lms {

/// A few connections that all share. Who comes while all are busy waits in a queue, and the next connection that is
/// free takes along whatever has gathered there: the more there is to do, the less each costs. No thread of its own.
///
/// Nobody waits longer than the timeout. After a failure all are refused at once for a while, and then one at a time
/// tries whether Redis is back.
class Redis {
 public:
  using Reply = redis::Reply;

  /// Text that Redis runs, and the name it gives to it.
  struct Script {
    std::string text;
    std::string digest;  ///< empty: Redis was not asked yet
    std::mutex mutex = {};
  };

  explicit Redis(RedisOptions options);

  /// Connects now, so that what is wrong with the options is told at once. @throws as `open_redis`
  void connect();
  /// The answer to a command; never an error. @throws Error unavailable
  Reply run(std::span<const std::string_view> command);
  Reply run(std::initializer_list<std::string_view> command) { return run(std::span(command.begin(), command.size())); }
  /// Runs the script; `arguments` begins with the number of keys. @throws Error unavailable
  Reply run(Script& script, std::span<const std::string_view> arguments);

  const std::string& prefix() const noexcept { return options_.prefix; }

 private:
  /// A command that waits for its answer. `taken`: some thread is about to get it.
  struct Pending {
    std::string command;
    redis::Deadline deadline;
    Reply reply = {};
    std::exception_ptr failure = {};
    std::condition_variable wake = {};
    bool taken = false;
    bool done = false;
  };
  using Batch = std::vector<Pending*>;
  using Lock = std::unique_lock<std::mutex>;

  Reply ask(std::string command);
  void admit();
  void wake_next();
  void serve(Lock& lock);
  void exchange(std::unique_ptr<redis::Connection>& connection, const Batch& batch, redis::Deadline deadline) const;
  void fail(const std::string& cause, bool is_trial);
  static void finish(const Batch& batch, const std::exception_ptr& failure);
  Error outage(const std::string& cause) const;

  const RedisOptions options_;
  const RedisAddress address_;
  std::mutex mutex_;
  std::deque<Pending*> queue_;
  std::vector<std::unique_ptr<redis::Connection>> idle_;
  std::size_t busy_ = 0;  ///< connections
  bool failing_ = false;
  std::string last_failure_;
  redis::Deadline next_try_;
  std::chrono::milliseconds pause_;
};

}  // namespace lms
