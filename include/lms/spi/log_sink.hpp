#pragma once

#include <array>
#include <string>
#include <string_view>

#include <lms/export.hpp>
#include <lms/time.hpp>
#include <lms/value.hpp>

namespace lms {

class Clock;

enum class LogLevel { debug, info, warning, error };
constexpr auto names_of(LogLevel) {
  return std::array<std::string_view, 4>{"debug", "info", "warning", "error"};
}

/// One line of the log.
struct LogEntry {
  Time time;
  LogLevel level = LogLevel::info;
  std::string_view category;  ///< `app`, `tasks`, `security`, `api.access`
  std::string_view message;
  const Object& fields;
};

/// Where log lines go. Thread-safe; must not block for long and must not throw.
class LMS_API LogSink {
 public:
  virtual ~LogSink();
  /// Whether an entry of that level would be kept; asked before an entry is built.
  virtual bool wants(LogLevel level) const noexcept = 0;
  virtual void write(const LogEntry& entry) noexcept = 0;
};

/// Keeps nothing.
class LMS_API NullLogSink final : public LogSink {
 public:
  bool wants(LogLevel) const noexcept override { return false; }
  void write(const LogEntry&) noexcept override {}
};

/// Writes to a sink with the time of a clock; cheap when the level is off. Thread-safe.
class LMS_API Logger {
 public:
  Logger(LogSink& sink, const Clock& clock) : sink_(sink), clock_(clock) {}

  void debug(std::string_view category, std::string_view message, const Object& fields = {}) const;
  void info(std::string_view category, std::string_view message, const Object& fields = {}) const;
  void warning(std::string_view category, std::string_view message, const Object& fields = {}) const;
  void error(std::string_view category, std::string_view message, const Object& fields = {}) const;
  bool wants(LogLevel level) const noexcept { return sink_.wants(level); }

 private:
  void write(LogLevel level, std::string_view category, std::string_view message, const Object& fields) const;

  LogSink& sink_;
  const Clock& clock_;
};

}  // namespace lms
