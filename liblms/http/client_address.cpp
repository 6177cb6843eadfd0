#include "http/client_address.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include <lms/error.hpp>

#include "http/header_text.hpp"

namespace lms {

namespace {

constexpr unsigned all_bits = 128;
constexpr unsigned v4_offset = 96;

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

TrustedProxies::TrustedProxies(const std::vector<std::string>& ranges) {
  for (const std::string& text : ranges) {
    const std::string_view range = text;
    const std::size_t slash = range.find('/');
    const auto base = IpAddress::parse(range.substr(0, slash));
    const unsigned offset = base && base->is_v4() ? v4_offset : 0;
    unsigned bits = all_bits - offset;
    bool readable = base.has_value();
    if (slash != std::string_view::npos) {
      const unsigned most = bits;
      const char* const end = range.data() + range.size();
      const auto [stopped, error] = std::from_chars(range.data() + slash + 1, end, bits);
      readable = readable && error == std::errc() && stopped == end && bits <= most;
    }
    if (!readable)
      throw invalid({"TRUSTED_PROXIES"}, "`" + text + "` is no address or range such as 10.0.0.1 or 10.0.0.0/8",
                    "value_error.address");
    ranges_.push_back({*base, bits + offset});
  }
}

bool TrustedProxies::trusts(const IpAddress& address) const noexcept {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const Range& range) { return range.base.shares_prefix(address, range.bits); });
}

bool TrustedProxies::trusts_peer(const http::Request& request) const {
  if (ranges_.empty()) return false;
  const auto peer = IpAddress::parse(request.peer);
  return peer && trusts(*peer);
}

std::string TrustedProxies::client_address(const http::Request& request) const {
  if (!trusts_peer(request)) return request.peer;
  std::string client = request.peer;
  const std::vector<std::string> route = hops(request.headers);
  for (auto hop = route.rbegin(); hop != route.rend(); ++hop) {
    const auto address = parse_hop(*hop);
    if (!address) break;
    client = address->text();
    if (!trusts(*address)) break;
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
