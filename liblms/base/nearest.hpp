#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lms {

/// The candidate that `word` was probably meant to be: at most two letters wrong, missing, extra or swapped.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace lms
