#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lms/spi/log_sink.hpp>

namespace lms::testing {

/// Keeps every line of the log. Thread-safe.
class LogRecorder final : public LogSink {
 public:
  struct Line {
    Time time;
    LogLevel level;
    std::string category;
    std::string message;
    Object fields;
  };

  explicit LogRecorder(LogLevel least = LogLevel::debug) : least_(least) {}

  bool wants(LogLevel level) const noexcept override { return level >= least_; }
  void write(const LogEntry& entry) noexcept override {
    const std::lock_guard lock(mutex_);
    lines_.push_back({entry.time, entry.level, std::string(entry.category), std::string(entry.message), entry.fields});
  }

  std::vector<Line> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  bool has(LogLevel level, std::string_view message) const {
    const std::lock_guard lock(mutex_);
    for (const Line& line : lines_)
      if (line.level == level && line.message == message) return true;
    return false;
  }

 private:
  LogLevel least_;
  mutable std::mutex mutex_;
  std::vector<Line> lines_;
};

}  // namespace lms::testing
