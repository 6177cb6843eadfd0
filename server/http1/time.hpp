#pragma once

#include <chrono>

namespace lms::http1 {

using SteadyTime = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

constexpr SteadyTime never = SteadyTime::max();

}  // namespace lms::http1
