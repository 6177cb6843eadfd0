#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <lms/http.hpp>

#include "http1/application.hpp"
#include "http1/body_pipe.hpp"
#include "http1/lanes.hpp"
#include "http1/mailbox.hpp"
#include "http1/options.hpp"
#include "http1/output_queue.hpp"
#include "http1/pace.hpp"
#include "http1/parser.hpp"
#include "http1/response_head.hpp"
#include "http1/timer_wheel.hpp"

namespace lms::http1 {

/// What the connections of one event loop share.
struct Loop {
  Application& application;
  const Http1Options& options;
  Lanes& lanes;
  std::shared_ptr<Mailbox> mailbox;
  TimerWheel wheel;
  DateLine date;
  std::span<char> scratch;  ///< what was read last; between calls it is nobody's
  SteadyTime now;
  bool draining = false;
};

/// One client: reads, has the parser make requests of it, hands them to the application, writes the answers, in order
/// and one at a time. Belongs to one event loop and is called by its thread only; whatever happens, it never waits.
class Connection {
 public:
  Connection(Loop& loop, std::uint64_t id, Arrival arrival);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  std::uint64_t id() const noexcept { return id_; }
  int socket() const noexcept { return socket_.get(); }
  /// Nothing is left to do; to be destroyed.
  bool closed() const noexcept { return closed_; }

  void on_readable();
  void on_writable();
  /// Neither direction works any more.
  void on_hangup();
  void on_deadline();
  void on_answer(Answer given);
  void on_piece(Piece piece);
  void on_appetite(const Ticket& ticket);
  /// Goes on where it gave way to others.
  void on_turn();
  /// Closes now if no request is under way nor has come, else after the answer.
  void drain();
  /// Closes now.
  void cut() noexcept;

 private:
  enum class Reading {
    idle,      ///< between requests
    head,      ///< in the middle of one
    body,      ///< its head is complete, its body is not
    complete,  ///< all of it is there; the next one is not looked at before it is answered
    ended,     ///< no request is read any more; the connection closes once all is sent
    leftovers  ///< all is sent; what still comes is thrown away until the client closes
  };
  enum class Answering {
    nothing,
    application,  ///< a handler has the request
    stream        ///< the head is sent, the body comes in pieces
  };
  // Both go together as follows; where nobody answers a whole request, it is answered before the call returns.
  //
  //   Reading          Answering                       leaves it by
  //   idle, head       nothing                         a byte, a head; the end of all in `drain` and `end_input`
  //   body             nothing: it is collected        its last byte
  //                    application: it goes to a pipe
  //                    stream, or nothing if answered_: the rest is thrown away
  //   complete         application, stream             the end of the answer: idle, or ended
  //   ended            any                             the last byte sent: leftovers, or closed
  //   leftovers        nothing                         the client's end, or a deadline: closed

  void run();

  bool may_parse() const noexcept;
  bool has_pending() const noexcept { return parsed_ < pending_.size(); }
  bool read();
  std::string_view consume(std::string_view bytes);
  void begin_body();
  void move_body();
  void end_message();
  void end_input();

  void dispatch();
  void dispatch_stream();
  void hand_to(Lane& lane, http::Request request);
  void refuse(const Refusal& refusal);
  void answer(http::Response response);
  bool stays_open(const http::Response& response) const;
  Delivery delivery_of(const http::Response& response, bool may_stay) const;
  void pull();
  void end_answer();
  void next_request();

  void send(std::string bytes);
  bool flush();
  bool finish_closing();
  void abandon() noexcept;

  SteadyTime read_deadline() const noexcept;
  SteadyTime write_deadline() const noexcept;
  Ticket ticket() const noexcept { return {id_, exchange_}; }

  Loop& loop_;
  const std::uint64_t id_;
  Census::Seat seat_;
  FileDescriptor socket_;
  const std::string peer_;
  TimerWheel::Timer timer_;

  Parser parser_;
  std::string pending_;     // read, not yet parsed
  std::size_t parsed_ = 0;  // of it, from its front
  OutputQueue output_;

  Reading reading_ = Reading::idle;
  Answering answering_ = Answering::nothing;
  std::uint64_t exchange_ = 0;
  http::Plan plan_;
  bool answered_ = false;  // the current request, at least its head
  bool keep_alive_ = true;
  bool owes_continue_ = false;
  std::string body_;                // of the request, if it is collected
  std::shared_ptr<BodyPipe> pipe_;  // of the request, if it streams
  bool pipe_full_ = false;
  std::unique_ptr<http::BodySource> source_;  // of the answer, if it streams, while nobody pulls
  std::optional<std::uint64_t> source_left_;  // of what Content-Length promised

  bool readable_ = false;  // until a read says otherwise: epoll tells changes only
  bool end_of_input_ = false;
  bool turn_posted_ = false;  // one is on its way: it brings the next
  bool closing_ = false;      // once all is sent
  bool closed_ = false;
  std::size_t leftover_bytes_ = 0;

  SteadyTime phase_started_;  // of idle, head and leftovers
  Pace body_pace_;
  Pace write_pace_;
};

}  // namespace lms::http1
