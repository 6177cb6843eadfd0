#include "base/markdown.hpp"

#include <string>

#include "fuzz/target.hpp"

using namespace lms;

/// No tag that is not ours, no attribute that runs a script, and not much more HTML than text.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string html = markdown_to_html(fuzz::text_of(data, size));
  for (const char* evil : {"<script", "src=\"javascript:", "href=\"javascript:", "<svg", "<iframe", "\" onerror=\""})
    fuzz::promise(html.find(evil) == std::string::npos, "no HTML of the author's comes through");
  fuzz::promise(html.size() <= 64 * 1024 + 2'000 * size, "the HTML is in proportion to its text");
  return 0;
}
