#pragma once

#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "http1/census.hpp"
#include "http1/file_descriptor.hpp"
#include "http1/mailbox.hpp"

namespace lms::http1 {

/// Takes clients in, on a thread of its own, and hands them to the event loops in turn.
class Acceptor {
 public:
  /// `overloaded` is the whole answer to a client for whom the census has no seat.
  Acceptor(FileDescriptor listener, Census& census, std::vector<Mailbox*> loops, std::string overloaded);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  ~Acceptor() { stop(); }

  /// Stops listening; who comes from now on is refused by the kernel.
  void stop();

 private:
  void work();
  bool accept_one();

  FileDescriptor listener_;
  Census& census_;
  const std::vector<Mailbox*> loops_;
  const std::string overloaded_;
  std::size_t next_loop_ = 0;
  FileDescriptor stop_;  // readable once it is time
  std::thread thread_;
};

}  // namespace lms::http1
