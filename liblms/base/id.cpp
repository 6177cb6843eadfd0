#include <lms/id.hpp>

#include <array>
#include <cstddef>

namespace lms {

namespace {

constexpr std::string_view pattern = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
constexpr std::string_view digits = "0123456789abcdef";
constexpr std::uint8_t no_digit = 16;

/// The value of each character as a hexadecimal digit.
constexpr auto digit_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(no_digit);
  for (std::size_t value = 0; value < digits.size(); ++value) {
    const char digit = digits[value];
    values[static_cast<unsigned char>(digit)] = static_cast<std::uint8_t>(value);
    if (digit >= 'a') values[static_cast<unsigned char>(digit - 'a' + 'A')] = static_cast<std::uint8_t>(value);
  }
  return values;
}();

std::uint8_t digit_value(char c) noexcept {
  return digit_values[static_cast<unsigned char>(c)];
}

}  // namespace

std::string Uuid::text() const {
  std::string text(pattern);
  auto place = text.begin();
  for (const std::uint8_t byte : bytes) {
    if (*place == '-') ++place;
    *place++ = digits[byte >> 4U];
    *place++ = digits[byte & 0xFU];
  }
  return text;
}

std::optional<Uuid> Uuid::parse(std::string_view text) noexcept {
  if (text.size() != pattern.size()) return std::nullopt;
  Uuid id;
  std::size_t i = 0;
  for (std::uint8_t& byte : id.bytes) {
    if (pattern[i] == '-' && text[i++] != '-') return std::nullopt;
    const std::uint8_t high = digit_value(text[i++]);
    const std::uint8_t low = digit_value(text[i++]);
    if (high == no_digit || low == no_digit) return std::nullopt;
    byte = static_cast<std::uint8_t>(high * 16U + low);
  }
  return id;
}

}  // namespace lms
