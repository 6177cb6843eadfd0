#include "http1/connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <ctime>
#include <utility>
#include <variant>

#include <lms/error.hpp>

#include "http1/ascii.hpp"

namespace lms::http1 {

namespace {

constexpr int rounds_at_once = 16;                 // each a request at most; then other connections have their turn,
constexpr std::chrono::milliseconds turn_time{1};  // earlier if a round was a long one: thousands may be waiting
constexpr std::size_t piece_bytes = 64UL * 1024;   // of an answer that streams
constexpr std::uint64_t discarded_up_to = 256UL * 1024;  // of a body nobody reads, to keep the connection
constexpr std::size_t max_leftover_bytes = 4UL * 1024 * 1024;

bool has_no_body(const http::Response& response) noexcept {
  return response.status == 204 || response.status == 304;
}

std::string hex(std::size_t value) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  return {digits.data(), end};
}

/// Reads once, on a thread that may wait.
Piece next_piece(const Ticket& ticket, std::unique_ptr<http::BodySource> source) {
  Piece piece{ticket, nullptr, {}, false};
  try {
    piece.bytes.resize(piece_bytes);
    piece.bytes.resize(source->read(piece.bytes));
  } catch (...) {  // whatever it is, half an answer is sent and can only be broken off
    piece.bytes.clear();
    piece.failed = true;
  }
  piece.source = std::move(source);
  return piece;
}

}  // namespace

Connection::Connection(Loop& loop, std::uint64_t id, Arrival arrival)
    : loop_(loop),
      id_(id),
      seat_(std::move(arrival.seat)),
      socket_(std::move(arrival.socket)),
      peer_(std::move(arrival.peer)),
      timer_(id),
      parser_({loop.options.max_head_bytes, loop.options.max_header_count, loop.options.max_target_bytes}),
      phase_started_(loop.now),
      body_pace_(loop.options.request_timeout, loop.options.min_bytes_per_second),
      write_pace_(loop.options.write_timeout, loop.options.min_bytes_per_second) {
  loop_.wheel.schedule(timer_, read_deadline());
}

Connection::~Connection() {
  cut();
}

void Connection::on_readable() {
  readable_ = true;
  run();
}

void Connection::on_writable() {
  run();
}

void Connection::on_hangup() {
  cut();
}

void Connection::on_turn() {
  turn_posted_ = false;
  run();
}

void Connection::on_answer(Answer given) {
  if (given.ticket.exchange != exchange_ || answering_ != Answering::application) return;
  answer(std::move(given.response));
  run();
}

void Connection::on_piece(Piece piece) {
  if (piece.ticket.exchange != exchange_ || answering_ != Answering::stream) return;
  const std::size_t size = piece.bytes.size();
  const bool broken = source_left_ && (size > 0 ? size > *source_left_ : *source_left_ > 0);
  if (piece.failed || broken) return cut();
  const bool chunked = !source_left_ && parser_.is_http_1_1();
  if (size == 0) {
    if (chunked) send("0\r\n\r\n");
    end_answer();
  } else {
    if (source_left_) *source_left_ -= size;
    if (chunked) send(hex(size) + "\r\n");
    send(std::move(piece.bytes));
    if (chunked) send("\r\n");
    source_ = std::move(piece.source);
  }
  run();
}

void Connection::on_appetite(const Ticket& ticket) {
  if (ticket.exchange != exchange_) return;
  if (owes_continue_) send("HTTP/1.1 100 Continue\r\n\r\n");
  if (owes_continue_ || pipe_full_) body_pace_.start(loop_.now);  // the client was not the one who kept us waiting
  owes_continue_ = pipe_full_ = false;
  run();
}

void Connection::on_deadline() {
  readable_ = true;  // what came while we were late is in time
  run();
  if (closed_) return;
  if (loop_.now >= write_deadline()) return cut();
  if (loop_.now >= read_deadline()) {
    switch (reading_) {
      case Reading::idle:
      case Reading::leftovers:
        return cut();
      case Reading::head:
      case Reading::body:
        refuse({408, "request_timeout", "The request took too long to arrive."});
        break;
      case Reading::complete:
      case Reading::ended:
        break;
    }
  }
  run();
}

