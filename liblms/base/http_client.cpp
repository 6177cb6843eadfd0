#include <lms/spi/http_client.hpp>

#include <algorithm>
#include <array>
#include <initializer_list>

#include <lms/error.hpp>

#include "base/formats.hpp"
#include "base/ip_address.hpp"

namespace lms {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

/// RFC 9110: what methods and names of headers are made of.
bool is_token(std::string_view text) {
  const auto is_part = [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), is_part);
}

bool is_field_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

bool belongs_to_connection(std::string_view name) {
  const std::initializer_list<std::string_view> own = {"Host",    "Content-Length", "Transfer-Encoding", "Connection",
                                                       "Upgrade", "Expect",         "Trailer",           "TE"};
  return std::any_of(own.begin(), own.end(), [&](std::string_view each) { return same_name(each, name); });
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

Error bad(const char* part, std::string fault) {
  return invalid({"request", part}, std::move(fault), "value_error.http_request");
}

void require_sendable(const HttpRequest& request) {
  if (!is_token(request.method)) throw bad("method", "must be the name of a method, such as POST");
  if (!is_ascii(request.url) || !is_url(request.url))
    throw bad("url", "must be an http or https address in ASCII, with a host and without user and password");
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) throw bad("headers", "must have names without blanks, colons and control characters");
    if (!is_field_value(value)) throw bad("headers", "must have no line break or control character in " + name);
    if (belongs_to_connection(name)) throw bad("headers", "must not have " + name + ", which the client sees to");
  }
  if (request.timeout.count() < 1) throw bad("timeout", "must be a millisecond at least");
}

struct Range {
  const char* base;
  unsigned bits;
};

/// IANA's registries of special-purpose addresses, what is globally reachable left out.
constexpr auto not_public_v4 = std::to_array<Range>({
    {"0.0.0.0", 8},        // this network
    {"10.0.0.0", 8},       // private
    {"100.64.0.0", 10},    // shared by carriers
    {"127.0.0.0", 8},      // this machine
    {"169.254.0.0", 16},   // this link; clouds tell their secrets there
    {"172.16.0.0", 12},    // private
    {"192.0.0.0", 24},     // protocols
    {"192.0.2.0", 24},     // examples
    {"192.88.99.0", 24},   // relays of 6to4
    {"192.168.0.0", 16},   // private
    {"198.18.0.0", 15},    // trials
    {"198.51.100.0", 24},  // examples
    {"203.0.113.0", 24},   // examples
    {"224.0.0.0", 4},      // groups
    {"240.0.0.0", 4},      // reserved, and broadcast
});
constexpr Range public_v6{"2000::", 3};
constexpr Range nat64{"64:ff9b::", 96};
constexpr auto not_public_v6 = std::to_array<Range>({
    {"2001::", 23},      // protocols, Teredo with an IPv4 address inside
    {"2001:db8::", 32},  // examples
    {"2002::", 16},      // 6to4, with an IPv4 address inside
    {"3fff::", 20},      // examples
});

bool is_in(const IpAddress& address, const Range& range) {
  const auto base = IpAddress::parse(range.base);
  constexpr unsigned v4_offset = 96;
  return address.shares_prefix(*base, base->is_v4() ? v4_offset + range.bits : range.bits);
}

template <std::size_t N>
bool is_in_any(const IpAddress& address, const std::array<Range, N>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) { return is_in(address, range); });
}

}  // namespace

HttpClient::~HttpClient() = default;

HttpResponse HttpClient::send(const HttpRequest& request) {
  require_sendable(request);
  return perform(request);
}

const std::string* HttpResponse::header(std::string_view name) const noexcept {
  for (const auto& [each, value] : headers)
    if (same_name(each, name)) return &value;
  return nullptr;
}

bool is_public_address(std::string_view text) {
  auto address = IpAddress::parse(text);
  if (!address) return false;
  if (is_in(*address, nat64)) address = address->embedded_v4();
  if (address->is_v4()) return !is_in_any(*address, not_public_v4);
  return is_in(*address, public_v6) && !is_in_any(*address, not_public_v6);
}

}  // namespace lms
