#include "base/content_hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/encoding.hpp"

namespace lms {

std::string content_hash(std::string_view text) {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, XXH3_128bits(text.data(), text.size()));
  return to_hex(bytes.digest);
}

std::uint64_t short_hash(std::string_view text) noexcept {
  return XXH3_64bits(text.data(), text.size());
}

}  // namespace lms
