#include "base/markdown.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <md4c.h>

namespace lms {

namespace {

constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '\0':
        out += replacement_character;
        break;
      default:
        out += c;
    }
  }
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto byte = [](std::uint32_t bits) { return static_cast<char>(bits); };
  if (point == 0 || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) {
    out += replacement_character;
  } else if (point < 0x80) {
    out += byte(point);
  } else if (point < 0x800) {
    out += {byte(0xC0U | point >> 6U), byte(0x80U | (point & 0x3FU))};
  } else if (point < 0x10000) {
    out += {byte(0xE0U | point >> 12U), byte(0x80U | (point >> 6U & 0x3FU)), byte(0x80U | (point & 0x3FU))};
  } else {
    out += {byte(0xF0U | point >> 18U), byte(0x80U | (point >> 12U & 0x3FU)), byte(0x80U | (point >> 6U & 0x3FU)),
            byte(0x80U | (point & 0x3FU))};
  }
}

// --- addresses ---

/// What `&#x6A;` or `&amp;` stands for. A name not listed stands for itself: no scheme can be spelled with it.
void append_entity(std::string& out, std::string_view entity) {
  struct Named {
    std::string_view entity;
    char character;
  };
  constexpr std::array<Named, 5> named{
      {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
  for (const Named& known : named)
    if (entity == known.entity) {
      out += known.character;
      return;
    }
  if (!entity.starts_with("&#")) {
    out += entity;
    return;
  }
  std::string_view digits = entity.substr(2, entity.size() - 3);
  const bool hex = digits.starts_with('x') || digits.starts_with('X');
  if (hex) digits.remove_prefix(1);
  std::uint32_t point = 0;  // stays 0 when the digits overflow
  std::from_chars(digits.data(), digits.data() + digits.size(), point, hex ? 16 : 10);
  append_utf8(out, point);
}

/// Calls `visit(type, text)` for each piece of an attribute.
template <class Visit>
void for_each_piece(const MD_ATTRIBUTE& attribute, Visit&& visit) {
  for (std::size_t i = 0; attribute.size > 0 && attribute.substr_offsets[i] < attribute.size; ++i) {
    const MD_OFFSET begin = attribute.substr_offsets[i];
    visit(attribute.substr_types[i], std::string_view(attribute.text + begin, attribute.substr_offsets[i + 1] - begin));
  }
}

std::string decoded(const MD_ATTRIBUTE& attribute) {
  std::string text;
  for_each_piece(attribute, [&](MD_TEXTTYPE type, std::string_view piece) {
    if (type == MD_TEXT_ENTITY)
      append_entity(text, piece);
    else if (type == MD_TEXT_NULLCHAR)
      text += replacement_character;
    else
      text += piece;
  });
  return text;
}

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

/// The address ready for an attribute, or nothing if it may not stand there.
std::optional<std::string> safe_address(const MD_ATTRIBUTE& attribute, std::span<const std::string_view> schemes) {
  const std::string address = decoded(attribute);
  if (has_colon_first(address) && std::find(schemes.begin(), schemes.end(), scheme_of(address)) == schemes.end())
    return std::nullopt;
  constexpr std::string_view unchanged = "-_.~:/?#[]@!$()*+,;=%";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string safe;
  for (const char c : address) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || unchanged.find(c) != std::string_view::npos) {
      safe += c;
    } else if (c == '&') {
      safe += "&amp;";
    } else {
      const auto byte = static_cast<unsigned char>(c);
      safe += {'%', digits[byte >> 4U], digits[byte & 0xFU]};
    }
  }
  return safe;
}

// --- the source ---

/// The text where md4c may stumble. Up to 0.4.8 it looks a few bytes beyond an end without a line break, and hands out
/// ranges that end beyond the text where links and images overlap.
class Source {
 public:
  explicit Source(std::string_view text) : size_(text.size() + 1) {
    memory_.reserve(text.size() + 2 * padding + 1);
    memory_.append(padding, '\0').append(text).append("\n").append(padding, '\0');
  }

  std::string_view text() const { return std::string_view(memory_).substr(padding, size_); }

