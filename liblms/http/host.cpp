#include "http/host.hpp"

#include <algorithm>

#include "http/header_text.hpp"

namespace lms {

namespace {

/// `example.org` of `example.org.:8000`; `[::1]` of `[::1]:8000`.
std::string_view without_port(std::string_view host) noexcept {
  const std::size_t bracket = host.find(']');
  host = bracket != std::string_view::npos ? host.substr(0, bracket + 1) : host.substr(0, host.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool matches(std::string_view host, std::string_view pattern) noexcept {
  if (pattern == "*") return true;
  if (!pattern.starts_with('.')) return same_token(host, pattern);
  if (same_token(host, pattern.substr(1))) return true;
  return host.size() > pattern.size() && same_token(host.substr(host.size() - pattern.size()), pattern);
}

}  // namespace

bool is_allowed_host(std::string_view host, const std::vector<std::string>& allowed) {
  const std::string_view name = without_port(host);
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](const std::string& pattern) { return matches(name, pattern); });
}

}  // namespace lms
