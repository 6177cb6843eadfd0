#include "base/markdown.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>

#include "base/html.hpp"

namespace lms {

namespace {

template <auto free_it>
struct Free {
  template <class T>
  void operator()(T* it) const noexcept {
    free_it(it);
  }
};

using Parser = std::unique_ptr<cmark_parser, Free<cmark_parser_free>>;
using Node = std::unique_ptr<cmark_node, Free<cmark_node_free>>;
using Iterator = std::unique_ptr<cmark_iter, Free<cmark_iter_free>>;
using Text = std::unique_ptr<char, Free<std::free>>;

// --- texts built to cost much more than their length ---

std::size_t count(std::string_view text, std::string_view piece) {
  std::size_t found = 0;
  for (std::size_t at = text.find(piece); at != std::string_view::npos; at = text.find(piece, at + piece.size()))
    ++found;
  return found;
}

/// How many quotes and lists the beginning of a line opens, or more.
std::size_t most_nested(std::string_view line) {
  const std::string_view beginning = line.substr(0, line.find_first_not_of(" \t>-+*.)0123456789"));
  return count(beginning, ">") + count(beginning, " ") + count(beginning, "\t");
}

/// Judges by upper bounds: cmark-gfm fills up every row of a table to the width of its head, and each use of a
/// reference repeats its address and title (which end with their paragraph at the latest). Images, instructions and
/// declarations that are opened and not closed, and nested blocks, take it quadratic time.
bool is_affordable(std::string_view text) {
  constexpr std::size_t max_openers = 1'000;
  constexpr std::size_t max_nested = 200;
  constexpr std::size_t max_cells = 250'000;
  constexpr std::size_t max_repeated_bytes = 16UL * 1024 * 1024;

  const auto line_breaks = std::count_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; });
  std::size_t widest_line = 0;
  std::size_t deepest_line = 0;
  std::size_t paragraph = 0;
  std::size_t longest_definition = 0;
  bool defines = false;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    widest_line = std::max(widest_line, count(line, "|"));
    deepest_line = std::max(deepest_line, most_nested(line));
    if (line.find_first_not_of(" \t\r>") == std::string_view::npos) {
      paragraph = 0;
      defines = false;
    } else {
      paragraph += line.size();
      defines = defines || line.find("]:") != std::string_view::npos;
      if (defines) longest_definition = std::max(longest_definition, paragraph);
    }
  }
  return count(text, "![") + count(text, "<!") + count(text, "<?") <= max_openers && deepest_line <= max_nested &&
         widest_line * (static_cast<std::size_t>(line_breaks) + 1) <= max_cells &&
         longest_definition * count(text, "]") <= max_repeated_bytes;
}

// --- addresses ---

/// The scheme as a browser sees it, in lower case: it skips spaces and control characters. Empty: a relative address.
std::string scheme_of(std::string_view address) {
  std::string scheme;
  for (const char c : address) {
    if (c == ':') return scheme;
    if (c == '/' || c == '?' || c == '#') return {};
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte == 0x7F) continue;
    scheme += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return {};
}

bool has_colon_first(std::string_view address) {
  const std::size_t mark = address.find_first_of(":/?#");
  return mark != std::string_view::npos && address[mark] == ':';
}

constexpr std::array<std::string_view, 3> link_schemes{"http", "https", "mailto"};
constexpr std::array<std::string_view, 2> image_schemes{"http", "https"};

/// The address with every unusual byte percent-encoded, or nothing if it may not stand there.
std::optional<std::string> safe_address(std::string_view address, std::span<const std::string_view> schemes) {
  if (has_colon_first(address) && std::find(schemes.begin(), schemes.end(), scheme_of(address)) == schemes.end())
    return std::nullopt;
  constexpr std::string_view unchanged = "-_.~:/?#[]@!$&()*+,;=%";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string safe;
  for (const char c : address) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || unchanged.find(c) != std::string_view::npos) {
      safe += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      safe += {'%', digits[byte >> 4U], digits[byte & 0xFU]};
    }
  }
  return safe;
}

