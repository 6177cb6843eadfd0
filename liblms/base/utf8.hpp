#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace lms {

/// Reads the code point at `position` and moves past it; nullopt, without moving, where the bytes are no UTF-8
/// (overlong forms and surrogates included). `position` must be inside the text.
std::optional<char32_t> next_code_point(std::string_view text, std::size_t& position) noexcept;

/// The offset of the first byte that is no UTF-8.
std::optional<std::size_t> find_malformed_utf8(std::string_view text) noexcept;

/// The number of code points of well-formed text.
std::size_t count_code_points(std::string_view text) noexcept;

/// The longest beginning of at most `bytes` bytes that does not cut a code point.
std::string_view cut_utf8(std::string_view text, std::size_t bytes) noexcept;

}  // namespace lms
