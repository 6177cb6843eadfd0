#pragma once

#include <string>

#include <lms/schema.hpp>

#include "backend/sql/connection.hpp"

namespace lms::sql {

/// The statements that make the table and the indexes which the schema asks for. Each reference has an index, so that
/// removing what it refers to scans nothing.
std::string create_table_sql(const Schema& schema, const Dialect& dialect);

}  // namespace lms::sql