void Connection::drain() {
  readable_ = true;  // a request that has come already is still answered, though nobody has told us of it
  run();
}

void Connection::cut() noexcept {
  if (closed_) return;
  abandon();
  closed_ = true;
}

/// Reads, parses, answers and sends until nothing moves any more.
void Connection::run() {
  const SteadyTime end_of_turn = std::chrono::steady_clock::now() + turn_time;
  for (int round = 0; !closed_; ++round) {
    if (round == rounds_at_once || (round > 1 && std::chrono::steady_clock::now() > end_of_turn)) {
      flush();
      if (!std::exchange(turn_posted_, true)) loop_.mailbox->post(Turn{ticket()});
      break;
    }
    bool moved = read();
    if (!has_pending() || !may_parse()) moved |= flush();  // answers to what came together go together
    moved |= finish_closing();
    pull();
    if (!moved) break;
  }
  if (loop_.draining && reading_ == Reading::idle && !readable_ && !has_pending()) {
    closing_ = true;
    if (output_.empty()) closed_ = true;
  }
  if (!closed_) loop_.wheel.schedule(timer_, std::min(read_deadline(), write_deadline()));
}

bool Connection::may_parse() const noexcept {
  switch (reading_) {
    case Reading::idle:
    case Reading::head:
      return !closing_ && output_.bytes() < loop_.options.buffer_bytes;
    case Reading::body:
      return !pipe_full_;
    case Reading::complete:
    case Reading::ended:
      return false;
    case Reading::leftovers:
      return true;
  }
  return false;
}

bool Connection::read() {
  if (closed_ || end_of_input_ || !may_parse()) return false;
  if (has_pending()) {
    parsed_ = pending_.size() - consume(std::string_view(pending_).substr(parsed_)).size();
    if (!has_pending()) std::string().swap(pending_);  // an idle connection holds no memory for it
    return true;
  }
  if (!readable_) return false;
  const ssize_t size = recv(socket_.get(), loop_.scratch.data(), loop_.scratch.size(), MSG_DONTWAIT);
  if (size > 0) {
    pending_ = consume({loop_.scratch.data(), static_cast<std::size_t>(size)});
    parsed_ = 0;
    return true;
  }
  if (size < 0 && errno == EINTR) return true;
  readable_ = false;
  if (size == 0) {
    end_input();
    return true;
  }
  if (errno != EAGAIN) cut();
  return false;
}

/// Parses one request at most; returns what it did not look at.
std::string_view Connection::consume(std::string_view bytes) {
  if (reading_ == Reading::leftovers) {
    leftover_bytes_ += bytes.size();
    if (leftover_bytes_ > max_leftover_bytes) cut();
    return {};
  }
  while (may_parse()) {
    switch (parser_.feed(bytes)) {
      case Parser::Step::hungry:
        if (reading_ == Reading::body) move_body();
        if (reading_ == Reading::idle && parser_.started()) {
          reading_ = Reading::head;
          phase_started_ = loop_.now;
        }
        return {};
      case Parser::Step::head:
        begin_body();
        break;
      case Parser::Step::message:
        end_message();
        return bytes;
      case Parser::Step::refused:
        refuse(parser_.refusal());
        break;
    }
  }
  return bytes;
}

void Connection::begin_body() {
  reading_ = Reading::body;
  body_pace_.start(loop_.now);
  keep_alive_ = parser_.keep_alive();
  http::Request& request = parser_.request();
  request.peer = peer_;
  plan_ = loop_.application.plan(request);
  if (!parser_.limit_body(plan_.max_body)) return refuse(parser_.refusal());
  owes_continue_ = parser_.expects_continue() && parser_.has_body();
  if (plan_.streams) {
    dispatch_stream();
  } else if (std::exchange(owes_continue_, false)) {
    send("HTTP/1.1 100 Continue\r\n\r\n");
  }
}

void Connection::move_body() {
  std::string bytes = parser_.take_body();
  if (bytes.empty()) return;
  body_pace_.moved(bytes.size(), loop_.now);
  owes_continue_ = false;  // it did not wait
  if (answered_) return;
  if (pipe_) {
    pipe_full_ = !pipe_->push(std::move(bytes));
  } else if (body_.empty()) {
    body_ = std::move(bytes);
  } else {
    body_ += bytes;
  }
}