// --- the tree ---

void show_as_text(cmark_node* html) {
  Node shown(cmark_node_new(CMARK_NODE_TEXT));
  cmark_node_set_literal(shown.get(), cmark_node_get_literal(html));
  if (cmark_node_get_type(html) == CMARK_NODE_HTML_BLOCK) {
    Node paragraph(cmark_node_new(CMARK_NODE_PARAGRAPH));
    cmark_node_append_child(paragraph.get(), shown.release());
    shown = std::move(paragraph);
  }
  if (cmark_node_replace(html, shown.get()) == 0) return;  // it stays, and the renderer leaves it out
  static_cast<void>(shown.release());                      // belongs to the tree
  cmark_node_free(html);
}

void replace_by_children(cmark_node* node) {
  for (cmark_node* child = cmark_node_first_child(node); child != nullptr; child = cmark_node_first_child(node))
    if (cmark_node_insert_before(node, child) == 0) break;
  cmark_node_free(node);
}

void secure_address(cmark_node* node, std::span<const std::string_view> schemes) {
  if (const auto address = safe_address(cmark_node_get_url(node), schemes))
    cmark_node_set_url(node, address->c_str());
  else
    replace_by_children(node);
}

/// Leaves nothing in the tree that a browser could execute.
void secure(cmark_node* document) {
  const Iterator iterator(cmark_iter_new(document));
  for (cmark_event_type event = cmark_iter_next(iterator.get()); event != CMARK_EVENT_DONE;
       event = cmark_iter_next(iterator.get())) {
    cmark_node* const node = cmark_iter_get_node(iterator.get());
    const cmark_node_type type = cmark_node_get_type(node);
    if (type == CMARK_NODE_HTML_BLOCK || type == CMARK_NODE_HTML_INLINE) show_as_text(node);
    if (event != CMARK_EVENT_EXIT) continue;
    if (type == CMARK_NODE_LINK) secure_address(node, link_schemes);
    if (type == CMARK_NODE_IMAGE) secure_address(node, image_schemes);
  }
}

/// Marks every link as none of ours. Where text says `<`, the renderer has written `&lt;`.
std::string with_marked_links(std::string_view html) {
  constexpr std::string_view link = "<a ";
  std::string marked;
  for (std::size_t at = html.find(link); at != std::string_view::npos; at = html.find(link)) {
    marked.append(html.substr(0, at)).append("<a rel=\"nofollow noopener\" ");
    html.remove_prefix(at + link.size());
  }
  return marked.append(html);
}

/// The extensions are registered in a list of the whole process.
const std::array<cmark_syntax_extension*, 3>& extensions() {
  static const auto found = [] {
    cmark_gfm_core_extensions_ensure_registered();
    return std::array{cmark_find_syntax_extension("table"), cmark_find_syntax_extension("strikethrough"),
                      cmark_find_syntax_extension("tasklist")};
  }();
  return found;
}

}  // namespace

std::string markdown_to_html(std::string_view markdown) {
  if (!is_affordable(markdown)) {
    std::string plain = "<pre>";
    plain += escaped_html(markdown);
    return plain + "</pre>\n";
  }
  const Parser parser(cmark_parser_new(CMARK_OPT_VALIDATE_UTF8));
  for (cmark_syntax_extension* extension : extensions()) cmark_parser_attach_syntax_extension(parser.get(), extension);
  cmark_parser_feed(parser.get(), markdown.data(), markdown.size());
  const Node document(cmark_parser_finish(parser.get()));
  secure(document.get());
  const Text html(
      cmark_render_html(document.get(), CMARK_OPT_DEFAULT, cmark_parser_get_syntax_extensions(parser.get())));
  return with_marked_links(html.get());
}

}  // namespace lms