  /// Whether a range is inside the text, or may be elsewhere: md4c's own copy, perhaps with `mailto:` before it.
  bool holds(const char* begin, std::size_t size) const {
    const std::less<const char*> before;
    const char* const first = memory_.data();
    const bool ours = !before(begin, first) && before(begin, first + memory_.size());
    if (!ours) return size <= size_ + std::string_view("mailto:").size();
    const auto offset = static_cast<std::size_t>(begin - first);
    return offset >= padding && offset <= padding + size_ && size <= padding + size_ - offset;
  }

 private:
  static constexpr std::size_t padding = 64;

  std::size_t size_;
  std::string memory_;
};

// --- the renderer ---

/// Fit for an element as for an attribute.
void append_text(std::string& out, MD_TEXTTYPE type, std::string_view text) {
  switch (type) {
    case MD_TEXT_NULLCHAR:
      out += replacement_character;
      break;
    case MD_TEXT_ENTITY:
      out += text;
      break;  // md4c has seen that it is `&`, letters or digits, `;`
    default:
      append_escaped(out, text);
  }
}

std::string title_attribute(const MD_ATTRIBUTE& title) {
  if (title.size == 0) return {};
  std::string attribute = " title=\"";
  for_each_piece(title, [&](MD_TEXTTYPE type, std::string_view piece) { append_text(attribute, type, piece); });
  return attribute + '"';
}

/// Writes HTML as md4c calls it. Every tag and attribute of the output is written here.
class Renderer {
 public:
  explicit Renderer(const Source& source) : source_(source), most_bytes_(4096 + 16 * source.text().size()) {}

  void enter_block(MD_BLOCKTYPE type, void* detail);
  void leave_block(MD_BLOCKTYPE type, void* detail);
  void enter_span(MD_SPANTYPE type, void* detail);
  void leave_span(MD_SPANTYPE type);
  void text(MD_TEXTTYPE type, const char* begin, std::size_t size);

  /// Whether md4c went astray or the output too far: a wide table of empty cells would be thousands of times its text.
  bool failed() const { return malformed_ || out_.size() > most_bytes_; }
  std::string take() { return std::move(out_); }

 private:
  struct Span {
    MD_SPANTYPE type;
    std::string end;  // what closes it; empty for what left no mark
  };

  void enter_item(const MD_BLOCK_LI_DETAIL& item);
  void enter_code(const MD_BLOCK_CODE_DETAIL& code);
  void enter_cell(const char* tag, const MD_BLOCK_TD_DETAIL& cell);
  std::string begin_link(const MD_SPAN_A_DETAIL& link);
  std::string begin_image(const MD_SPAN_IMG_DETAIL& image);
  std::string begin_tag(std::string_view tag);
  void end_span();
  bool check(const char* begin, std::size_t size);

  const Source& source_;
  std::size_t most_bytes_;
  std::string out_;
  bool malformed_ = false;
  std::vector<Span> spans_;
  int images_ = 0;  // among the open spans: what is inside of them is an attribute, no tags there
};

void Renderer::enter_block(MD_BLOCKTYPE type, void* detail) {
  switch (type) {
    case MD_BLOCK_DOC:
    case MD_BLOCK_HTML:
      break;
    case MD_BLOCK_QUOTE:
      out_ += "<blockquote>\n";
      break;
    case MD_BLOCK_UL:
      out_ += "<ul>\n";
      break;
    case MD_BLOCK_OL: {
      const unsigned start = static_cast<MD_BLOCK_OL_DETAIL*>(detail)->start;
      out_ += start == 1 ? "<ol>\n" : "<ol start=\"" + std::to_string(start) + "\">\n";
      break;
    }
    case MD_BLOCK_LI:
      enter_item(*static_cast<MD_BLOCK_LI_DETAIL*>(detail));
      break;
    case MD_BLOCK_HR:
      out_ += "<hr>\n";
      break;
    case MD_BLOCK_H:
      out_ += "<h" + std::to_string(static_cast<MD_BLOCK_H_DETAIL*>(detail)->level) + ">";
      break;
    case MD_BLOCK_CODE:
      enter_code(*static_cast<MD_BLOCK_CODE_DETAIL*>(detail));
      break;
    case MD_BLOCK_P:
      out_ += "<p>";
      break;
    case MD_BLOCK_TABLE:
      out_ += "<table>\n";
      break;
    case MD_BLOCK_THEAD:
      out_ += "<thead>\n";
      break;
    case MD_BLOCK_TBODY:
      out_ += "<tbody>\n";
      break;
    case MD_BLOCK_TR:
      out_ += "<tr>\n";
      break;
    case MD_BLOCK_TH:
      enter_cell("th", *static_cast<MD_BLOCK_TD_DETAIL*>(detail));
      break;
    case MD_BLOCK_TD:
      enter_cell("td", *static_cast<MD_BLOCK_TD_DETAIL*>(detail));
      break;
  }
}

