#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <lms/export.hpp>

namespace lms {

/// A moment, UTC, in microseconds.
using Time = std::chrono::sys_time<std::chrono::microseconds>;

/// `2026-11-21T08:30:00.000000Z`; the fraction is left out when it is zero.
LMS_API std::string to_iso8601(Time time);

/// Accepts RFC 3339 with `Z` or an offset, up to nine fraction digits (cut to six).
LMS_API std::optional<Time> parse_iso8601(std::string_view text);

}  // namespace lms
