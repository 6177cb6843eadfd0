#include "base/csv.hpp"

#include <algorithm>

#include <lms/error.hpp>

#include "base/utf8.hpp"

namespace lms {

namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

Error malformed(std::size_t line, const std::string& what) {
  return invalid({"body", line}, "line " + std::to_string(line) + ": " + what, "value_error.csv");
}

}  // namespace

CsvReader::CsvReader(std::string_view text) : text_(text), malformed_(find_malformed_utf8(text)) {
  if (text_.starts_with(byte_order_mark)) position_ = byte_order_mark.size();
  separator_ = separator_of_first_row();
}

char CsvReader::separator_of_first_row() const {
  bool is_quoted = false;
  bool has_semicolon = false;
  for (const char c : text_.substr(position_)) {
    if (c == '"') is_quoted = !is_quoted;
    if (is_quoted) continue;
    if (c == '\n') break;
    if (c == ',') return ',';
    if (c == ';') has_semicolon = true;
  }
  return has_semicolon ? ';' : ',';
}

bool CsvReader::at_line_end() const {
  return position_ == text_.size() || text_[position_] == '\n' || text_[position_] == '\r';
}

void CsvReader::end_line() {
  if (position_ == text_.size()) return;
  if (text_[position_] == '\r' && text_.substr(position_, 2) != "\r\n")
    throw malformed(line_, "a carriage return alone ends no line; save the file with line ends of Windows or Unix");
  position_ += text_[position_] == '\r' ? 2 : 1;
  ++line_;
}

std::optional<CsvRow> CsvReader::next() {
  CsvRow row;
  do {
    if (position_ == text_.size()) return std::nullopt;
    row = {line_, {}};
    for (;;) {
      const bool is_quoted = position_ < text_.size() && text_[position_] == '"';
      if (row.fields.size() == max_fields)
        throw malformed(row.line, "there are more than " + std::to_string(max_fields) + " fields");
      row.fields.push_back(is_quoted ? quoted_field() : plain_field());
      if (at_line_end()) break;
      ++position_;  // the separator
    }
    end_line();
    if (malformed_ && *malformed_ < position_)
      throw malformed(row.line, "there are bytes that are not UTF-8; save the file as CSV UTF-8");
  } while (row.fields.size() == 1 && row.fields.front().empty());
  return row;
}

/// Ends at a separator or the line's end.
std::string CsvReader::quoted_field() {
  const std::size_t begin = line_;
  std::string field;
  for (++position_;;) {
    const std::size_t quote = text_.find('"', position_);
    if (quote == std::string_view::npos) throw malformed(begin, "a quote is not closed");
    const std::string_view part = text_.substr(position_, quote - position_);
    line_ += static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
    field += part;
    position_ = quote + 1;
    if (position_ == text_.size() || text_[position_] != '"') break;
    field += '"';
    ++position_;
  }
  if (!at_line_end() && text_[position_] != separator_)
    throw malformed(line_, "after a closing quote there must be a separator or the end of the line");
  return field;
}

std::string CsvReader::plain_field() {
  const std::size_t begin = position_;
  while (!at_line_end() && text_[position_] != separator_) {
    if (text_[position_] == '"')
      throw malformed(line_, "a quote stands inside a field; quote the whole field and write the quote twice");
    ++position_;
  }
  return std::string(text_.substr(begin, position_ - begin));
}

}  // namespace lms