void Renderer::leave_block(MD_BLOCKTYPE type, void* detail) {
  while (!spans_.empty()) end_span();
  switch (type) {
    case MD_BLOCK_DOC:
    case MD_BLOCK_HTML:
    case MD_BLOCK_HR:
      break;
    case MD_BLOCK_QUOTE:
      out_ += "</blockquote>\n";
      break;
    case MD_BLOCK_UL:
      out_ += "</ul>\n";
      break;
    case MD_BLOCK_OL:
      out_ += "</ol>\n";
      break;
    case MD_BLOCK_LI:
      out_ += "</li>\n";
      break;
    case MD_BLOCK_H:
      out_ += "</h" + std::to_string(static_cast<MD_BLOCK_H_DETAIL*>(detail)->level) + ">\n";
      break;
    case MD_BLOCK_CODE:
      out_ += "</code></pre>\n";
      break;
    case MD_BLOCK_P:
      out_ += "</p>\n";
      break;
    case MD_BLOCK_TABLE:
      out_ += "</table>\n";
      break;
    case MD_BLOCK_THEAD:
      out_ += "</thead>\n";
      break;
    case MD_BLOCK_TBODY:
      out_ += "</tbody>\n";
      break;
    case MD_BLOCK_TR:
      out_ += "</tr>\n";
      break;
    case MD_BLOCK_TH:
      out_ += "</th>\n";
      break;
    case MD_BLOCK_TD:
      out_ += "</td>\n";
      break;
  }
}

void Renderer::enter_item(const MD_BLOCK_LI_DETAIL& item) {
  out_ += "<li>";
  if (!item.is_task) return;
  const bool done = item.task_mark != ' ';
  out_ += done ? "<input type=\"checkbox\" disabled checked> " : "<input type=\"checkbox\" disabled> ";
}

void Renderer::enter_code(const MD_BLOCK_CODE_DETAIL& code) {
  out_ += "<pre><code";
  if (code.lang.size > 0 && check(code.lang.text, code.lang.size)) {
    out_ += " class=\"language-";
    append_escaped(out_, decoded(code.lang));
    out_ += '"';
  }
  out_ += '>';
}

void Renderer::enter_cell(const char* tag, const MD_BLOCK_TD_DETAIL& cell) {
  out_ += '<';
  out_ += tag;
  switch (cell.align) {
    case MD_ALIGN_DEFAULT:
      break;
    case MD_ALIGN_LEFT:
      out_ += " align=\"left\"";
      break;
    case MD_ALIGN_CENTER:
      out_ += " align=\"center\"";
      break;
    case MD_ALIGN_RIGHT:
      out_ += " align=\"right\"";
      break;
  }
  out_ += '>';
}

/// The tag of a span without attributes; empty for those that need more.
std::string_view simple_tag(MD_SPANTYPE type) {
  switch (type) {
    case MD_SPAN_EM:
      return "em";
    case MD_SPAN_STRONG:
      return "strong";
    case MD_SPAN_CODE:
      return "code";
    case MD_SPAN_DEL:
      return "del";
    default:
      return {};
  }
}

void Renderer::enter_span(MD_SPANTYPE type, void* detail) {
  Span span{type, {}};
  if (images_ == 0) {
    if (type == MD_SPAN_A)
      span.end = begin_link(*static_cast<MD_SPAN_A_DETAIL*>(detail));
    else if (type == MD_SPAN_IMG)
      span.end = begin_image(*static_cast<MD_SPAN_IMG_DETAIL*>(detail));
    else if (const auto tag = simple_tag(type); !tag.empty())
      span.end = begin_tag(tag);
  }
  if (type == MD_SPAN_IMG) ++images_;
  spans_.push_back(std::move(span));
}

