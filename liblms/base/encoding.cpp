#include "base/encoding.hpp"

#include <algorithm>
#include <array>

namespace lms {

namespace {

constexpr std::string_view base32_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

constexpr std::string_view lower_digits = "0123456789abcdef";
constexpr std::string_view upper_digits = "0123456789ABCDEF";
constexpr std::string_view standard_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The byte written as two hex digits, or -1.
constexpr int hex_byte(char high, char low) {
  const int h = hex_value(high);
  const int l = hex_value(low);
  return h < 0 || l < 0 ? -1 : h * 16 + l;
}

constexpr std::uint8_t no_value = 0xFF;

using Values = std::array<std::uint8_t, 256>;

constexpr Values values_of(std::string_view alphabet) {
  Values values{};
  for (auto& value : values) value = no_value;
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    values[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return values;
}
constexpr auto standard_values = values_of(standard_alphabet);
constexpr auto url_values = values_of(url_alphabet);

std::string encode64(std::string_view bytes, std::string_view alphabet) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t window = 0;
  unsigned bits = 0;
  for (const char byte : bytes) {
    window = (window << 8U) | static_cast<std::uint8_t>(byte);
    for (bits += 8; bits >= 6; bits -= 6) text += alphabet[(window >> (bits - 6)) & 0x3FU];
  }
  if (bits > 0) text += alphabet[(window << (6 - bits)) & 0x3FU];
  return text;
}

std::optional<std::string> decode64(std::string_view text, const Values& values) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t window = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const std::uint8_t value = values[static_cast<std::uint8_t>(c)];
    if (value == no_value) return std::nullopt;
    window = (window << 6U) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>((window >> bits) & 0xFFU);
    }
  }
  // Bits beyond the last byte must be zero, or two texts would mean the same bytes.
  if ((window & ((1U << bits) - 1U)) != 0) return std::nullopt;
  return bytes;
}

constexpr bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

std::string to_hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += lower_digits[byte >> 4U];
    text += lower_digits[byte & 0xFU];
  }
  return text;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int byte = hex_byte(text[i], text[i + 1]);
    if (byte < 0) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

std::string to_base64(std::string_view bytes) {
  std::string text = encode64(bytes, standard_alphabet);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return decode64(text, standard_values);
}

std::string to_base64url(std::string_view bytes) {
  return encode64(bytes, url_alphabet);
}

std::optional<std::string> from_base64url(std::string_view text) {
  return decode64(text, url_values);
}

std::string to_base32(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 8 + 4) / 5);
  std::uint32_t window = 0;
  unsigned bits = 0;
  for (const char byte : bytes) {
    window = (window << 8U) | static_cast<std::uint8_t>(byte);
    for (bits += 8; bits >= 5; bits -= 5) text += base32_alphabet[(window >> (bits - 5)) & 0x1FU];
  }
  if (bits > 0) text += base32_alphabet[(window << (5 - bits)) & 0x1FU];
  return text;
}

std::optional<std::string> from_base32(std::string_view text) {
  constexpr unsigned unfinished = 5;  // bits that a text may end with; more are a digit that nobody wrote
  std::string bytes;
  std::uint32_t window = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const auto value = base32_alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    window = (window << 5U) | static_cast<std::uint32_t>(value);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>((window >> bits) & 0xFFU);
  }
  if (bits >= unfinished || (window & ((1U << bits) - 1U)) != 0) return std::nullopt;
  return bytes;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    out += '%';
    out += upper_digits[byte >> 4U];
    out += upper_digits[byte & 0xFU];
  }
  return out;
}

std::optional<std::string> percent_decode(std::string_view text, PlusSign plus) {
  const std::string_view encoded = plus == PlusSign::space ? "%+" : "%";
  std::string out;
  out.reserve(text.size());
  for (;;) {
    const std::size_t plain = std::min(text.find_first_of(encoded), text.size());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return out;
    if (text.front() == '+') {
      out += ' ';
      text.remove_prefix(1);
      continue;
    }
    const int byte = text.size() < 3 ? -1 : hex_byte(text[1], text[2]);
    if (byte < 0) return std::nullopt;
    out += static_cast<char>(byte);
    text.remove_prefix(3);
  }
}

}  // namespace lms
