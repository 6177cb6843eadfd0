#include "base/mailbox.hpp"

#include "base/formats.hpp"
#include "base/utf8.hpp"

namespace lms {

namespace {

/// What stands between quotes; nullopt if it is no quoted text.
std::optional<std::string> unquoted(std::string_view text) {
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '"') return std::nullopt;
    if (text[i] == '\\' && ++i + 1 >= text.size()) return std::nullopt;
    out += text[i];
  }
  return out;
}

}  // namespace

std::optional<Mailbox> parse_mailbox(std::string_view text) {
  if (find_malformed_utf8(text) || !is_plain_line(text)) return std::nullopt;
  text = without_blanks_around(text);
  Mailbox mailbox;
  std::string_view address = text;
  if (text.ends_with('>')) {
    const auto opening = text.rfind('<');
    if (opening == std::string_view::npos) return std::nullopt;
    address = text.substr(opening + 1, text.size() - opening - 2);
    const std::string_view name = without_blanks_around(text.substr(0, opening));
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"') {
      auto inside = unquoted(name);
      if (!inside) return std::nullopt;
      mailbox.name = *std::move(inside);
    } else {
      mailbox.name = name;
    }
  }
  auto normal = normal_email(address);
  if (!normal) return std::nullopt;
  mailbox.address = *std::move(normal);
  return mailbox;
}

}  // namespace lms
