#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <lms/http.hpp>

#include "http1/head_guard.hpp"

namespace lms::http1 {

/// Why a request is not taken: a status, a stable reason, a sentence for people.
struct Refusal {
  int status = 400;
  std::string_view reason = "bad_request";
  std::string message;
};

/// Bytes to requests, one message at a time: llhttp in its strict mode, and the limits and refusals it leaves to its
/// user.
class Parser {
 public:
  struct Limits {
    std::size_t head_bytes;
    std::size_t header_count;
    std::size_t target_bytes;
  };

  enum class Step {
    hungry,   ///< all bytes are consumed, more are needed
    head,     ///< `request()` has all but its body; call `limit_body` before going on
    message,  ///< the body is complete; call `next` before going on
    refused   ///< `refusal()` says why; nothing can follow
  };

  explicit Parser(const Limits& limits);
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  /// Goes as far as the next step, and takes what it consumed off the front of `bytes`.
  Step feed(std::string_view& bytes);
  /// Makes ready for another message.
  void next();

  /// A byte of the message has come.
  bool started() const noexcept { return guard_.started(); }
  http::Request& request() noexcept { return request_; }
  bool is_head_request() const noexcept { return method_ == "HEAD"; }
  bool keep_alive() const noexcept { return llhttp_should_keep_alive(&llhttp_) != 0; }
  bool is_http_1_1() const noexcept { return llhttp_.http_minor == 1; }
  bool expects_continue() const noexcept { return expects_continue_; }
  bool has_body() const noexcept { return has_body_; }
  /// How much of the body is still to come; none if it comes in chunks.
  std::optional<std::uint64_t> body_left() const noexcept;

  /// Says how many bytes the body may have; false, with a refusal, if it is known to have more.
  bool limit_body(std::size_t max_bytes);
  /// What came of the body since the last call.
  std::string take_body() noexcept;
  const Refusal& refusal() const noexcept { return refusal_; }

 private:
  template <int (Parser::*callback)(std::string_view)>
  static int with_text(llhttp_t* llhttp, const char* text, std::size_t size) {
    return (static_cast<Parser*>(llhttp->data)->*callback)({text, size});
  }
  template <int (Parser::*callback)()>
  static int without_text(llhttp_t* llhttp) {
    return (static_cast<Parser*>(llhttp->data)->*callback)();
  }
  static const llhttp_settings_t& callbacks();

  Step feed_head(std::string_view& bytes);
  Step feed_body(std::string_view& bytes);
  void note_method(std::string_view bytes);
  Step refuse_method();
  llhttp_errno_t execute(std::string_view bytes, std::size_t& consumed);

  int on_target(std::string_view text);
  int on_version_end();
  int on_header_name(std::string_view text);
  int on_header_value(std::string_view text);
  int on_header_end();
  int on_head_end();
  int on_chunk_head();
  int on_body(std::string_view bytes);
  int on_message_end();

  bool take_method();
  bool take_target();
  bool check_host();
  bool check_framing();
  bool check_expectation();
  bool refuse(int status, std::string_view reason, std::string message);
  bool refuse_body();
  bool bad_request(std::string_view fault);
  Step refused_by(llhttp_errno_t error);

  Limits limits_;
  llhttp_t llhttp_;
  HeadGuard guard_;
  http::Request request_;
  enum class MethodState { open, token, malformed };
  MethodState method_state_ = MethodState::open;
  std::string method_;
  bool method_unknown_ = false;  // to llhttp, which can go no further
  std::string header_name_;
  std::string header_value_;
  std::size_t header_count_ = 0;
  bool version_seen_ = false;
  bool in_body_ = false;
  bool chunked_ = false;
  bool has_body_ = false;
  bool expects_continue_ = false;
  std::string body_;
  std::uint64_t max_body_ = 0;
  std::uint64_t body_size_ = 0;  // as Content-Length has it
  std::uint64_t body_bytes_ = 0;
  std::uint64_t framing_bytes_ = 0;  // what chunked coding puts around the body
  bool refused_ = false;
  Refusal refusal_;
};

}  // namespace lms::http1
