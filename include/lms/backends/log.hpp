#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>

#include <lms/export.hpp>
#include <lms/settings.hpp>
#include <lms/spi/log_sink.hpp>

namespace lms {

struct LogOptions {
  LogFormat format = LogFormat::text;  ///< `text` for people, `json` with one object a line
  LogLevel level = LogLevel::info;     ///< the least important that is kept
  std::FILE* stream = stderr;          ///< stays open longer than the sink
  /// The lines go into files of this folder instead, each category into one: `app.log`, `tasks.log`, `security.log`,
  /// `access.log`. While one cannot be written its lines go to `stream`. Empty: all go to `stream`.
  std::string folder = {};
  std::size_t file_bytes =
      10UL * 1024 * 1024;      ///< of a file; then it becomes `app.1.log` and so on, and a new one begins
  std::size_t old_files = 30;  ///< so many old ones of each category are kept
};

/// A log that never holds up its caller: a thread of its own writes the lines, those of warnings and errors at once,
/// others within 10 ms. When they come faster than they can be written, the newest are lost and a line says how many;
/// warnings and errors find room when others no longer do. Each file has a thread of its own, so one that hangs holds
/// up no other. What is left is written before the sink goes.
/// @throws Error unavailable `log_unwritable` if the folder cannot be made or written.
LMS_API std::shared_ptr<LogSink> open_log(const LogOptions& options = {});

}  // namespace lms
