#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include <lms/http.hpp>

#include "http1/census.hpp"
#include "http1/file_descriptor.hpp"

namespace lms::http1 {

/// Names one exchange, a request and its answer, on one connection. Never used again.
struct Ticket {
  std::uint64_t connection = 0;
  std::uint64_t exchange = 0;
};

/// A client that was just accepted.
struct Arrival {
  FileDescriptor socket;
  std::string peer;
  Census::Seat seat;
};
/// What the application said.
struct Answer {
  Ticket ticket;
  http::Response response;
};
/// The next bytes of an answer that streams; none at its end.
struct Piece {
  Ticket ticket;
  std::unique_ptr<http::BodySource> source;
  std::string bytes;
  bool failed = false;
};
/// The handler waits for more of the request's body.
struct Appetite {
  Ticket ticket;
};
/// There is more to do on a connection that gave way to others.
struct Turn {
  Ticket ticket;
};
/// Close what is idle, and the rest as soon as it is answered.
struct Drain {};
/// Close all.
struct Cut {};

using Message = std::variant<Arrival, Answer, Piece, Appetite, Turn, Drain, Cut>;

/// How other threads talk to an event loop. Thread-safe.
class Mailbox {
 public:
  /// @throws std::system_error if there is no descriptor left.
  Mailbox();

  void post(Message message);
  /// Empties the box.
  std::vector<Message> collect();
  /// Readable while there is something to collect.
  int descriptor() const noexcept { return bell_.get(); }

 private:
  FileDescriptor bell_;
  std::mutex mutex_;
  std::vector<Message> messages_;
};

}  // namespace lms::http1
