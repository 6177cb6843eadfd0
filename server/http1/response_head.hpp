#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include <lms/http.hpp>

namespace lms::http1 {

/// Whether the answer can be put on the wire as it is: a final status, names that are tokens, no CR, LF or NUL in
/// values. What fails would let a client's text end a header and start another.
bool is_sendable(const http::Response& response) noexcept;

/// How the client sees the end of the body.
enum class Framing { none, length, chunked, until_close };

struct Delivery {
  Framing framing = Framing::none;
  std::uint64_t length = 0;  ///< for Framing::length
  bool close = false;        ///< say that the connection ends here
  bool keep_alive = false;   ///< say that it does not: HTTP/1.0 wants to be told
};

/// Status line and headers. The front alone decides on framing and connection: the answer's own words on these are left
/// out.
std::string render_head(const http::Response& response, const Delivery& delivery, std::string_view date_line);

/// The line `Date: …`, made once a second. Used by one thread.
class DateLine {
 public:
  std::string_view at(std::time_t time);

 private:
  std::time_t time_ = -1;
  std::string line_;
};

}  // namespace lms::http1
