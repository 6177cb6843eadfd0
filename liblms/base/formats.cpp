#include "base/formats.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <unicode/bytestream.h>
#include <unicode/idna.h>
#include <unicode/timezone.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <lms/error.hpp>

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

std::unique_ptr<const icu::IDNA> make_idna() {
  UErrorCode status = U_ZERO_ERROR;
  std::unique_ptr<const icu::IDNA> idna(icu::IDNA::createUTS46Instance(
      UIDNA_USE_STD3_RULES | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ | UIDNA_NONTRANSITIONAL_TO_ASCII, status));
  if (U_FAILURE(status)) throw internal(std::string("ICU has no domain names: ") + u_errorName(status));
  return idna;
}

/// The ASCII form of a domain with two labels or more, in lower case.
std::optional<std::string> ascii_domain(std::string_view domain) {
  static const std::unique_ptr<const icu::IDNA> idna = make_idna();  // thread-safe
  std::string ascii;
  icu::StringByteSink<std::string> sink(&ascii);
  icu::IDNAInfo info;
  UErrorCode status = U_ZERO_ERROR;
  idna->nameToASCII_UTF8({domain.data(), static_cast<std::int32_t>(domain.size())}, sink, info, status);
  // Hyphens in the third and fourth place are unusual, but do no harm.
  const std::uint32_t faults = info.getErrors() & ~std::uint32_t{UIDNA_ERROR_HYPHEN_3_4};
  if (U_FAILURE(status) || faults != 0 || ascii.find('.') == std::string::npos || ascii.ends_with('.'))
    return std::nullopt;
  return ascii;
}

bool is_blank(UChar32 c) {
  constexpr UChar32 zero_width_space = 0x200B, word_joiner = 0x2060, byte_order_mark = 0xFEFF;
  return u_isUWhiteSpace(c) || c == zero_width_space || c == word_joiner || c == byte_order_mark;
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

bool is_visible(std::string_view text) {
  constexpr UChar32 braille_blank = 0x2800;
  for (std::size_t position = 0; position < text.size();) {
    const auto point = next_code_point(text, position);
    if (!point) return false;
    const auto c = static_cast<UChar32>(*point);
    const bool hidden = u_isUWhiteSpace(c) || u_iscntrl(c) || u_charType(c) == U_FORMAT_CHAR || c == braille_blank ||
                        u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT);
    if (!hidden) return true;
  }
  return false;
}

std::string_view without_blanks_around(std::string_view text) {
  std::size_t begin = text.size();
  std::size_t end = text.size();
  for (std::size_t position = 0; position < text.size();) {
    const std::size_t before = position;
    const auto point = next_code_point(text, position);
    if (point && is_blank(static_cast<UChar32>(*point))) continue;
    if (!point) return text;
    begin = std::min(begin, before);
    end = position;
  }
  return begin == text.size() ? std::string_view() : text.substr(begin, end - begin);
}

bool is_plain_line(std::string_view text) {
  for (std::size_t position = 0; position < text.size();) {
    const auto point = next_code_point(text, position);
    if (!point) return false;
    const auto c = static_cast<UChar32>(*point);
    const bool breaks = u_charType(c) == U_LINE_SEPARATOR || u_charType(c) == U_PARAGRAPH_SEPARATOR;
    const bool turns = (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
    if (u_charType(c) == U_CONTROL_CHAR || breaks || turns) return false;
  }
  return true;
}

std::optional<std::string> normal_email(std::string_view text) {
  constexpr std::size_t longest = 254, longest_local = 64;
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || text.size() > 4 * longest || !is_solid(text, "\"(),:;<>[\\]"))
    return std::nullopt;
  const std::string_view local = text.substr(0, at);
  const bool dots_fit = !local.starts_with('.') && !local.ends_with('.') && local.find("..") == std::string_view::npos;
  if (local.empty() || local.size() > longest_local || !dots_fit || !std::all_of(local.begin(), local.end(), is_ascii))
    return std::nullopt;
  const auto domain = ascii_domain(text.substr(at + 1));
  if (!domain || at + 1 + domain->size() > longest) return std::nullopt;
  return std::string(local) + '@' + *domain;
}

bool is_timezone(std::string_view text) {
  // ICU knows more names than IANA: three letters of its own (PST), SystemV zones, Etc/Unknown.
  static constexpr std::array<std::string_view, 13> short_names{"CET", "EET", "EST", "GMT", "HST", "MET", "MST",
                                                                "PRC", "ROC", "ROK", "UCT", "UTC", "WET"};
  constexpr std::string_view of_icu = "SystemV/";
  if (text.starts_with(of_icu) || !std::all_of(text.begin(), text.end(), is_ascii)) return false;
  if (text.size() == 3 && std::find(short_names.begin(), short_names.end(), text) == short_names.end()) return false;
  icu::UnicodeString canonical;
  UBool known = 0;
  UErrorCode status = U_ZERO_ERROR;
  icu::TimeZone::getCanonicalID(icu::UnicodeString(text.data(), static_cast<std::int32_t>(text.size()), US_INV),
                                canonical, known, status);
  return U_SUCCESS(status) && known != 0;
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
