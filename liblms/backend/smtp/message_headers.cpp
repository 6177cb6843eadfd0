#include "backend/smtp/message_headers.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "base/encoding.hpp"
#include "base/utf8.hpp"

namespace lms {

namespace {

constexpr std::size_t longest_line = 76;
constexpr std::string_view fold = "\r\n ";

bool is_printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

/// Whether the text may stand in a header as it is: a reader finds no encoded word in it, and it can be folded.
bool stands_as_it_is(std::string_view text) {
  if (!is_printable_ascii(text) || text.find("=?") != std::string_view::npos ||
      text.find("  ") != std::string_view::npos || text.starts_with(' ') || text.ends_with(' '))
    return false;
  while (!text.empty()) {
    const auto word = std::min(text.find(' '), text.size());
    if (word > longest_line - 20) return false;
    text.remove_prefix(std::min(word + 1, text.size()));
  }
  return true;
}

/// `=?UTF-8?B?…?=` as often as it needs; none is so long that the header's name would not fit beside it.
std::string encoded_words(std::string_view text) {
  constexpr std::size_t bytes_in_a_word = 39;
  std::string out;
  while (!text.empty()) {
    const std::string_view piece = cut_utf8(text, bytes_in_a_word);
    if (!out.empty()) out += fold;
    out += "=?UTF-8?B?" + to_base64(piece) + "?=";
    text.remove_prefix(piece.size());
  }
  return out;
}

std::string folded(std::string line) {
  std::size_t start = 0;  // of the present line
  std::size_t last_blank = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == ' ' && i > start + 1) last_blank = i;
    if (i - start < longest_line || last_blank <= start) continue;
    line.replace(last_blank, 1, fold);
    start = last_blank + 2;
    i += 2;
  }
  return line;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string text_header(std::string_view name, std::string_view text) {
  std::string line = std::string(name) + ": ";
  return stands_as_it_is(text) ? folded(line.append(text)) : line + encoded_words(text);
}

std::string address_header(std::string_view name, const Mailbox& mailbox) {
  std::string line = std::string(name) + ": ";
  if (mailbox.name.empty()) return line + mailbox.address;
  const bool as_it_is = mailbox.name.size() < 50 && stands_as_it_is(mailbox.name);
  line += as_it_is ? quoted(mailbox.name) : encoded_words(mailbox.name);
  return line.append(fold) + "<" + mailbox.address + ">";
}

std::string date_header(Time time) {
  using namespace std::chrono;
  constexpr std::array<const char*, 7> weekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  std::array<char, 64> line{};
  std::snprintf(line.data(), line.size(), "Date: %s, %02u %s %04d %02d:%02d:%02d +0000",
                weekdays.at(weekday(day).c_encoding()), static_cast<unsigned>(date.day()),
                months.at(static_cast<unsigned>(date.month()) - 1), static_cast<int>(date.year()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return line.data();
}

}  // namespace lms
