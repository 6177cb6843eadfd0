#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The language of templates: Mustache's `{{name}}`, `{{#name}} … {{/name}}` and `{{^name}} … {{/name}}`.
namespace lms {

using TemplateValues = std::map<std::string, std::string, std::less<>>;

enum class TemplateForm {
  text,
  html,   ///< values are escaped
  layout  ///< the same; `{{{content}}}` is HTML already
};

/// Puts the values in; a section shows if its value is not empty.
/// @throws Error internal if the source is malformed or names a value that there is none of.
std::string render_template(std::string_view source, TemplateForm form, const TemplateValues& values);

/// What is wrong with a source that may use those placeholders, each as it completes "the template …".
std::vector<std::string> template_faults(std::string_view source, TemplateForm form,
                                         std::span<const std::string> placeholders);

/// The text of a template as HTML: paragraphs, and `{{link}}` at the end of one as a button with the words before it.
std::string html_of_text(std::string_view source);

}  // namespace lms
