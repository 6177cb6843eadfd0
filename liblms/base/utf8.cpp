#include "base/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace lms {

namespace {

bool is_continuation(char c) noexcept {
  return (static_cast<std::uint8_t>(c) & 0xC0U) == 0x80U;
}

/// Most text is ASCII, which eight bytes at a time can tell.
std::size_t skip_ascii(std::string_view text, std::size_t position) noexcept {
  constexpr std::uint64_t high_bits = 0x8080'8080'8080'8080U;
  std::uint64_t bytes = 0;
  for (; position + sizeof bytes <= text.size(); position += sizeof bytes) {
    std::memcpy(&bytes, text.data() + position, sizeof bytes);
    if ((bytes & high_bits) != 0) break;
  }
  while (position < text.size() && static_cast<std::uint8_t>(text[position]) < 0x80) ++position;
  return position;
}

}  // namespace

std::optional<char32_t> next_code_point(std::string_view text, std::size_t& position) noexcept {
  const auto lead = static_cast<std::uint8_t>(text[position]);
  if (lead < 0x80) {
    ++position;
    return lead;
  }
  std::size_t length = 0;
  char32_t point = 0;
  char32_t smallest = 0;
  if ((lead & 0xE0U) == 0xC0U) {
    length = 2, point = lead & 0x1FU, smallest = 0x80;
  } else if ((lead & 0xF0U) == 0xE0U) {
    length = 3, point = lead & 0x0FU, smallest = 0x800;
  } else if ((lead & 0xF8U) == 0xF0U) {
    length = 4, point = lead & 0x07U, smallest = 0x10000;
  } else {
    return std::nullopt;
  }
  if (text.size() - position < length) return std::nullopt;
  for (std::size_t i = 1; i < length; ++i) {
    const char c = text[position + i];
    if (!is_continuation(c)) return std::nullopt;
    point = (point << 6U) | (static_cast<std::uint8_t>(c) & 0x3FU);
  }
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (point < smallest || surrogate || point > 0x10FFFF) return std::nullopt;
  position += length;
  return point;
}

std::optional<std::size_t> find_malformed_utf8(std::string_view text) noexcept {
  std::size_t position = 0;
  while ((position = skip_ascii(text, position)) < text.size())
    if (!next_code_point(text, position)) return position;
  return std::nullopt;
}

std::size_t count_code_points(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

std::string_view cut_utf8(std::string_view text, std::size_t bytes) noexcept {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && is_continuation(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

}  // namespace lms
