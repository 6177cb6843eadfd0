#pragma once

#include <string>
#include <vector>

#include <sqlite3.h>

#include <SQLiteCpp/SQLiteCpp.h>

#include <lms/backends/sqlite.hpp>

namespace lms::sqlite {

/// The tables of a database, SQLite's own apart, by name.
std::vector<std::string> table_names(SQLite::Database& database);

/// Counts the rows of a table and sums up all of its values, in the order of its key. @throws SQLite::Exception
SqliteCopy::Table digest(SQLite::Database& database, const std::string& table);

}  // namespace lms::sqlite
