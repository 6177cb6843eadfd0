#pragma once

#include <string>
#include <vector>

#include <lms/schema.hpp>

#include "backend/sqlite/sqlite_storage.hpp"

namespace lms::testing {

/// Where the tables of a database and the schemas differ, in words; empty if they agree. Looks at columns, their types,
/// nulls, keys, unique sets, references and the indexes that the schemas ask for.
std::vector<std::string> table_differences(sqlite::SqliteStorage& storage, const std::vector<const Schema*>& schemas);

/// Makes the tables of these schemas, which no migration makes.
void create_tables(sqlite::SqliteStorage& storage, const std::vector<const Schema*>& schemas);

}  // namespace lms::testing
