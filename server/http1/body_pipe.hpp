#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include <lms/error.hpp>
#include <lms/http.hpp>

namespace lms::http1 {

/// Carries a request's body from the event loop, which never waits, to the handler, which does. Thread-safe.
class BodyPipe {
 public:
  /// `ask` is called when the reader first has to wait, and when a full pipe has room again.
  BodyPipe(std::size_t capacity, std::optional<std::uint64_t> size, std::function<void()> ask);

  /// The handler's end. Call once.
  static std::unique_ptr<http::BodySource> reader(std::shared_ptr<BodyPipe> pipe);

  /// False when the pipe is full now: more should wait until it is asked for.
  bool push(std::string bytes);
  void finish();
  /// The reader gets this error, and no later one, once it has read what came before.
  void fail(Error error);
  /// The same with `client_gone`; takes no memory.
  void cut() noexcept;

 private:
  class Reader;

  std::size_t read(std::span<char> buffer);
  void abandon();

  const std::size_t capacity_;
  const std::optional<std::uint64_t> size_;
  const std::function<void()> ask_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> pieces_;
  std::size_t taken_ = 0;     // of the first piece
  std::size_t buffered_ = 0;  // in all pieces, without what is taken
  bool full_ = false;         // the writer was told so, and waits
  bool asked_ = false;
  bool abandoned_ = false;
  bool finished_ = false;
  bool cut_ = false;
  std::optional<Error> error_;
};

}  // namespace lms::http1
