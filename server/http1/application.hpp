#pragma once

#include <optional>
#include <string_view>

#include <lms/executor.hpp>
#include <lms/http.hpp>

namespace lms::http1 {

/// What the front serves: the calls of `lms::Lms` that a transport needs.
/// All are called by many threads at once.
class Application {
 public:
  virtual ~Application() = default;

  /// Where a request of this head should be handled, and how much body it may bring. Never waits.
  virtual http::Plan plan(const http::Request& head) noexcept = 0;
  /// Answers on the caller's thread, an event loop, if nothing has to wait for it; none otherwise.
  virtual std::optional<http::Response> try_handle(http::Request& request) noexcept = 0;
  /// Answers any request; may wait.
  virtual http::Response handle(http::Request request) noexcept = 0;
  /// Answers any request without waiting; what has to wait does so on a thread of the executor, which outlives the
  /// request. `answer` is called once, on any thread.
  virtual void handle(http::Request request, http::Answer answer, const Executor& executor) noexcept = 0;
  /// The answer to what the front itself refuses. `reason` is stable, `message` is for people. Never waits.
  /// May throw when there is no memory.
  virtual http::Response refuse(int status, std::string_view reason, std::string_view message) = 0;
};

}  // namespace lms::http1
