#include "http/client_address.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "http/header_text.hpp"

namespace lms {

namespace {

/// `1.2.3.4`, `1.2.3.4:567`, `::1`, `[::1]`, `[::1]:567`.
std::optional<IpAddress> parse_hop(std::string_view text) {
  if (!text.empty() && text.front() == '[') return IpAddress::parse(text.substr(1, text.find(']') - 1));
  if (std::count(text.begin(), text.end(), ':') == 1) text = text.substr(0, text.find(':'));
  return IpAddress::parse(text);
}

/// The hops that proxies wrote down, nearest last.
std::vector<std::string> hops(const http::Headers& headers) {
  if (headers.find("X-Forwarded-For")) return list_elements(headers, "X-Forwarded-For");
  std::vector<std::string> result;
  for (const std::string& element : list_elements(headers, "Forwarded"))
    result.push_back(parameter(element, "for").value_or(""));
  return result;
}

}  // namespace

TrustedProxies::TrustedProxies(const std::vector<std::string>& ranges) : networks_(ranges, "TRUSTED_PROXIES") {}

bool TrustedProxies::trusts_peer(const http::Request& request) const {
  return networks_.contains(request.peer);
}

std::string TrustedProxies::client_address(const http::Request& request) const {
  if (!trusts_peer(request)) return request.peer;
  std::string client = request.peer;
  const std::vector<std::string> route = hops(request.headers);
  for (auto hop = route.rbegin(); hop != route.rend(); ++hop) {
    const auto address = parse_hop(*hop);
    if (!address) break;
    client = address->text();
    if (!networks_.contains(*address)) break;
  }
  return client;
}

bool TrustedProxies::is_secure(const http::Request& request) const {
  if (request.secure || !trusts_peer(request)) return request.secure;
  const auto protocols = list_elements(request.headers, "X-Forwarded-Proto");
  if (!protocols.empty()) return same_token(protocols.back(), "https");
  const auto forwarded = list_elements(request.headers, "Forwarded");
  return !forwarded.empty() && same_token(parameter(forwarded.back(), "proto").value_or(""), "https");
}

}  // namespace lms
