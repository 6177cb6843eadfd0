#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <lms/spi/random.hpp>

/// The text of access tokens: a prefix that scanners for secrets can know, random letters and digits, and a checksum.
namespace lms {

constexpr std::string_view access_token_prefix = "lmspat_";
constexpr std::size_t access_token_random_length = 30;  // of 62 characters each: 178 bits
constexpr std::size_t access_token_checksum_length = 6;
constexpr std::size_t access_token_length =
    access_token_prefix.size() + access_token_random_length + access_token_checksum_length;

std::string make_access_token(Random& random);
/// Whether `make_access_token` can have made it.
bool is_access_token(std::string_view text) noexcept;

/// That of ISO 3309, as gzip has it.
std::uint32_t crc32(std::string_view bytes) noexcept;

}  // namespace lms
