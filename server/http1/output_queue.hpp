#pragma once

#include <cstddef>
#include <deque>
#include <string>

namespace lms::http1 {

/// Bytes on their way to a client.
class OutputQueue {
 public:
  enum class Result {
    sent,     ///< all is with the kernel
    blocked,  ///< the client has to take some first
    broken    ///< the client is gone
  };

  void push(std::string bytes);
  /// Sends what the socket takes now. Never waits, never raises SIGPIPE.
  Result flush(int socket);

  bool empty() const noexcept { return parts_.empty(); }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  void drop(std::size_t count);

  std::deque<std::string> parts_;
  std::size_t sent_ = 0;   // of the first part
  std::size_t bytes_ = 0;  // unsent ones, of all parts
};

}  // namespace lms::http1
