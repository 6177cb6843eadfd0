#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Tables as text (RFC 4180), as spreadsheets write them.
namespace lms {

struct CsvRow {
  std::size_t line = 0;  ///< where it begins, from 1
  std::vector<std::string> fields;
};

/// Reads one row after another. A byte order mark is passed over, lines end with LF or CRLF, and empty ones are left
/// out; the fields are separated by commas, or by semicolons if the first row has one of those and no comma. A field
/// may be quoted, and has separators, line ends and doubled quotes then. Nothing else is guessed: what a cell holds is
/// text. The text outlives the reader.
class CsvReader {
 public:
  static constexpr std::size_t max_fields = 100;  ///< of a row

  explicit CsvReader(std::string_view text);

  /// None at the end.
  /// @throws Error invalid at `body`/line: for bytes that are not UTF-8, a quote that is not closed or stands
  ///   where none may, a carriage return alone, too many fields. No row can be read after that.
  std::optional<CsvRow> next();

 private:
  char separator_of_first_row() const;
  std::string quoted_field();
  std::string plain_field();
  bool at_line_end() const;
  void end_line();

  std::string_view text_;
  std::size_t position_ = 0;
  std::size_t line_ = 1;
  std::optional<std::size_t> malformed_;  ///< the first byte that is not UTF-8
  char separator_ = ',';
};

}  // namespace lms
