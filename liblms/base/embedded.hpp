#pragma once

#include <span>
#include <string_view>

namespace lms {

/// A file whose bytes were built into the binary by embed.py.
struct EmbeddedFile {
  std::string_view name;
  std::string_view bytes;
};

}  // namespace lms
