#include "http/header_text.hpp"

#include <algorithm>

namespace lms {

namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Takes what stands before the first separator off the text, and that separator.
std::string_view take_until(std::string_view& text, char separator) noexcept {
  const std::string_view taken = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(taken.size() + 1, text.size()));
  return taken;
}

std::string unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  std::string result;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && i + 2 < text.size()) ++i;
    result += text[i];
  }
  return result;
}

}  // namespace

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

bool same_token(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::vector<std::string> list_elements(const http::Headers& headers, std::string_view name) {
  std::vector<std::string> elements;
  for (const auto& [field, value] : headers) {
    if (!same_token(field, name)) continue;
    std::string_view rest = value;
    while (!rest.empty())
      if (const std::string_view element = trimmed(take_until(rest, ',')); !element.empty())
        elements.emplace_back(element);
  }
  return elements;
}

std::optional<std::string_view> bearer_token(const http::Headers& headers) noexcept {
  constexpr std::string_view scheme = "Bearer";
  const std::string* field = headers.find("Authorization");
  if (!field) return std::nullopt;
  const std::string_view credentials = trimmed(*field);
  if (!same_token(credentials.substr(0, credentials.find(' ')), scheme)) return std::nullopt;
  return trimmed(credentials.substr(scheme.size()));
}

std::string_view without_parameters(std::string_view text) noexcept {
  return trimmed(text.substr(0, text.find(';')));
}

std::optional<std::string> parameter(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::string_view part = trimmed(take_until(text, ';'));
    const std::size_t equals = part.find('=');
    if (equals != std::string_view::npos && same_token(trimmed(part.substr(0, equals)), name))
      return unquoted(trimmed(part.substr(equals + 1)));
  }
  return std::nullopt;
}

}  // namespace lms
