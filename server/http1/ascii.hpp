#pragma once

#include <algorithm>
#include <string_view>

/// The alphabet of HTTP, whatever the locale.
namespace lms::http1 {

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
constexpr bool is_letter(char c) noexcept {
  return lower(c) >= 'a' && lower(c) <= 'z';
}

/// Equal, blind to case.
constexpr bool same_word(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

/// RFC 9110: what names are made of.
constexpr bool is_token(std::string_view text) noexcept {
  constexpr std::string_view others = "-!#$%&'*+.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_digit(c) || is_letter(c) || others.find(c) != std::string_view::npos;
  });
}

/// RFC 3986: what a host, with or without a port, is made of; brackets are IPv6's.
constexpr bool is_host(std::string_view text) noexcept {
  constexpr std::string_view others = ".-:[]_~%!$&'()*+;=";
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_digit(c) || is_letter(c) || others.find(c) != std::string_view::npos; });
}

}  // namespace lms::http1
