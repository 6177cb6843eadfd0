#pragma once

#include <cstdio>
#include <memory>

#include <lms/export.hpp>
#include <lms/settings.hpp>
#include <lms/spi/log_sink.hpp>

namespace lms {

struct LogOptions {
  LogFormat format = LogFormat::text;  ///< `text` for people, `json` with one object a line
  LogLevel level = LogLevel::info;     ///< the least important that is kept
  std::FILE* stream = stderr;          ///< stays open longer than the sink
};

/// A log that never holds up its caller: a thread of its own writes the lines, those of warnings and errors at once,
/// others within 10 ms. When they come faster than the stream takes them, the newest are lost and a line says how many.
/// What is left is written before the sink goes.
LMS_API std::shared_ptr<LogSink> open_log(const LogOptions& options = {});

}  // namespace lms
