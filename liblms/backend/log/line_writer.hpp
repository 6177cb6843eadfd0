#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <spdlog/sinks/sink.h>

namespace lms {

/// A thread that writes lines, many at a time: it looks for them a hundred times a second, so that the callers need not
/// wake it for each. Thread-safe.
class LineWriter {
 public:
  explicit LineWriter(std::shared_ptr<spdlog::sinks::sink> sink);
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;
  /// Returns when everything is written.
  ~LineWriter();

  /// Never waits for the sink. An urgent line is written without delay, and those before it.
  /// Returns how many lines before this one were lost, for the sink was too slow, and not told of yet.
  std::size_t put(std::string_view line, bool urgent);

 private:
  void run();
  void write(std::string_view lines) noexcept;

  const std::shared_ptr<spdlog::sinks::sink> sink_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string pending_;
  std::size_t lost_ = 0;
  bool idle_ = false;  // the thread waits for a first line
  bool urgent_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace lms
