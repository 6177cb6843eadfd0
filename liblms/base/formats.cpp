#include "base/formats.hpp"

#include <algorithm>
#include <cstddef>

#include <unicode/uchar.h>

#include "base/utf8.hpp"

namespace lms {

namespace {

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

/// Well-formed, without spaces and control characters of any script, and without `forbidden`.
bool is_solid(std::string_view text, std::string_view forbidden) {
  for (std::size_t position = 0; position < text.size();) {
    const auto point = next_code_point(text, position);
    if (!point) return false;
    const auto c = static_cast<UChar32>(*point);
    if (u_isUWhiteSpace(c) || u_iscntrl(c) || u_charType(c) == U_FORMAT_CHAR) return false;
    if (c < 0x80 && forbidden.find(static_cast<char>(c)) != std::string_view::npos) return false;
  }
  return true;
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(),
                     [](char c) { return is_lower(c) || is_upper(c) || is_digit(c) || c == '-' || !is_ascii(c); });
}

bool is_domain(std::string_view domain) {
  std::size_t labels = 0;
  for (;;) {
    const std::size_t dot = domain.find('.');
    if (!is_label(domain.substr(0, dot))) return false;
    ++labels;
    if (dot == std::string_view::npos) return labels >= 2;
    domain.remove_prefix(dot + 1);
  }
}

bool take_prefix(std::string_view& text, std::string_view lower_case) {
  if (text.size() < lower_case.size()) return false;
  for (std::size_t i = 0; i < lower_case.size(); ++i)
    if ((is_upper(text[i]) ? static_cast<char>(text[i] - 'A' + 'a') : text[i]) != lower_case[i]) return false;
  text.remove_prefix(lower_case.size());
  return true;
}

bool is_port(std::string_view text) {
  int port = 0;
  return !text.empty() && text.size() <= 5 && std::all_of(text.begin(), text.end(), [&](char c) {
    port = port * 10 + (c - '0');
    return is_digit(c);
  }) && port <= 65535;
}

bool is_authority(std::string_view text) {
  if (text.find('@') != std::string_view::npos) return false;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    const std::string_view after = text.substr(end + 1);
    return after.empty() || (after.front() == ':' && is_port(after.substr(1)));
  }
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && !is_port(text.substr(colon + 1))) return false;
  return !text.substr(0, colon).empty();
}

}  // namespace

bool is_email(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || text.size() > 254 || !is_solid(text, "\"(),:;<>[\\]")) return false;
  const std::string_view local = text.substr(0, at);
  const bool dots_fit = !local.starts_with('.') && !local.ends_with('.') && local.find("..") == std::string_view::npos;
  return !local.empty() && local.size() <= 64 && dots_fit && is_domain(text.substr(at + 1));
}

bool is_slug(std::string_view text) {
  char before = '-';
  for (const char c : text) {
    if (!is_lower(c) && !is_digit(c) && (c != '-' || before == '-')) return false;
    before = c;
  }
  return before != '-';
}

bool is_url(std::string_view text) {
  if (!is_solid(text, "\"<>\\^`{|}")) return false;
  if (!take_prefix(text, "https://") && !take_prefix(text, "http://")) return false;
  return is_authority(text.substr(0, text.find_first_of("/?#")));
}

bool is_language(std::string_view text) {
  if (text.size() != 2 && text.size() != 5) return false;
  if (!is_lower(text[0]) || !is_lower(text[1])) return false;
  return text.size() == 2 || (text[2] == '-' && is_upper(text[3]) && is_upper(text[4]));
}

bool is_currency(std::string_view text) {
  return text.size() == 3 && std::all_of(text.begin(), text.end(), is_upper);
}

}  // namespace lms
