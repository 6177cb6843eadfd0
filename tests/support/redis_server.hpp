#pragma once

#include <csignal>
#include <cstdint>
#include <string>

#include "support/scratch_folder.hpp"

namespace lms::testing {

/// A Redis of its own on loopback, that can be stopped, paused and started again. It keeps nothing.
class RedisServer {
 public:
  explicit RedisServer(std::string password = "");
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  std::string url(const std::string& password = "") const;
  /// Starts it on the port it had before, and waits until it answers.
  void start();
  /// Ends it at once, as a crash does.
  void kill();
  /// It accepts connections and answers nothing.
  void pause() const;
  void resume() const;

 private:
  ScratchFolder folder_;
  const std::string password_;
  std::uint16_t port_;
  pid_t process_ = 0;
};

}  // namespace lms::testing
