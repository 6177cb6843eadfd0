#include "http/host.hpp"

#include <algorithm>
#include <optional>

#include "http/header_text.hpp"

namespace lms {

namespace {

bool is_port(std::string_view text) noexcept {
  int port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + (c - '0');
    if (port > 65'535) return false;
  }
  return true;  // it may be left out after the colon
}

/// `example.org` of `example.org.:8000`; `[::1]` of `[::1]:8000`; none if the port is none.
std::optional<std::string_view> without_port(std::string_view host) noexcept {
  const std::size_t bracket = host.find(']');
  const std::size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    if (!is_port(host.substr(colon + 1))) return std::nullopt;
    host = host.substr(0, colon);
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool matches(std::string_view host, std::string_view pattern) noexcept {
  if (pattern == "*") return true;
  if (!pattern.starts_with('.')) return same_token(host, pattern);
  if (same_token(host, pattern.substr(1))) return true;
  if (host.size() <= pattern.size()) return false;
  const std::size_t below = host.size() - pattern.size();
  const bool has_empty_label = host.starts_with('.') || host.find("..") < below;
  return !has_empty_label && same_token(host.substr(below), pattern);
}

}  // namespace

std::optional<std::string_view> host_name(std::string_view host) {
  const auto name = without_port(host);
  const bool is_fit = name && !name->empty() && std::all_of(name->begin(), name->end(), [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                               c == '.' || c == '_' || c == ':' || c == '[' || c == ']';
                      });
  return is_fit ? name : std::nullopt;
}

bool is_allowed_host(std::string_view host, const std::vector<std::string>& allowed) {
  const auto name = without_port(host);
  return name && std::any_of(allowed.begin(), allowed.end(),
                             [&](const std::string& pattern) { return matches(*name, pattern); });
}

}  // namespace lms
