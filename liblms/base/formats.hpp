#pragma once

#include <string_view>

namespace lms {

/// `person@host.example`, also with letters beyond ASCII; what mail servers decide is not decided here.
bool is_email(std::string_view text);
/// Lower-case ASCII letters and digits in words joined by single hyphens.
bool is_slug(std::string_view text);
/// An http or https address with a host and without user or password.
bool is_url(std::string_view text);
/// `en` or `pt-BR`.
bool is_language(std::string_view text);
/// Three capitals: `EUR`.
bool is_currency(std::string_view text);

}  // namespace lms