void Connection::end_message() {
  move_body();
  reading_ = Reading::complete;
  if (answered_) {
    if (answering_ == Answering::nothing) next_request();
  } else if (pipe_) {
    pipe_->finish();
  } else {
    dispatch();
  }
}

void Connection::end_input() {
  end_of_input_ = true;
  if (reading_ == Reading::leftovers) {
    closed_ = true;
  } else if (answering_ == Answering::stream) {
    reading_ = Reading::ended;  // the rest of its body will not come; the answer may still be wanted
    keep_alive_ = false;
  } else {
    abandon();
    closing_ = true;
  }
}

void Connection::dispatch() {
  http::Request request = std::move(parser_.request());
  request.body = std::exchange(body_, {});
  if (plan_.lane == http::Lane::here) {
    if (std::optional<http::Response> response = loop_.application.try_handle(request)) {
      return answer(std::move(*response));
    }
  }
  if (plan_.lane == http::Lane::heavy) return hand_to(loop_.lanes.heavy, std::move(request));
  answering_ = Answering::application;
  loop_.application.handle(
      std::move(request),
      [mailbox = loop_.mailbox, ticket = ticket()](http::Response response) {
        mailbox->post(http1::Answer{ticket, std::move(response)});
      },
      loop_.lanes.run_waiting);
}

void Connection::dispatch_stream() {
  http::Request request = std::move(parser_.request());
  pipe_ = std::make_shared<BodyPipe>(loop_.options.buffer_bytes, parser_.body_left(),
                                     [mailbox = loop_.mailbox, ticket = ticket()] { mailbox->post(Appetite{ticket}); });
  request.body = BodyPipe::reader(pipe_);
  hand_to(loop_.lanes.uploads, std::move(request));
}

void Connection::hand_to(Lane& lane, http::Request request) {
  answering_ = Answering::application;
  const bool room = lane.post(Task([mailbox = loop_.mailbox, ticket = ticket(), &application = loop_.application,
                                    request = std::move(request)]() mutable {
    mailbox->post(Answer{ticket, application.handle(std::move(request))});
  }));
  if (room) return;
  http::Response busy = loop_.application.refuse(503, "overloaded", "The server is busy; try again in a moment.");
  busy.headers.set("Retry-After", "1");
  answer(std::move(busy));
}

void Connection::refuse(const Refusal& refusal) {
  if (answering_ == Answering::stream) return cut();
  const bool too_late = answered_;
  if (pipe_) pipe_->fail(unavailable(std::string(refusal.reason), refusal.message));
  abandon();
  keep_alive_ = false;
  if (too_late) {
    closing_ = true;
  } else {
    answer(loop_.application.refuse(refusal.status, refusal.reason, refusal.message));
  }
}

void Connection::answer(http::Response response) {
  if (!is_sendable(response)) {
    response = loop_.application.refuse(500, "internal", "The answer could not be sent.");
  }
  auto* text = std::get_if<std::string>(&response.body);
  source_ = text ? nullptr : std::move(std::get<std::unique_ptr<http::BodySource>>(response.body));
  source_left_ = source_ ? source_->size() : std::nullopt;
  const Delivery delivery = delivery_of(response, keep_alive_ && stays_open(response));
  keep_alive_ = !delivery.close;

  answered_ = true;
  if (pipe_) pipe_->cut();  // a handler that kept the body must not wait for it
  pipe_full_ = owes_continue_ = false;
  if (!keep_alive_ && reading_ == Reading::body) reading_ = Reading::ended;

  const bool head_only = parser_.is_head_request() || has_no_body(response);
  send(render_head(response, delivery, loop_.date.at(std::time(nullptr))));
  if (text && !head_only) send(std::move(*text));

  if (source_ && !head_only) {
    answering_ = Answering::stream;
  } else {
    end_answer();
  }
}

