#include <lms/spi/mailer.hpp>

#include <algorithm>
#include <string_view>

#include <lms/error.hpp>

#include "base/formats.hpp"
#include "base/utf8.hpp"

namespace lms {

Mailer::~Mailer() = default;

namespace {

void require(bool holds, const char* fault) {
  if (!holds) throw Error(ErrorCode::invalid, "mail_malformed", std::string("The mail cannot be sent: ") + fault);
}

bool is_id(std::string_view text) {
  constexpr std::size_t longest = 100;
  return !text.empty() && text.size() <= longest && text.front() != '.' && text.back() != '.' &&
         text.find("..") == std::string_view::npos && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                  c == '.';
         });
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_line(std::string_view text) {
  return !find_malformed_utf8(text) && is_plain_line(text);
}

bool is_text(std::string_view text) {
  return !find_malformed_utf8(text) && text.find('\0') == std::string_view::npos;
}

}  // namespace

void require_sendable(const Mail& mail) {
  require(is_id(mail.id), "its id must be letters, digits, hyphens, underscores and dots.");
  require(is_ascii(mail.to) && normal_email(mail.to), "the recipient must be an address such as ada@example.org.");
  require(is_line(mail.to_name), "the recipient's name must be one line of UTF-8 without control characters.");
  require(is_line(mail.subject) && is_visible(mail.subject),
          "the subject must be one line of UTF-8 without control characters.");
  require(is_text(mail.text) && is_visible(mail.text), "the text must be UTF-8 without NUL, and say something.");
  require(is_text(mail.html), "the HTML must be UTF-8 without NUL.");
  require(mail.language.empty() || is_language(mail.language), "the language must be such as en or pt-BR.");
}

}  // namespace lms
