#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// The only room that knows xxHash.
namespace lms {

/// 32 hex digits, the same on every machine, in a time that is small beside the making of the text. Texts that differ
/// by chance differ in it; somebody who tries can find two that do not: it is to tell versions of one thing apart.
std::string content_hash(std::string_view text);

/// The same on every machine, and cheap for short texts. For places in tables, not to tell things apart.
std::uint64_t short_hash(std::string_view text) noexcept;

}  // namespace lms
