#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lms {

/// Whether a `Host` field names a host the school answers to: `*` allows any, `.example.org` that name and all below
/// it. The port does not matter.
bool is_allowed_host(std::string_view host, const std::vector<std::string>& allowed);

/// The name in a `Host` field, `example.org` of `example.org.:8000`, fit to stand in a URL; none if it is not.
std::optional<std::string_view> host_name(std::string_view host);

}  // namespace lms
