#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <lms/schema.hpp>

/// Pieces of SQL text.
namespace lms::sql {

inline std::string quoted(std::string_view name) {
  return '"' + std::string(name) + '"';
}

/// `"courses"."title"`: unmistakable inside a subquery.
inline std::string column(const Schema& schema, std::string_view field) {
  return quoted(schema.table()) + '.' + quoted(field);
}

inline std::string column_list(const std::vector<std::string>& fields) {
  std::string list;
  for (const std::string& field : fields) {
    if (!list.empty()) list += ", ";
    ((list += '"') += field) += '"';
  }
  return list;
}

/// All of them.
inline std::string column_list(const Schema& schema) {
  std::vector<std::string> fields;
  for (const Field& field : schema.fields()) fields.push_back(field.name);
  return column_list(fields);
}

inline std::string where_key(const Schema& schema) {
  return " WHERE " + quoted(schema.key().name) + " = ?";
}

}  // namespace lms::sql
