#pragma once

#include <string>
#include <string_view>

namespace lms {

/// What a client calls itself, as one line that can be shown: what came is anything, and as long as a head may be.
std::string device_text(std::string_view sent);

}  // namespace lms
