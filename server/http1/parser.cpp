#include "http1/parser.hpp"

#include <algorithm>
#include <utility>

#include "http1/ascii.hpp"

namespace lms::http1 {

namespace {

// Chunked coding may cost this much beside the body: enough for chunks of a single byte, too little to send nothing for
// ever.
constexpr std::uint64_t framing_allowance = 16UL * 1024;
constexpr std::uint64_t framing_per_body_byte = 8;

// Longer than any that is registered. RFC 9112, 3: a method longer than any that is known is not implemented.
constexpr std::size_t longest_method = 32;

constexpr int stop = -1;

bool is_of_rtsp(int method) noexcept {
  return method >= HTTP_DESCRIBE && method <= HTTP_FLUSH;
}

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

/// The length of `http://` or `https://` at the front of the text, 0 if neither is there.
std::size_t scheme_length(std::string_view target) noexcept {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (same_word(target.substr(0, scheme.size()), scheme)) return scheme.size();
  }
  return 0;
}

}  // namespace

Parser::Parser(const Limits& limits) : limits_(limits), guard_(limits.head_bytes) {
  next();
}

void Parser::next() {
  llhttp_init(&llhttp_, HTTP_REQUEST, &callbacks());
  llhttp_.data = this;
  guard_ = HeadGuard(limits_.head_bytes);
  request_ = http::Request();
  method_.clear();
  method_state_ = MethodState::open;
  method_unknown_ = false;
  header_name_.clear();
  header_value_.clear();
  header_count_ = 0;
  version_seen_ = in_body_ = chunked_ = has_body_ = expects_continue_ = refused_ = false;
  body_.clear();
  max_body_ = body_size_ = body_bytes_ = framing_bytes_ = 0;
}

Parser::Step Parser::feed(std::string_view& bytes) {
  if (refused_) return Step::refused;
  return in_body_ ? feed_body(bytes) : feed_head(bytes);
}

Parser::Step Parser::feed_head(std::string_view& bytes) {
  const std::string_view good = bytes.substr(0, guard_.scan(bytes));
  note_method(good);
  std::size_t consumed = 0;
  const llhttp_errno_t error = method_unknown_ ? HPE_INVALID_METHOD : execute(good, consumed);
  if (error == HPE_INVALID_METHOD) {
    method_unknown_ = true;
    consumed = good.size();
  }
  bytes.remove_prefix(consumed);
  if (error == HPE_PAUSED) {
    in_body_ = true;
    llhttp_resume(&llhttp_);
    return Step::head;
  }
  if (method_unknown_ && method_state_ != MethodState::open) return refuse_method();
  if (error != HPE_OK && !method_unknown_) return refused_by(error);
  if (guard_.too_long()) {
    refuse(431, "header_fields_too_large",
           "The request's head is longer than " + std::to_string(limits_.head_bytes) + " bytes.");
  } else if (!guard_.fault().empty()) {
    bad_request(guard_.fault());
  } else if (guard_.lines() > 0 && !version_seen_) {
    bad_request("it names no version of HTTP");
  } else if (guard_.complete()) {
    bad_request("its head has no end");
  }
  return refused_ ? Step::refused : Step::hungry;
}

Parser::Step Parser::feed_body(std::string_view& bytes) {
  const std::uint64_t body_before = body_bytes_;
  std::size_t consumed = 0;
  const llhttp_errno_t error = execute(bytes, consumed);
  bytes.remove_prefix(consumed);
  framing_bytes_ += consumed - std::min<std::uint64_t>(consumed, body_bytes_ - body_before);
  if (error != HPE_OK && error != HPE_PAUSED) return refused_by(error);
  if (framing_bytes_ > framing_allowance + framing_per_body_byte * body_bytes_) {
    bad_request("its chunks are mostly framing");
    return Step::refused;
  }
  return error == HPE_PAUSED ? Step::message : Step::hungry;
}

