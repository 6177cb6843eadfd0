#include "mail/templates.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <system_error>

#include "base/embedded.hpp"
#include "base/formats.hpp"
#include "base/utf8.hpp"
#include "mail/rendering.hpp"

namespace lms {

namespace mail_templates {
std::span<const EmbeddedFile> files();
}

namespace {

constexpr std::string_view layout = "layout";
constexpr std::string_view subject_mark = "Subject:";
constexpr std::size_t largest_file = 256 * 1024;

/// `password_reset.de.txt` taken apart.
struct FileName {
  std::string_view name;
  std::string_view language;  ///< empty: English
  std::string_view ending;    ///< `txt`, `html`
};

std::optional<FileName> parse_file_name(std::string_view file) {
  const auto ending = file.rfind('.');
  if (ending == std::string_view::npos) return std::nullopt;
  FileName parsed{file.substr(0, ending), {}, file.substr(ending + 1)};
  if (parsed.ending != "txt" && parsed.ending != "html") return std::nullopt;
  if (const auto language = parsed.name.rfind('.'); language != std::string_view::npos) {
    parsed.language = parsed.name.substr(language + 1);
    parsed.name = parsed.name.substr(0, language);
    if (!is_language(parsed.language)) return std::nullopt;
  }
  return parsed;
}

std::string file_name(std::string_view name, std::string_view language, std::string_view ending) {
  std::string file(name);
  if (!language.empty()) file.append(".").append(language);
  return file.append(".").append(ending);
}

/// A text template: its first line and what comes after.
struct TextParts {
  std::string_view subject, body;
};

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::optional<TextParts> parse_text(std::string_view source) {
  const auto end = std::min(source.find('\n'), source.size());
  if (!source.starts_with(subject_mark)) return std::nullopt;
  TextParts parts{without_blanks(source.substr(subject_mark.size(), end - subject_mark.size())),
                  without_blanks(source.substr(end))};
  if (parts.subject.empty() || parts.body.empty()) return std::nullopt;
  return parts;
}

std::vector<std::string> placeholders_of(const MailKind& kind) {
  std::vector<std::string> names(kind.values.begin(), kind.values.end());
  names.insert(names.end(), {"name", "school"});
  return names;
}

const std::vector<std::string>& layout_placeholders() {
  static const std::vector<std::string> names{"content", "language", "school", "subject"};
  return names;
}

Fault fault(const std::string& origin, const std::string& what) {
  return {{"settings", "MAIL_TEMPLATES_DIR"}, "The mail template " + origin + " " + what, "value_error.mail_template"};
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  if (!file) throw invalid({fault(path.string(), "cannot be read")});
  return bytes;
}

}  // namespace

MailTemplates::MailTemplates(const std::string& folder) {
  for (const EmbeddedFile& file : mail_templates::files())
    sources_.insert_or_assign(std::string(file.name), Source{file.bytes, std::string(file.name)});
  for (const MailKind* kind : mail_kind::all()) kinds_.insert(kind->name);
  if (folder.empty()) return;

  read(folder);
  std::vector<Fault> all = layout_faults();
  for (const MailKind* kind : mail_kind::all()) {
    auto more = faults(*kind);
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  if (!all.empty()) throw invalid(std::move(all));
}

void MailTemplates::read(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  std::filesystem::directory_iterator entries(folder, error);
  for (const std::filesystem::directory_iterator end; !error && entries != end; entries.increment(error))
    paths.push_back(entries->path());
  if (error)
    throw invalid({"settings", "MAIL_TEMPLATES_DIR"},
                  "The folder of MAIL_TEMPLATES_DIR, " + folder + ", cannot be read: " + error.message(),
                  "value_error.folder");
  for (const std::filesystem::path& path : paths) {
    const std::string ending = path.extension().string();
    if (ending != ".txt" && ending != ".html") continue;
    const std::string name = path.filename().string();
    const auto size = std::filesystem::file_size(path, error);
    if (error || size > largest_file)
      throw invalid({fault(path.string(), error ? "cannot be read: " + error.message() : "is larger than 256 KiB")});
    const auto kept = folder_files_.emplace(name, read_file(path)).first;
    sources_.insert_or_assign(name, Source{kept->second, path.string()});
  }
}

void MailTemplates::add(const MailKind& kind) {
  if (!kinds_.insert(kind.name).second) return;
  for (const MailTemplate& each : kind.templates)
    if (!folder_files_.contains(each.file))
      sources_.insert_or_assign(std::string(each.file), Source{each.source, std::string(each.file)});
  std::vector<Fault> all = faults(kind);
  if (!find(kind.name, "", "txt"))
    all.push_back(fault(file_name(kind.name, "", "txt"), "is missing; the mail needs one in English"));
  if (!all.empty()) throw invalid(std::move(all));
}

const MailTemplates::Source* MailTemplates::find(std::string_view name, std::string_view language,
                                                 std::string_view ending) const {
  const auto found = sources_.find(file_name(name, language, ending));
  return found == sources_.end() ? nullptr : &found->second;
}

std::vector<Fault> MailTemplates::faults(const MailKind& kind) const {
  const std::vector<std::string> placeholders = placeholders_of(kind);
  std::vector<Fault> all;
  for (const auto& [file, source] : sources_) {
    const auto parsed = parse_file_name(file);
    if (!parsed || parsed->name != kind.name) continue;
    const bool is_text = parsed->ending == "txt";
    const auto parts = parse_text(source.text);
    std::vector<std::string> said;
    if (find_malformed_utf8(source.text))
      said.emplace_back("is not UTF-8");
    else if (is_text && !parts)
      said.emplace_back("must begin with a line `Subject: …`, and have a text after it");
    else
      said = template_faults(source.text, is_text ? TemplateForm::text : TemplateForm::html, placeholders);
    if (is_text && said.empty()) said = template_faults(html_of_text(parts->body), TemplateForm::html, placeholders);
    if (!is_text && !find(parsed->name, parsed->language, "txt"))
      said.push_back("needs " + file_name(parsed->name, parsed->language, "txt") + " beside it, for its subject");
    for (const std::string& what : said) all.push_back(fault(source.origin, what));
  }
  return all;
}

std::vector<Fault> MailTemplates::layout_faults() const {
  std::vector<Fault> all;
  for (const auto& [file, source] : sources_) {
    const auto parsed = parse_file_name(file);
    if (!parsed || parsed->name != layout || parsed->ending != "html") continue;
    std::vector<std::string> said;
    if (find_malformed_utf8(source.text))
      said.emplace_back("is not UTF-8");
    else
      said = template_faults(source.text, TemplateForm::layout, layout_placeholders());
    if (said.empty() && source.text.find("{{{content}}}") == std::string_view::npos)
      said.emplace_back("has no place for the mail; write {{{content}}}");
    for (const std::string& what : said) all.push_back(fault(source.origin, what));
  }
  return all;
}

std::string MailTemplates::language_of(const MailKind& kind, std::string_view preferred) const {
  for (const std::string_view language : {preferred, preferred.substr(0, preferred.find('-'))})
    if (!language.empty() && find(kind.name, language, "txt")) return std::string(language);
  return {};
}

MailText MailTemplates::render(const MailKind& kind, std::string_view language, const Values& values) const {
  const Source* source = find(kind.name, language, "txt");
  const auto parts = source ? parse_text(source->text) : std::nullopt;
  if (!parts) throw internal("There is no template of the mail " + std::string(kind.name));
  MailText mail;
  mail.subject = render_template(parts->subject, TemplateForm::text, values);
  mail.text = render_template(parts->body, TemplateForm::text, values) + "\n";
  const Source* html = find(kind.name, language, "html");
  const std::string content =
      render_template(html ? std::string(html->text) : html_of_text(parts->body), TemplateForm::html, values);

  const Source* page = find(layout, language, "html");
  if (!page) page = find(layout, language.substr(0, language.find('-')), "html");
  if (!page) page = find(layout, "", "html");
  if (!page) throw internal("There is no layout for mails");
  mail.html = render_template(page->text, TemplateForm::layout,
                              {{"content", content},
                               {"language", language.empty() ? "en" : std::string(language)},
                               {"school", values.at("school")},
                               {"subject", mail.subject}});
  return mail;
}

std::vector<std::string> MailTemplates::strays() const {
  std::vector<std::string> files;
  for (const auto& [file, text] : folder_files_) {
    const auto parsed = parse_file_name(file);
    const bool is_layout = parsed && parsed->name == layout && parsed->ending == "html";
    if (!is_layout && !(parsed && kinds_.contains(parsed->name))) files.push_back(file);
  }
  return files;
}

}  // namespace lms
