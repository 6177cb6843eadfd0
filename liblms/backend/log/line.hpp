#pragma once

#include <string>

#include <lms/spi/log_sink.hpp>

namespace lms {

/// `2024-01-15 10:30:00 INFO  POST /api/v1/courses status=201 duration=0.123s`
std::string text_line(const LogEntry& entry);

/// `{"time":"2024-01-15T10:30:00Z","level":"INFO","logger":"app","message":"…", …fields}`
std::string json_line(const LogEntry& entry);

}  // namespace lms
