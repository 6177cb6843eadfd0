#pragma once

#include <string>
#include <string_view>

namespace lms {

/// Text as it stands between tags and in quoted attributes.
std::string escaped_html(std::string_view text);

}  // namespace lms