llhttp_errno_t Parser::execute(std::string_view bytes, std::size_t& consumed) {
  const llhttp_errno_t error = llhttp_execute(&llhttp_, bytes.data(), bytes.size());
  if (error == HPE_OK) {
    consumed = bytes.size();
  } else if (const char* stopped_at = llhttp_get_error_pos(&llhttp_)) {
    consumed = static_cast<std::size_t>(stopped_at - bytes.data());
  }
  return error;
}

std::optional<std::uint64_t> Parser::body_left() const noexcept {
  if (chunked_) return std::nullopt;
  return body_size_ - body_bytes_;
}

bool Parser::limit_body(std::size_t max_bytes) {
  max_body_ = max_bytes;
  return body_size_ <= max_body_ || refuse_body();
}

std::string Parser::take_body() noexcept {
  return std::exchange(body_, {});
}

int Parser::on_target(std::string_view text) {
  if (request_.target.size() + text.size() > limits_.target_bytes) {
    refuse(414, "target_too_long",
           "The request's target is longer than " + std::to_string(limits_.target_bytes) + " bytes.");
    return stop;
  }
  request_.target += text;
  return HPE_OK;
}

int Parser::on_version_end() {
  version_seen_ = true;
  return HPE_OK;
}

int Parser::on_header_name(std::string_view text) {
  if (!in_body_) header_name_ += text;
  return HPE_OK;
}

int Parser::on_header_value(std::string_view text) {
  if (!in_body_) header_value_ += text;
  return HPE_OK;
}

int Parser::on_header_end() {
  if (in_body_) return HPE_OK;  // trailers say nothing that is used here
  if (++header_count_ > limits_.header_count) {
    refuse(431, "header_fields_too_large",
           "The request has more than " + std::to_string(limits_.header_count) + " headers.");
    return stop;
  }
  while (!header_value_.empty() && is_blank(header_value_.back())) header_value_.pop_back();
  request_.headers.add(std::exchange(header_name_, {}), std::exchange(header_value_, {}));
  return HPE_OK;
}

int Parser::on_head_end() {
  llhttp_.upgrade = 0;  // no other protocol is spoken here
  const bool good = take_method() && check_host() && take_target() && check_framing() && check_expectation();
  return good ? HPE_PAUSED : stop;
}

int Parser::on_chunk_head() {
  return llhttp_.content_length <= max_body_ - body_bytes_ || refuse_body() ? HPE_OK : stop;
}

int Parser::on_body(std::string_view bytes) {
  body_ += bytes;
  body_bytes_ += bytes.size();
  return HPE_OK;
}

int Parser::on_message_end() {
  return HPE_PAUSED;
}

/// llhttp gives up on a method that it does not know before it is complete; its name is told to the client.
void Parser::note_method(std::string_view bytes) {
  for (const char c : bytes) {
    if (method_state_ != MethodState::open) return;
    if (method_.empty() && (c == '\r' || c == '\n')) continue;  // empty lines may stand before it
    if (c == ' ' || method_.size() == longest_method)
      method_state_ = MethodState::token;
    else if (is_token({&c, 1}))
      method_ += c;
    else
      method_state_ = MethodState::malformed;
  }
}

Parser::Step Parser::refuse_method() {
  if (method_state_ == MethodState::token)
    refuse(501, "method_not_implemented", "There is no method " + method_ + " here.");
  else
    bad_request("its method is none");
  return Step::refused;
}

/// A method that only others know is refused where its path is: there it is known which ones would do. CONNECT has no
/// path, and those of RTSP mean nothing in HTTP.
bool Parser::take_method() {
  if (llhttp_.http_major != 1) return bad_request("it names no version of HTTP");
  if (llhttp_.method == HTTP_CONNECT || is_of_rtsp(llhttp_.method)) {
    refuse_method();
    return false;
  }
  request_.method = http::parse_method(method_).value_or(http::Method::other);
  return true;
}

bool Parser::check_host() {
  const std::size_t hosts = request_.headers.count("Host");
  if (hosts > 1) return bad_request("it names more than one host");
  if (hosts == 0) return is_http_1_1() ? bad_request("it names no host") : true;
  const std::string& host = *request_.headers.find("Host");
  return is_host(host) || bad_request("its host is none");
}

