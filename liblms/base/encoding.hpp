#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Texts for bytes (RFC 4648) and percent-encoding (RFC 3986). Decoders are strict: nullopt for anything an encoder
/// would not have written, case of hex digits apart.
namespace lms {

std::string to_hex(std::span<const std::uint8_t> bytes);
std::optional<std::string> from_hex(std::string_view text);

/// With padding.
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

/// Without padding.
std::string to_base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

/// In capitals, without padding.
std::string to_base32(std::string_view bytes);
std::optional<std::string> from_base32(std::string_view text);

/// Every byte but letters, digits and `-._~` becomes `%XX`.
std::string percent_encode(std::string_view text);

enum class PlusSign {
  literal,  ///< in a path
  space     ///< in a query or a form
};
/// nullopt where a `%` is not followed by two hex digits.
std::optional<std::string> percent_decode(std::string_view text, PlusSign plus = PlusSign::literal);

/// Secrets and digests come as bytes, texts as characters: both are the same memory.
inline std::string_view as_text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace lms
