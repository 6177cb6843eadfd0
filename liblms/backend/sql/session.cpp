#include "backend/sql/session.hpp"

#include "backend/sql/render.hpp"
#include "backend/sql/text.hpp"

namespace lms::sql {

namespace {

constexpr std::size_t most_statements = 500;

}  // namespace

TableStatements::TableStatements(Connection& connection, const Schema& schema)
    : columns(column_list(schema)),
      insert(connection, insert_text(schema)),
      insert_if_absent(connection, insert_text(schema) + " ON CONFLICT DO NOTHING"),
      find(connection, "SELECT " + columns + " FROM " + quoted(schema.table()) + where_key(schema)),
      remove(connection, "DELETE FROM " + quoted(schema.table()) + where_key(schema)) {}

TableStatements& Session::table(const Schema& schema) {
  const auto found = tables_.find(&schema);
  if (found != tables_.end()) return found->second;
  return tables_.try_emplace(&schema, connection_, schema).first->second;
}

Statement& Session::statement(const std::string& sql) {
  if (const auto found = by_text_.find(sql); found != by_text_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return *recent_.front().statement;
  }
  recent_.push_front({sql, connection_.prepare(sql)});
  by_text_.emplace(recent_.front().sql, recent_.begin());
  if (recent_.size() > most_statements) {
    by_text_.erase(recent_.back().sql);
    recent_.pop_back();
  }
  return *recent_.front().statement;
}

}  // namespace lms::sql
