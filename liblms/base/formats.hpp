#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lms {

/// Whether there is anything to see in a well-formed text: blanks, controls and characters without a width are not.
bool is_visible(std::string_view text);
/// The text without the blanks around it, those of no width included.
std::string_view without_blanks_around(std::string_view text);
/// Whether a well-formed text is one line that is read as it is written: no control characters, line breaks, or
/// characters that turn the direction of what follows. Joiners, marks and emoji sequences are welcome.
bool is_plain_line(std::string_view text);

/// An address such as `ada@example.org` as it is kept: the part before the `@` as given, the domain in ASCII
/// (`xn--…`, UTS #46) and in lower case. nullopt for what is none; what mail servers decide is not decided here.
std::optional<std::string> normal_email(std::string_view text);
/// A name of the IANA time zone database, be it an alias: `Europe/Madrid`, `UTC`.
bool is_timezone(std::string_view text);
/// Lower-case ASCII letters and digits in words joined by single hyphens.
bool is_slug(std::string_view text);
/// An http or https address with a host and without user or password.
bool is_url(std::string_view text);
/// `en` or `pt-BR`.
bool is_language(std::string_view text);
/// Three capitals: `EUR`.
bool is_currency(std::string_view text);

}  // namespace lms
