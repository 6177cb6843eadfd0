#include "contract/table_check.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "backend/sql/create_table.hpp"

namespace lms::testing {

namespace {

using Names = std::vector<std::string>;

struct Column {
  std::string type;
  bool nullable;
  bool key;
};

struct Table {
  std::map<std::string, Column> columns;
  std::map<std::string, std::string> references;
  std::set<Names> uniques;  // each sorted
  std::vector<Names> indexes;
};

/// The rows of a query, as texts.
std::vector<Names> rows(sql::Connection& connection, const std::string& query, int columns) {
  std::vector<Names> result;
  const auto statement = connection.prepare(query);
  sql::Execution execution(*statement);
  while (execution.step()) {
    Names& row = result.emplace_back();
    for (int i = 0; i < columns; ++i) row.push_back(statement->text(i));
  }
  return result;
}

Names sorted(Names names) {
  std::sort(names.begin(), names.end());
  return names;
}

Table read_table(sql::Connection& connection, const std::string& name) {
  Table table;
  for (const Names& row : rows(connection, "PRAGMA table_info(\"" + name + "\")", 6))
    table.columns.emplace(row[1], Column{row[2], row[3] == "0", row[5] != "0"});
  for (const Names& row : rows(connection, "PRAGMA foreign_key_list(\"" + name + "\")", 4))
    table.references.emplace(row[3], row[2]);
  for (const Names& row : rows(connection, "PRAGMA index_list(\"" + name + "\")", 4)) {
    Names fields;
    for (const Names& field : rows(connection, "PRAGMA index_info(\"" + row[1] + "\")", 3)) fields.push_back(field[2]);
    if (row[2] == "1" && row[3] != "pk") table.uniques.insert(sorted(fields));
    table.indexes.push_back(std::move(fields));
  }
  return table;
}

std::string joined(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return "(" + text + ")";
}

void compare_field(const Field& field, bool key, const Table& table, const sql::Dialect& dialect, Names& faults) {
  const auto column = table.columns.find(field.name);
  if (column == table.columns.end()) {
    faults.push_back("has no column " + field.name);
    return;
  }
  const auto expect = [&](bool agrees, const std::string& fault) {
    if (!agrees) faults.push_back(field.name + " " + fault);
  };
  const std::string type = dialect.column_type(field.type);
  expect(column->second.type == type, "is " + column->second.type + " instead of " + type);
  expect(column->second.nullable == field.nullable, field.nullable ? "should take null" : "should be NOT NULL");
  expect(column->second.key == key, key ? "should be the key" : "should not be in the key");
  const auto reference = table.references.find(field.name);
  const std::string referenced = reference == table.references.end() ? "" : reference->second;
  expect(referenced == field.references, "refers to '" + referenced + "' instead of '" + field.references + "'");
}

Names compare(const Schema& schema, const Table& table, const sql::Dialect& dialect) {
  Names faults;
  for (const Field& field : schema.fields())
    compare_field(field, field.name == schema.key().name, table, dialect, faults);
  for (const auto& [name, column] : table.columns)
    if (schema.find(name) == nullptr) faults.push_back("has a column that the schema lacks: " + name);

  std::set<Names> uniques;
  for (const Names& unique : schema.uniques()) uniques.insert(sorted(unique));
  for (const Names& unique : uniques)
    if (!table.uniques.contains(unique)) faults.push_back("should have UNIQUE " + joined(unique));
  for (const Names& unique : table.uniques)
    if (!uniques.contains(unique)) faults.push_back("should not have UNIQUE " + joined(unique));

  for (const Names& wanted : schema.indexes()) {
    const auto serves = [&](const Names& index) {
      return index.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), index.begin());
    };
    if (std::none_of(table.indexes.begin(), table.indexes.end(), serves))
      faults.push_back("has no index that begins with " + joined(wanted));
  }
  return faults;
}

}  // namespace

std::vector<std::string> table_differences(sqlite::SqliteStorage& storage, const std::vector<const Schema*>& schemas) {
  Names differences;
  storage.exclusively([&](sql::Connection& connection) {
    for (const Schema* schema : schemas) {
      if (!connection.has_table(schema->table())) {
        differences.push_back("there is no table " + schema->table());
        continue;
      }
      for (const std::string& fault : compare(*schema, read_table(connection, schema->table()), connection.dialect()))
        differences.push_back(schema->table() + " " + fault);
    }
  });
  return differences;
}

void create_tables(sqlite::SqliteStorage& storage, const std::vector<const Schema*>& schemas) {
  storage.exclusively([&](sql::Connection& connection) {
    for (const Schema* schema : schemas) connection.execute(sql::create_table_sql(*schema, connection.dialect()));
  });
}

}  // namespace lms::testing
