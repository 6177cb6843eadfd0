#include <doctest/doctest.h>

#include <set>

#include <lms/lms.hpp>

#include "contract/table_check.hpp"

using namespace lms;

TEST_CASE("the migrations make the tables that the schemas ask for") {
  sqlite::SqliteStorage storage((SqliteOptions()));
  storage.migrate();
  for (const std::string& difference : testing::table_differences(storage, stored_schemas())) FAIL_CHECK(difference);
}

TEST_CASE("no table that the migrations make is left out of that") {
  sqlite::SqliteStorage storage((SqliteOptions()));
  storage.migrate();
  std::set<std::string> unnamed;
  storage.exclusively([&](sql::Connection& connection) {
    const auto statement =
        connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'");
    sql::Execution execution(*statement);
    while (execution.step()) unnamed.emplace(statement->text(0));
  });
  for (const Schema* schema : stored_schemas()) CHECK(unnamed.erase(schema->table()) == 1);
  CHECK(unnamed == std::set<std::string>{"schema_migrations", "search_tokens"});  // the storage's own
}
