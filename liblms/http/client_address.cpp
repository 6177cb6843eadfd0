#include "http/client_address.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

#include <lms/error.hpp>

#include "http/header_text.hpp"

namespace lms {

namespace {

constexpr std::array<std::uint8_t, 12> v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
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

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  IpAddress address;
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes_.data()) == 1) return address;
  std::copy(v4_mapped.begin(), v4_mapped.end(), address.bytes_.begin());
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes_.data() + v4_mapped.size()) == 1) return address;
  return std::nullopt;
}

bool IpAddress::is_v4() const noexcept {
  return std::equal(v4_mapped.begin(), v4_mapped.end(), bytes_.begin());
}

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN];
  if (is_v4())
    inet_ntop(AF_INET, bytes_.data() + v4_mapped.size(), buffer, sizeof buffer);
  else
    inet_ntop(AF_INET6, bytes_.data(), buffer, sizeof buffer);
  return buffer;
}

bool IpAddress::shares_prefix(const IpAddress& other, unsigned bits) const noexcept {
  const unsigned whole = bits / 8;
  if (!std::equal(bytes_.begin(), bytes_.begin() + whole, other.bytes_.begin())) return false;
  if (bits % 8 == 0) return true;
  const auto difference = static_cast<unsigned>(bytes_[whole] ^ other.bytes_[whole]);
  return difference >> (8 - bits % 8) == 0;
}

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
