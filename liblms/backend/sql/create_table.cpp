#include "backend/sql/create_table.hpp"

#include <algorithm>
#include <vector>

#include "backend/sql/text.hpp"

namespace lms::sql {

namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + quoted(name);
  return list;
}

std::string index_sql(const Schema& schema, const std::vector<std::string>& fields) {
  std::string name = schema.table() + "_by";
  for (const std::string& field : fields) name += "_" + field;
  return "CREATE INDEX " + quoted(name) + " ON " + quoted(schema.table()) + " (" + joined(fields) + ");\n";
}

/// Those asked for, and one for each reference that begins none of them.
std::vector<std::vector<std::string>> indexes(const Schema& schema) {
  std::vector<std::vector<std::string>> wanted = schema.indexes();
  for (const Field& field : schema.fields()) {
    const auto begins = [&](const std::vector<std::string>& fields) { return fields.front() == field.name; };
    const bool covered = std::any_of(wanted.begin(), wanted.end(), begins) ||
                         std::any_of(schema.uniques().begin(), schema.uniques().end(), begins) ||
                         field.name == schema.key().name;
    if (!field.references.empty() && !covered) wanted.push_back({field.name});
  }
  return wanted;
}

}  // namespace

std::string create_table_sql(const Schema& schema, const Dialect& dialect) {
  std::string sql = "CREATE TABLE " + quoted(schema.table()) + " (";
  std::string separator = "\n  ";
  for (const Field& field : schema.fields()) {
    sql += separator + quoted(field.name) + " " + dialect.column_type(field.type);
    if (!field.nullable) sql += " NOT NULL";
    if (field.name == schema.key().name) sql += " PRIMARY KEY";
    if (!field.references.empty()) sql += " REFERENCES " + quoted(field.references);
    separator = ",\n  ";
  }
  for (const auto& fields : schema.uniques()) sql += separator + "UNIQUE (" + joined(fields) + ")";
  sql += "\n);\n";
  for (const auto& fields : indexes(schema)) sql += index_sql(schema, fields);
  return sql;
}

}  // namespace lms::sql
