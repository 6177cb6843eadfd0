#include "mail/rendering.hpp"

#include <algorithm>
#include <set>

#include <kainjow/mustache.hpp>

#include <lms/error.hpp>

#include "base/html.hpp"

namespace lms {

namespace {

namespace mustache = kainjow::mustache;

/// The values of one rendering. Keeps the names that the source asked for in vain.
class Values final : public mustache::basic_context<std::string> {
 public:
  explicit Values(const TemplateValues& values) {
    for (const auto& [name, text] : values)
      values_.emplace(name, text.empty() ? mustache::data(false) : mustache::data(text));
  }

  void push(const mustache::data*) override {}
  void pop() override {}
  const mustache::data* get(const std::string& name) const override {
    const auto found = values_.find(name);
    if (found != values_.end()) return &found->second;
    unknown_.insert(name);
    return nullptr;
  }
  const mustache::data* get_partial(const std::string& name) const override {
    unknown_.insert("> " + name);
    return nullptr;
  }

  const std::set<std::string>& unknown() const { return unknown_; }

 private:
  std::map<std::string, mustache::data> values_;
  mutable std::set<std::string> unknown_;
};

struct Rendering {
  std::string text;
  std::string error;
  std::set<std::string> unknown;
};

Rendering rendered(std::string_view source, TemplateForm form, const TemplateValues& values) {
  mustache::mustache parsed{std::string(source)};
  if (form == TemplateForm::text) parsed.set_custom_escape([](const std::string& text) { return text; });
  if (!parsed.is_valid()) return {{}, parsed.error_message(), {}};
  Values context(values);
  Rendering result;
  result.text = parsed.render(context);
  result.error = parsed.error_message();
  result.unknown = context.unknown();
  return result;
}

std::string joined(const auto& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// The first line, which is taken off.
std::string_view take_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  const auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// A paragraph and, if it ends in a line of that one placeholder, the placeholder.
struct Paragraph {
  std::string words;
  std::string_view last;  ///< `{{link}}`, `{{code}}` or nothing
};

void append(std::string& html, const Paragraph& paragraph) {
  constexpr std::string_view button =
      "display:inline-block;padding:12px 20px;border-radius:6px;background-color:#1f4e8c;color:#ffffff;"
      "font-weight:bold;text-decoration:none";
  std::string_view words = without_blanks(paragraph.words);
  if (words.empty() && paragraph.last.empty()) return;
  html += "<p style=\"margin:0 0 16px\">";
  if (paragraph.last == "{{link}}") {
    if (words.ends_with(':')) words.remove_suffix(1);
    html += "<a href=\"{{link}}\" style=\"" + std::string(button) + "\">" +
            (words.empty() ? "{{link}}" : escaped_html(words)) + "</a></p>\n";
    html += "<p style=\"margin:0 0 16px;font-size:13px;word-break:break-all;color:#5a6470\">{{link}}</p>\n";
    return;
  }
  html += escaped_html(words);
  if (paragraph.last == "{{code}}") {
    html += words.empty() ? "" : "<br>";
    html += "<span style=\"font-family:monospace;font-size:28px;letter-spacing:4px\">{{code}}</span>";
  }
  html += "</p>\n";
}

}  // namespace

std::string render_template(std::string_view source, TemplateForm form, const TemplateValues& values) {
  Rendering result = rendered(source, form, values);
  if (!result.error.empty()) throw internal("A mail's template is malformed: " + result.error);
  if (!result.unknown.empty())
    throw internal("A mail's template asks for what there is not: " + joined(result.unknown));
  return std::move(result.text);
}

std::vector<std::string> template_faults(std::string_view source, TemplateForm form,
                                         std::span<const std::string> placeholders) {
  constexpr std::string_view mark = "\x01<";  // no template has it, and none that is escaped puts it out
  std::set<std::string> unknown;
  bool unescaped = false;
  // Sections show or hide parts: every placeholder is once the only one with a value and once the only one without.
  const auto attempt = [&](const TemplateValues& values) -> std::string {
    const Rendering result = rendered(source, form, values);
    unknown.insert(result.unknown.begin(), result.unknown.end());
    unescaped = unescaped || (form == TemplateForm::html && result.text.find(mark) != std::string::npos);
    return result.error;
  };
  TemplateValues all, none;
  for (const std::string& name : placeholders) {
    all[name] = mark;
    none[name];
  }
  for (const TemplateValues& base : {all, none}) {
    if (const std::string error = attempt(base); !error.empty()) return {"is malformed: " + error};
    for (const std::string& name : placeholders) {
      TemplateValues but_one = base;
      but_one[name] = base.at(name).empty() ? mark : "";
      attempt(but_one);
    }
  }
  std::vector<std::string> faults;
  if (!unknown.empty())
    faults.push_back("has unknown placeholders: " + joined(unknown) + "; known are " + joined(placeholders));
  if (unescaped) faults.emplace_back("puts a value into HTML as it is; write {{name}}, not {{{name}}} or {{&name}}");
  return faults;
}

std::string html_of_text(std::string_view source) {
  std::string html;
  Paragraph paragraph;
  const auto end_paragraph = [&] {
    append(html, paragraph);
    paragraph = {};
  };
  while (!source.empty()) {
    const std::string_view line = without_blanks(take_line(source));
    if (line.empty()) {
      end_paragraph();
    } else if (line == "{{link}}" || line == "{{code}}") {
      paragraph.last = line;
      end_paragraph();
    } else {
      paragraph.words.append(line).append("\n");
    }
  }
  end_paragraph();
  return html;
}

}  // namespace lms
