#include <lms/spi/log_sink.hpp>

#include <lms/spi/clock.hpp>

namespace lms {

LogSink::~LogSink() = default;

void Logger::debug(std::string_view category, std::string_view message, const Object& fields) const {
  write(LogLevel::debug, category, message, fields);
}

void Logger::info(std::string_view category, std::string_view message, const Object& fields) const {
  write(LogLevel::info, category, message, fields);
}

void Logger::warning(std::string_view category, std::string_view message, const Object& fields) const {
  write(LogLevel::warning, category, message, fields);
}

void Logger::error(std::string_view category, std::string_view message, const Object& fields) const {
  write(LogLevel::error, category, message, fields);
}

void Logger::write(LogLevel level, std::string_view category, std::string_view message, const Object& fields) const {
  if (!sink_.wants(level)) return;
  sink_.write({.time = clock_.now(), .level = level, .category = category, .message = message, .fields = fields});
}

}  // namespace lms
