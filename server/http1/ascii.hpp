#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
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

/// A set of characters: letters, digits and `others`.
class CharacterSet {
 public:
  explicit constexpr CharacterSet(std::string_view others) {
    for (std::size_t c = 0; c < members_.size(); ++c) {
      const char character = static_cast<char>(c);
      members_[c] = is_digit(character) || is_letter(character) || others.find(character) != std::string_view::npos;
    }
  }
  constexpr bool has_all(std::string_view text) const noexcept {
    return std::all_of(text.begin(), text.end(), [&](char c) { return members_[static_cast<unsigned char>(c)]; });
  }

 private:
  std::array<bool, 256> members_{};
};

/// RFC 9110: what names are made of.
constexpr bool is_token(std::string_view text) noexcept {
  constexpr CharacterSet characters("-!#$%&'*+.^_`|~");
  return !text.empty() && characters.has_all(text);
}

/// RFC 3986: what a host, with or without a port, is made of; brackets are IPv6's.
constexpr bool is_host(std::string_view text) noexcept {
  constexpr CharacterSet characters(".-:[]_~%!$&'()*+;=");
  return characters.has_all(text);
}

}  // namespace lms::http1
