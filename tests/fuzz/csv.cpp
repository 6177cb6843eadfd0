#include <vector>

#include <lms/error.hpp>

#include "base/csv.hpp"
#include "fuzz/target.hpp"

using namespace lms;

namespace {

using Table = std::vector<std::vector<std::string>>;

Table read(std::string_view text) {
  CsvReader reader(text);
  Table table;
  std::size_t line = 0;
  while (auto row = reader.next()) {
    fuzz::promise(row->line > line, "lines are counted forwards");
    fuzz::promise(!row->fields.empty() && row->fields.size() <= CsvReader::max_fields, "a row has fields");
    line = row->line;
    table.push_back(std::move(row->fields));
  }
  return table;
}

/// With every field in quotes, and a comma in the first row so that it separates.
std::string written(const Table& table) {
  std::string text;
  for (const auto& row : table) {
    for (const std::string& field : row) {
      text += text.empty() || text.back() == '\n' ? "\"" : ",\"";
      for (const char c : field) text += c == '"' ? "\"\"" : std::string(1, c);
      text += '"';
    }
    text += '\n';
  }
  return text;
}

}  // namespace

/// A table that is taken is written so that it is taken again, as the same.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const Table table = read(fuzz::text_of(data, size));
    fuzz::promise(read(written(table)) == table, "a table survives the way out and back");
  } catch (const Error& error) {
    fuzz::promise(error.faults().size() == 1, "a refusal names its line");
  }
  return 0;
}
