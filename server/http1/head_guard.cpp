#include "http1/head_guard.hpp"

#include <algorithm>
#include <utility>

namespace lms::http1 {

namespace {

constexpr std::size_t max_empty_lines = 2;

}  // namespace

std::size_t HeadGuard::scan(std::string_view bytes) noexcept {
  std::size_t good = 0;
  while (good < bytes.size() && !complete_ && !too_long_) {
    if (column_ > 0 && lines_ > 0) good += skip_text(bytes.substr(good));
    if (good == bytes.size()) break;
    too_long_ = seen_ == max_bytes_;
    if (too_long_ || !take(bytes[good])) break;
    ++good;
  }
  return good;
}

/// Within a header, everything is good up to the next control character.
std::size_t HeadGuard::skip_text(std::string_view bytes) noexcept {
  if (after_cr_) return 0;
  const std::string_view allowed = bytes.substr(0, max_bytes_ - seen_);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' '; };
  const auto end = std::find_if(allowed.begin(), allowed.end(), is_control);
  const auto length = static_cast<std::size_t>(end - allowed.begin());
  seen_ += length;
  column_ += length;
  return length;
}

bool HeadGuard::take(char c) noexcept {
  ++seen_;
  if (after_cr_) {
    after_cr_ = false;
    return c == '\n' ? end_line() : refuse("a carriage return stands alone");
  }
  switch (c) {
    case '\r':
      after_cr_ = true;
      return true;
    case '\n':
      return refuse("a line feed stands alone");
    case '\0':
      return refuse("it contains a NUL");
    default:
      break;
  }
  if (std::exchange(after_blank_, c == ' ') && c == ' ' && lines_ == 0)
    return refuse("its first line has two blanks in a row");
  if (column_ == 0) {
    if (c == ' ' || c == '\t') return refuse("a line starts with white space");
    if (c == ':') return refuse("a header has no name");
  }
  ++column_;
  return true;
}

bool HeadGuard::end_line() noexcept {
  if (column_ > 0) {
    ++lines_;
  } else if (lines_ > 0) {
    complete_ = true;
  } else if (++empty_lines_ > max_empty_lines) {
    return refuse("empty lines stand before it");
  }
  column_ = 0;
  return true;
}

bool HeadGuard::refuse(std::string_view fault) noexcept {
  fault_ = fault;
  return false;
}

}  // namespace lms::http1
