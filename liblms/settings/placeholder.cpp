#include "settings/placeholder.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace lms {

namespace {

/// In lower case, with hyphens for blanks and low lines.
constexpr auto placeholders = std::to_array<std::string_view>({
    "default-secret-key-change-in-production",
    "strong-random-string",
});

/// What templates begin their placeholders with; `django-insecure-` is what Django puts into a new project.
constexpr auto beginnings = std::to_array<std::string_view>({
    "your-",
    "change-me",
    "changeme",
    "change-this",
    "replace-me",
    "replace-this",
    "replace-with",
    "insert-your-",
    "django-insecure-",
    "<",
    "${",
    "{{",
});

std::string normal(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_' || c == ' ') c = '-';
  }
  return result;
}

}  // namespace

bool is_placeholder(std::string_view secret) {
  const std::string text = normal(secret);
  const bool is_one_letter = !text.empty() && text.find_first_not_of(text.front()) == std::string::npos;
  return is_one_letter || std::find(placeholders.begin(), placeholders.end(), text) != placeholders.end() ||
         std::any_of(beginnings.begin(), beginnings.end(), [&](std::string_view b) { return text.starts_with(b); });
}

}  // namespace lms