/// md4c sometimes leaves a span that it never entered, as in `![[x](y]([)z](q)`.
void Renderer::leave_span(MD_SPANTYPE type) {
  const auto has_type = [type](const Span& span) { return span.type == type; };
  const auto found = std::find_if(spans_.rbegin(), spans_.rend(), has_type);
  if (found == spans_.rend()) return;
  for (auto inside = found - spans_.rbegin(); inside >= 0; --inside) end_span();
}

void Renderer::end_span() {
  out_ += spans_.back().end;
  if (spans_.back().type == MD_SPAN_IMG) --images_;
  spans_.pop_back();
}

std::string Renderer::begin_tag(std::string_view tag) {
  out_.append("<").append(tag).append(">");
  return "</" + std::string(tag) + '>';
}

std::string Renderer::begin_link(const MD_SPAN_A_DETAIL& link) {
  if (!check(link.href.text, link.href.size) || !check(link.title.text, link.title.size)) return {};
  const auto address = safe_address(link.href, link_schemes);
  if (!address) return {};
  out_ += "<a href=\"" + *address + "\" rel=\"nofollow noopener\"" + title_attribute(link.title) + '>';
  return "</a>";
}

std::string Renderer::begin_image(const MD_SPAN_IMG_DETAIL& image) {
  if (!check(image.src.text, image.src.size) || !check(image.title.text, image.title.size)) return {};
  const auto address = safe_address(image.src, image_schemes);
  if (!address) return {};
  out_ += "<img src=\"" + *address + "\" alt=\"";
  return '"' + title_attribute(image.title) + '>';
}

bool Renderer::check(const char* begin, std::size_t size) {
  malformed_ = malformed_ || !source_.holds(begin, size);
  return !malformed_;
}

void Renderer::text(MD_TEXTTYPE type, const char* begin, std::size_t size) {
  if (!check(begin, size)) return;
  switch (type) {
    case MD_TEXT_BR:
      out_ += images_ == 0 ? "<br>\n" : " ";
      break;
    case MD_TEXT_SOFTBR:
      out_ += images_ == 0 ? "\n" : " ";
      break;
    default:
      append_text(out_, type, {begin, size});
  }
}

// --- between md4c and the renderer ---

Renderer& renderer(void* userdata) {
  return *static_cast<Renderer*>(userdata);
}

/// md4c stops at what is not 0.
int verdict(void* userdata) {
  return renderer(userdata).failed() ? 1 : 0;
}

MD_PARSER parser_for(std::string_view text) {
  constexpr std::size_t most_bytes_with_bare_links = 100'000;  // md4c 0.4.8 finds them in quadratic time
  unsigned flags = MD_FLAG_NOHTML | MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS;
  if (text.size() <= most_bytes_with_bare_links) flags |= MD_FLAG_PERMISSIVEAUTOLINKS;
  return {0,
          flags,
          [](MD_BLOCKTYPE type, void* detail, void* to) { return renderer(to).enter_block(type, detail), verdict(to); },
          [](MD_BLOCKTYPE type, void* detail, void* to) { return renderer(to).leave_block(type, detail), verdict(to); },
          [](MD_SPANTYPE type, void* detail, void* to) { return renderer(to).enter_span(type, detail), verdict(to); },
          [](MD_SPANTYPE type, void*, void* to) { return renderer(to).leave_span(type), verdict(to); },
          [](MD_TEXTTYPE type, const MD_CHAR* begin, MD_SIZE size, void* to) {
            return renderer(to).text(type, begin, size), verdict(to);
          },
          nullptr,
          nullptr};
}

}  // namespace

std::string markdown_to_html(std::string_view markdown) {
  const Source source(markdown);
  Renderer html(source);
  const MD_PARSER parser = parser_for(source.text());
  if (md_parse(source.text().data(), static_cast<MD_SIZE>(source.text().size()), &parser, &html) == 0)
    return html.take();
  std::string plain = "<pre>";
  append_escaped(plain, markdown);
  return plain + "</pre>\n";
}

}  // namespace lms
