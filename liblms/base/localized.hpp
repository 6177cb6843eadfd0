#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <lms/time.hpp>

/// Times and durations as people of a language write them.
namespace lms {

/// `January 5, 2026 at 9:30 AM UTC`, `5. Januar 2026 um 10:30 MEZ`. An unknown time zone is taken for UTC.
std::string localized(Time time, std::string_view timezone, std::string_view language);
/// `30 minutes`, `2 horas`, `7 Tage`: in the largest unit that tells it whole.
std::string localized(std::chrono::minutes duration, std::string_view language);

}  // namespace lms
