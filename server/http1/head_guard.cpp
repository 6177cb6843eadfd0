#include "http1/head_guard.hpp"

namespace lms::http1 {

namespace {

constexpr std::size_t max_empty_lines = 2;

}  // namespace

std::size_t HeadGuard::scan(std::string_view bytes) noexcept {
  std::size_t good = 0;
  while (good < bytes.size() && !complete_ && !too_long_) {
    too_long_ = seen_ == max_bytes_;
    if (too_long_ || !take(bytes[good])) break;
    ++good;
  }
  return good;
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
