#include <lms/id.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace lms {

namespace {

constexpr std::string_view pattern = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
constexpr std::string_view digits = "0123456789abcdef";
constexpr std::array<std::size_t, 16> places{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};  // of bytes
constexpr std::uint8_t no_digit = 16;

/// The two digits of each byte.
constexpr auto byte_texts = [] {
  std::array<std::array<char, 2>, 256> texts{};
  for (std::size_t byte = 0; byte < texts.size(); ++byte) texts[byte] = {digits[byte >> 4U], digits[byte & 0xFU]};
  return texts;
}();

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
  std::string text;
  append_text(text);
  return text;
}

void Uuid::append_text(std::string& out) const {
  std::array<char, pattern.size()> text;
  std::copy(pattern.begin(), pattern.end(), text.begin());
  for (std::size_t i = 0; i < places.size(); ++i) {
    text[places[i]] = byte_texts[bytes[i]][0];
    text[places[i] + 1] = byte_texts[bytes[i]][1];
  }
  out.append(text.data(), text.size());
}

std::optional<Uuid> Uuid::parse(std::string_view text) noexcept {
  if (text.size() != pattern.size()) return std::nullopt;
  if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return std::nullopt;
  Uuid id;
  unsigned all = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const unsigned high = digit_value(text[places[i]]);
    const unsigned low = digit_value(text[places[i] + 1]);
    all |= high | low;
    id.bytes[i] = static_cast<std::uint8_t>(high * 16U + low);
  }
  if ((all & no_digit) != 0) return std::nullopt;
  return id;
}

}  // namespace lms
