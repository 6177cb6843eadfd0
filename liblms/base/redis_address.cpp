#include "base/redis_address.hpp"

#include <charconv>
#include <limits>
#include <system_error>

#include "base/encoding.hpp"

namespace lms {

namespace {

template <class Number>
std::optional<Number> whole(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = error == std::errc{} && end == text.data() + text.size();
  return is_whole ? std::optional(number) : std::nullopt;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Takes `user:password@` from the front of what stands before the path.
bool take_login(std::string_view& text, RedisAddress& address) {
  const std::size_t at = text.substr(0, text.find('/')).rfind('@');
  if (at == std::string_view::npos) return true;
  const std::string_view login = text.substr(0, at);
  text.remove_prefix(at + 1);
  const std::size_t colon = login.find(':');
  const auto user = percent_decode(login.substr(0, colon));
  const auto password = percent_decode(colon == std::string_view::npos ? std::string_view() : login.substr(colon + 1));
  if (!user || !password || password->empty()) return false;  // a user alone opens nothing
  address.user = *user;
  address.password = *password;
  return true;
}

bool read_database(std::string_view text, RedisAddress& address) {
  if (text.empty()) return true;
  const auto database = whole<std::uint32_t>(text);
  if (database) address.database = *database;
  return database.has_value();
}

bool read_port(std::string_view text, RedisAddress& address) {
  const auto port = whole<std::uint16_t>(text);
  if (port) address.port = *port;
  return port && *port > 0;
}

bool read_host(std::string_view text, RedisAddress& address) {
  const bool is_bracketed = text.starts_with('[');
  const std::size_t end = is_bracketed ? text.find(']') : text.find(':');
  if (is_bracketed && end == std::string_view::npos) return false;
  address.host = is_bracketed ? text.substr(1, end - 1) : text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + (is_bracketed ? 1 : 0));
  const bool is_host =
      !address.host.empty() && address.host.find_first_of(std::string_view(" \t\r\n?#\0", 7)) == std::string::npos;
  return is_host && (text.empty() || (text.front() == ':' && read_port(text.substr(1), address)));
}

}  // namespace

std::string RedisAddress::shown() const {
  if (host.empty()) return socket;
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<RedisAddress> parse_redis_address(std::string_view url) {
  RedisAddress address;
  if (take_prefix(url, "unix://")) {
    if (!take_login(url, address) || !url.starts_with('/')) return std::nullopt;
    const std::size_t mark = url.find('?');
    const auto path = percent_decode(url.substr(0, mark));
    std::string_view query = mark == std::string_view::npos ? std::string_view() : url.substr(mark + 1);
    if (!path || (!query.empty() && !take_prefix(query, "db=")) || !read_database(query, address)) return std::nullopt;
    address.socket = *path;
    return address;
  }
  if (!take_prefix(url, "redis://") || !take_login(url, address)) return std::nullopt;
  const std::size_t slash = url.find('/');
  const std::string_view database = slash == std::string_view::npos ? std::string_view() : url.substr(slash + 1);
  if (!read_host(url.substr(0, slash), address) || !read_database(database, address)) return std::nullopt;
  return address;
}

}  // namespace lms
