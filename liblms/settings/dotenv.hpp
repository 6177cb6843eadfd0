#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lms {

/// `NAME=value` as one line of a `.env` file says it.
struct DotenvEntry {
  std::string name;
  std::string value;
  std::size_t line = 0;  ///< from 1
};

/// What a `.env` text says, and every line of it that says nothing sensible.
struct Dotenv {
  std::vector<DotenvEntry> entries;  ///< in the order they stand; a name may be repeated
  std::vector<std::string> faults;   ///< each with its line, none with a value
  std::vector<std::string> warnings;
};

/// Reads `NAME=value`, `export NAME=value`, `'literal'`, `"with \n escapes"` and `# comments`; a quoted value may span
/// lines. Nothing is expanded.
Dotenv parse_dotenv(std::string_view text);

}  // namespace lms
