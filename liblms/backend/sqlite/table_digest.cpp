#include "backend/sqlite/table_digest.hpp"

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/crypto.hpp"
#include "base/encoding.hpp"

namespace lms::sqlite {

namespace {

constexpr std::size_t hashed_at_once = 64UL * 1024;

/// A chain of SHA-256: each link covers the one before.
class Chain {
 public:
  void add(std::string_view bytes) {
    waiting_ += bytes;
    if (waiting_.size() >= hashed_at_once) link();
  }
  std::string end() {
    link();
    return to_hex(last_);
  }

 private:
  void link() {
    last_ = sha256(waiting_);
    waiting_.assign(as_text(last_));
  }

  Sha256Digest last_{};
  std::string waiting_;
};

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// With its kind and length before it, so that no two rows look alike.
void add(Chain& chain, const SQLite::Column& column) {
  const auto kind = static_cast<char>(column.getType());
  chain.add({&kind, 1});
  switch (column.getType()) {
    case SQLITE_INTEGER:
      return chain.add(bytes_of(column.getInt64()));
    case SQLITE_FLOAT:
      return chain.add(bytes_of(column.getDouble()));
    case SQLITE_NULL:
      return;
    default:
      break;
  }
  const void* const data = column.getBlob();  // before its length: the order SQLite asks for
  const auto length = static_cast<std::uint64_t>(column.getBytes());
  chain.add(bytes_of(length));
  if (length > 0) chain.add({static_cast<const char*>(data), length});
}

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? "\"\"" : std::string(1, c);
  return text + '"';
}

}  // namespace

std::vector<std::string> table_names(SQLite::Database& database) {
  SQLite::Statement select(
      database,
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY 1");
  std::vector<std::string> names;
  while (select.executeStep()) names.push_back(select.getColumn(0).getString());
  return names;
}

SqliteCopy::Table digest(SQLite::Database& database, const std::string& table) {
  SQLite::Statement select(database, "SELECT * FROM " + quoted(table) + " NOT INDEXED");
  const int columns = select.getColumnCount();
  SqliteCopy::Table result{table, 0, {}};
  Chain chain;
  while (select.executeStep()) {
    ++result.rows;
    for (int i = 0; i < columns; ++i) add(chain, select.getColumn(i));
  }
  result.checksum = chain.end();
  return result;
}

}  // namespace lms::sqlite
