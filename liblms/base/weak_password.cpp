#include "base/weak_password.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "base/search.hpp"

namespace lms {

namespace {

/// What is left of the most common passwords when patterns, runs, and digits and signs at the end are apart.
constexpr std::array<std::string_view, 40> common{
    "password", "passwort",      "passw0rd", "p@ssword", "p@ssw0rd",   "pa$$word", "contrasena", "motdepasse",
    "senha",    "parola",        "iloveyou", "ilovey0u", "letmein",    "welcome",  "bienvenido", "willkommen",
    "princess", "sunshine",      "football", "baseball", "superman",   "batman",   "starwars",   "pokemon",
    "whatever", "trustno1",      "changeme", "changeit", "secret",     "default",  "computer",   "internet",
    "admin",    "administrator", "student",  "teacher",  "instructor", "school",   "q1w2e3r4",   "1q2w3e4r"};

constexpr std::array<std::string_view, 8> lines{
    "01234567890123456789", "12345678910111213",    "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv",     "1q2w3e4r5t6y7u8i9o0p", "1q2w3e4r5t6z7u8i9o0p",       "qwertzuiopasdfghjklyxcvbnm"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}

bool is_letter_or_digit(char c) {
  return is_letter(c) || (c >= '0' && c <= '9');
}

/// Without digits and signs at the end.
std::string_view stem(std::string_view text) {
  while (!text.empty() && !is_letter(text.back())) text.remove_suffix(1);
  return text;
}

std::string letters_and_digits(std::string_view text) {
  std::string kept = folded(text);
  kept.erase(std::remove_if(kept.begin(), kept.end(), [](char c) { return !is_letter_or_digit(c); }), kept.end());
  return kept;
}

bool repeats(std::string_view text) {
  constexpr std::size_t longest_pattern = 4;
  for (std::size_t period = 1; period <= longest_pattern && 2 * period <= text.size(); ++period)
    if (std::equal(text.begin() + static_cast<std::ptrdiff_t>(period), text.end(), text.begin())) return true;
  return false;
}

bool runs_along(std::string_view text) {
  const std::string backwards(text.rbegin(), text.rend());
  return std::any_of(lines.begin(), lines.end(), [&](std::string_view line) {
    return line.find(text) != std::string_view::npos || line.find(backwards) != std::string_view::npos;
  });
}

/// `abc12345`, `11112222`, `123qweasd`: at most three runs, one after another, each along a line or of one character.
bool is_few_runs(std::string_view text) {
  constexpr std::size_t most = 3, shortest = 2;
  for (std::size_t runs = 0; runs < most && !text.empty(); ++runs) {
    std::size_t length = std::min(text.find_first_not_of(text.front()), text.size());
    while (length < text.size() && runs_along(text.substr(0, length + 1))) ++length;
    if (length < shortest) return false;
    text.remove_prefix(length);
  }
  return text.empty();
}

}  // namespace

bool is_too_common(std::string_view password) {
  const std::string text = folded(password);
  const std::string_view root = stem(text);
  const auto is = [&](std::string_view word) { return text == word || root == word || root == stem(word); };
  constexpr std::size_t shortest_run = 4;
  return std::any_of(common.begin(), common.end(), is) || repeats(text) || is_few_runs(text) ||
         (root.size() >= shortest_run && runs_along(root));
}

bool is_made_of(std::string_view password, std::string_view personal) {
  constexpr std::size_t shortest_name = 3;
  const std::string said = letters_and_digits(password);
  const std::string known = letters_and_digits(personal);
  return said == known || (stem(said).size() >= shortest_name && stem(said) == stem(known));
}

}  // namespace lms