bool Parser::take_target() {
  std::string& target = request_.target;
  if (const std::size_t scheme = scheme_length(target)) {
    const std::size_t end = std::min(target.find_first_of("/?", scheme), target.size());
    const std::string authority = target.substr(scheme, end - scheme);
    if (authority.empty() || !is_host(authority)) return bad_request("its target is none");
    request_.headers.set("Host", authority);
    target.erase(0, end);
    if (target.empty() || target.front() != '/') target.insert(0, 1, '/');
  }
  const bool good = target.front() == '/' && target.find('#') == std::string::npos;
  return good || bad_request("its target is none");
}

bool Parser::check_framing() {
  const http::Headers& headers = request_.headers;
  const std::size_t codings = headers.count("Transfer-Encoding");
  const std::size_t lengths = headers.count("Content-Length");
  if (codings + lengths > 1) return bad_request("its length is told in more than one way");
  if (codings == 1) {
    if (!is_http_1_1()) return bad_request("HTTP/1.0 has no transfer codings");
    if (!same_word(*headers.find("Transfer-Encoding"), "chunked")) {
      return refuse(501, "transfer_coding_not_implemented", "Chunked is the only transfer coding here.");
    }
    if (!(llhttp_.flags & F_CHUNKED)) return bad_request("its transfer coding is unclear");
    chunked_ = has_body_ = true;
  }
  if (lengths == 1) {
    const std::string& length = *headers.find("Content-Length");
    const bool number = !length.empty() && std::all_of(length.begin(), length.end(), is_digit);
    if (!number || !(llhttp_.flags & F_CONTENT_LENGTH)) return bad_request("its length is no number");
    body_size_ = llhttp_.content_length;
    has_body_ = body_size_ > 0;
  }
  return true;
}

bool Parser::check_expectation() {
  const std::size_t expectations = request_.headers.count("Expect");
  if (expectations == 0 || !is_http_1_1()) return true;
  expects_continue_ = expectations == 1 && same_word(*request_.headers.find("Expect"), "100-continue");
  return expects_continue_ || refuse(417, "expectation_failed", "100-continue is the only expectation met here.");
}

bool Parser::refuse(int status, std::string_view reason, std::string message) {
  refused_ = true;
  refusal_ = {status, reason, std::move(message)};
  return false;
}

bool Parser::refuse_body() {
  return refuse(413, "body_too_large", "The request's body is longer than " + std::to_string(max_body_) + " bytes.");
}

bool Parser::bad_request(std::string_view fault) {
  return refuse(400, "bad_request", "The request is not well-formed HTTP: " + std::string(fault) + ".");
}

Parser::Step Parser::refused_by(llhttp_errno_t error) {
  if (refused_) return Step::refused;  // by one of the callbacks above
  if (is_of_rtsp(llhttp_.method)) return refuse_method();
  if (error == HPE_INVALID_VERSION) {
    refuse(505, "version_not_supported", "HTTP/1.1 and HTTP/1.0 are spoken here.");
  } else {
    const char* fault = llhttp_get_error_reason(&llhttp_);
    bad_request(fault && *fault ? fault : llhttp_errno_name(error));
  }
  return Step::refused;
}

const llhttp_settings_t& Parser::callbacks() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_url = with_text<&Parser::on_target>;
    s.on_version_complete = without_text<&Parser::on_version_end>;
    s.on_header_field = with_text<&Parser::on_header_name>;
    s.on_header_value = with_text<&Parser::on_header_value>;
    s.on_header_value_complete = without_text<&Parser::on_header_end>;
    s.on_headers_complete = without_text<&Parser::on_head_end>;
    s.on_chunk_header = without_text<&Parser::on_chunk_head>;
    s.on_body = with_text<&Parser::on_body>;
    s.on_message_complete = without_text<&Parser::on_message_end>;
    return s;
  }();
  return settings;
}

}  // namespace lms::http1
