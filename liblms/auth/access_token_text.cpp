#include "auth/access_token_text.hpp"

#include <array>

namespace lms {

namespace {

constexpr std::string_view base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// In base 62, with zeros before it.
std::array<char, access_token_checksum_length> checksum(std::string_view random) noexcept {
  std::array<char, access_token_checksum_length> digits{};
  std::size_t rest = crc32(random);
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, rest /= base62.size())
    *digit = base62[rest % base62.size()];
  return digits;
}

std::string_view as_view(const std::array<char, access_token_checksum_length>& digits) noexcept {
  return {digits.data(), digits.size()};
}

}  // namespace

std::uint32_t crc32(std::string_view bytes) noexcept {
  std::uint32_t crc = ~std::uint32_t{0};
  for (const char byte : bytes) {
    crc ^= static_cast<std::uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320U : crc >> 1;
  }
  return ~crc;
}

std::string make_access_token(Random& random) {
  std::string characters;
  while (characters.size() < access_token_random_length) characters += base62[random.below(base62.size())];
  std::string text(access_token_prefix);
  text += characters;
  text += as_view(checksum(characters));
  return text;
}

bool is_access_token(std::string_view text) noexcept {
  if (text.size() != access_token_length || !text.starts_with(access_token_prefix)) return false;
  const std::string_view random = text.substr(access_token_prefix.size(), access_token_random_length);
  if (random.find_first_not_of(base62) != std::string_view::npos) return false;
  return text.ends_with(as_view(checksum(random)));
}

}  // namespace lms
