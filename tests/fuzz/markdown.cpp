#include "base/markdown.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "fuzz/target.hpp"

using namespace lms;

namespace {

constexpr std::array<std::string_view, 29> elements{
    "a",      "blockquote", "br",    "code",  "del",   "em", "h1",    "h2", "h3",  "h4",
    "h5",     "h6",         "hr",    "img",   "input", "li", "ol",    "p",  "pre", "s",
    "strong", "sub",        "table", "tbody", "td",    "th", "thead", "tr", "ul"};
constexpr std::array<std::string_view, 11> attributes{"align", "alt", "checked", "class", "disabled", "href",
                                                      "rel",   "src", "start",   "title", "type"};

template <class Names>
bool is_among(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Takes what stands before the first of these characters, or all.
std::string_view take_until(std::string_view& text, std::string_view ends) {
  const std::string_view taken = text.substr(0, text.find_first_of(ends));
  text.remove_prefix(taken.size());
  return taken;
}

/// Reads a tag behind its `<`. Whether it is one of ours, with no attribute but ours.
bool is_our_tag(std::string_view& html) {
  constexpr std::string_view left_out = "!-- raw HTML omitted -->";
  if (html.starts_with(left_out)) {
    html.remove_prefix(left_out.size());
    return true;
  }
  if (html.starts_with('/')) html.remove_prefix(1);
  if (!is_among(elements, take_until(html, " />"))) return false;
  while (html.starts_with(' ')) {
    html.remove_prefix(1);
    if (html.starts_with('/')) break;
    if (!is_among(attributes, take_until(html, "=")) || !html.starts_with("=\"")) return false;
    html.remove_prefix(2);
    const std::string_view value = take_until(html, "\"");
    if (html.empty() || value.starts_with("javascript:")) return false;
    html.remove_prefix(1);
  }
  if (html.starts_with('/')) html.remove_prefix(1);
  if (!html.starts_with('>')) return false;
  html.remove_prefix(1);
  return true;
}

}  // namespace

/// No tag and no attribute that is not ours, no address that runs a script, and not much more HTML than text.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string html = markdown_to_html(fuzz::text_of(data, size));
  std::string_view rest = html;
  for (take_until(rest, "<"); !rest.empty(); take_until(rest, "<")) {
    rest.remove_prefix(1);
    fuzz::promise(is_our_tag(rest), "no HTML of the author's comes through");
  }
  fuzz::promise(html.size() <= 64 * 1024 + 2'000 * size, "the HTML is in proportion to its text");
  return 0;
}
