#pragma once

#include <cstddef>
#include <string_view>

namespace lms::http1 {

/// Watches the bytes of a request's head go by and finds its end. Refuses what llhttp, or another parser on the way
/// here, might read in two ways: bare CR, LF and NUL, folded lines, empty names, blanks in a row between the parts of
/// the first line.
class HeadGuard {
 public:
  explicit HeadGuard(std::size_t max_bytes) noexcept : max_bytes_(max_bytes) {}

  /// Returns how many of the bytes are good and belong to the head; fewer than given at its end or at a fault.
  std::size_t scan(std::string_view bytes) noexcept;
  /// The empty line was seen.
  bool complete() const noexcept { return complete_; }
  /// A byte other than the empty lines that may come first was seen.
  bool started() const noexcept { return lines_ > 0 || column_ > 0; }
  std::size_t lines() const noexcept { return lines_; }
  /// More bytes came than it may have.
  bool too_long() const noexcept { return too_long_; }
  /// What is wrong, for people; empty while nothing is.
  std::string_view fault() const noexcept { return fault_; }

 private:
  std::size_t skip_text(std::string_view bytes) noexcept;
  bool take(char c) noexcept;
  bool end_line() noexcept;
  bool refuse(std::string_view fault) noexcept;

  std::size_t max_bytes_;
  std::size_t seen_ = 0;
  std::size_t lines_ = 0;        // ended ones, empty ones not counted
  std::size_t empty_lines_ = 0;  // before the request line
  std::size_t column_ = 0;
  bool after_cr_ = false;
  bool after_blank_ = false;
  bool complete_ = false;
  bool too_long_ = false;
  std::string_view fault_;
};

}  // namespace lms::http1
