#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <lms/export.hpp>

/// Requests and answers as the library sees them, whatever brings them in.
namespace lms::http {

enum class Method {
  get,
  head,
  post,
  put,
  patch,
  del,
  options,
  other  ///< any that no route can have, `PROPFIND` for one: 405 wherever something answers
};

/// `GET`, `DELETE`, …; `other` for that.
LMS_API std::string_view name(Method method) noexcept;
/// Case-sensitive, as HTTP has it; none for what is not one of the seven.
LMS_API std::optional<Method> parse_method(std::string_view text) noexcept;

/// Header fields in the order they came; names compare blind to ASCII case.
class LMS_API Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  /// The first field of that name.
  const std::string* find(std::string_view name) const noexcept;
  std::size_t count(std::string_view name) const noexcept;
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// Replaces every field of that name.
  void set(std::string_view name, std::string value);

  auto begin() const noexcept { return fields_.begin(); }
  auto end() const noexcept { return fields_.end(); }

 private:
  std::vector<Field> fields_;
};

/// Bytes that are pulled piece by piece. Used by one thread at a time.
class LMS_API BodySource {
 public:
  virtual ~BodySource();
  /// Waits for bytes and returns how many were written to `buffer`; 0 at the end.
  /// @throws Error if the other side went away or broke a limit.
  virtual std::size_t read(std::span<char> buffer) = 0;
  /// The whole length if it is known beforehand.
  virtual std::optional<std::uint64_t> size() const { return std::nullopt; }
};

/// A body that is whole, or one that streams.
using Body = std::variant<std::string, std::unique_ptr<BodySource>>;

struct Request {
  Method method = Method::get;
  std::string target;  ///< path and query as sent, still percent-encoded; starts with `/`
  Headers headers;
  Body body;
  std::string peer;     ///< address of the connection's other end, without port
  bool secure = false;  ///< the connection itself is TLS
};

struct Response {
  int status = 200;
  Headers headers;
  Body body;  ///< a stream is pulled by a thread that may wait
};

/// Takes an answer, once, on whichever thread has it. It returns soon and throws nothing.
using Answer = std::function<void(Response)>;

/// Where a request should be handled.
enum class Lane {
  here,     ///< never waits: on the caller's own thread, even an event loop
  waiting,  ///< may wait for storage: on a thread that may wait, or by the `handle` that does not
  heavy     ///< burns processor time (password hashing): on a small pool of its own
};

/// What a transport needs to know about a request before its body has come.
struct Plan {
  Lane lane = Lane::here;
  bool streams = false;      ///< hand over the body as a source, do not collect it
  std::size_t max_body = 0;  ///< bytes; more is answered with 413 by the transport
};

/// The standard reason phrase, `Status` for an unknown code.
LMS_API std::string_view reason_phrase(int status) noexcept;

}  // namespace lms::http