/// `may_stay`: nothing but the body's framing can end the connection with this answer.
Delivery Connection::delivery_of(const http::Response& response, bool may_stay) const {
  Delivery delivery;
  if (const auto* text = std::get_if<std::string>(&response.body)) {
    delivery.framing = Framing::length;
    delivery.length = text->size();
  } else if (!source_ || source_left_) {
    delivery.framing = Framing::length;
    delivery.length = source_left_.value_or(0);
  } else {
    delivery.framing = parser_.is_http_1_1() ? Framing::chunked : Framing::until_close;
  }
  const bool unknown_length = parser_.is_head_request() && delivery.length == 0;
  if (has_no_body(response) || unknown_length) delivery.framing = Framing::none;
  delivery.close = !may_stay || delivery.framing == Framing::until_close;
  delivery.keep_alive = !delivery.close && !parser_.is_http_1_1();
  return delivery;
}

/// Whether another request may follow this answer, as far as the answer and the rest of the body have a say.
bool Connection::stays_open(const http::Response& response) const {
  if (loop_.draining || end_of_input_) return false;
  const std::string* wish = response.headers.find("Connection");
  if (wish && same_word(*wish, "close")) return false;
  if (reading_ != Reading::body) return true;
  const std::optional<std::uint64_t> left = parser_.body_left();
  return !owes_continue_ && left && *left <= discarded_up_to;
}

void Connection::pull() {
  if (closed_ || !source_ || output_.bytes() >= loop_.options.buffer_bytes) return;
  loop_.lanes.waiting.post_more(
      Task([mailbox = loop_.mailbox, ticket = ticket(), source = std::move(source_)]() mutable {
        mailbox->post(next_piece(ticket, std::move(source)));
      }));
}

void Connection::end_answer() {
  answering_ = Answering::nothing;
  source_.reset();
  if (!keep_alive_) {
    closing_ = true;
    reading_ = Reading::ended;
  } else if (reading_ == Reading::complete) {
    next_request();
  }
}

void Connection::next_request() {
  ++exchange_;
  parser_.next();
  pipe_.reset();
  body_.clear();
  answered_ = owes_continue_ = false;
  reading_ = Reading::idle;
  phase_started_ = loop_.now;
}

/// Lets go of the request and of whoever works for it.
void Connection::abandon() noexcept {
  ++exchange_;
  if (pipe_) pipe_->cut();
  pipe_.reset();
  source_.reset();
  answering_ = Answering::nothing;
  reading_ = Reading::ended;
}

void Connection::send(std::string bytes) {
  if (output_.empty()) write_pace_.start(loop_.now);
  output_.push(std::move(bytes));
}

bool Connection::flush() {
  if (closed_ || output_.empty()) return false;
  const std::size_t before = output_.bytes();
  if (output_.flush(socket_.get()) == OutputQueue::Result::broken) {
    cut();
    return false;
  }
  const std::size_t sent = before - output_.bytes();
  if (sent > 0) write_pace_.moved(sent, loop_.now);
  if (output_.empty() && (reading_ == Reading::idle || reading_ == Reading::head)) phase_started_ = loop_.now;
  return sent > 0;
}

/// Closing at once could make the kernel throw away the answer if the client still sends. So it is told that nothing
/// more comes, and has a moment to close its end first.
bool Connection::finish_closing() {
  const bool done = closing_ && output_.empty() && answering_ == Answering::nothing;
  if (closed_ || !done || reading_ == Reading::leftovers) return false;
  if (end_of_input_) {
    closed_ = true;
    return false;
  }
  shutdown(socket_.get(), SHUT_WR);
  reading_ = Reading::leftovers;
  phase_started_ = loop_.now;
  return true;
}

SteadyTime Connection::read_deadline() const noexcept {
  switch (reading_) {
    case Reading::idle:
      return output_.empty() ? phase_started_ + loop_.options.idle_timeout : never;
    case Reading::head:
      return output_.empty() ? phase_started_ + loop_.options.head_timeout : never;
    case Reading::body:
      return pipe_full_ || owes_continue_ ? never : body_pace_.deadline();
    case Reading::complete:
    case Reading::ended:
      return never;
    case Reading::leftovers:
      return phase_started_ + loop_.options.linger_timeout;
  }
  return never;
}

SteadyTime Connection::write_deadline() const noexcept {
  return output_.empty() ? never : write_pace_.deadline();
}

}  // namespace lms::http1
