#pragma once

#include <string>
#include <vector>

#include <lms/query.hpp>
#include <lms/schema.hpp>

#include "backend/sql/connection.hpp"

/// Operations as SQL. The text of an operation depends only on its schema and shape, never on values, so that
/// statements can be kept.
namespace lms::sql {

/// A text and the values of its placeholders. It refers to the operation it was made from, which must outlive it.
struct Rendered {
  std::string text;
  std::vector<Parameter> parameters;
};

/// A value as a column of this type takes it.
Parameter parameter(FieldType type, const Value& value);
/// A record's key as `search_tokens` names it.
Parameter search_key(const Value& key);

/// `columns` are those of the result.
Rendered render_select(const Dialect& dialect, const Schema& schema, const std::string& columns, const Query& query);
Rendered render_count(const Dialect& dialect, const Schema& schema, const Condition& where, std::size_t limit);
Rendered render_aggregate(const Dialect& dialect, const Schema& schema, const Aggregate& aggregate);
/// Returns these columns of the rows changed; empty: nothing.
Rendered render_update(const Dialect& dialect, const Schema& schema, const std::string& columns, const Condition& where,
                       const std::vector<Assignment>& assignments);
/// Returns the keys of the rows removed.
Rendered render_remove(const Dialect& dialect, const Schema& schema, const Condition& where);

/// Takes a whole record.
std::string insert_text(const Schema& schema);
/// Takes the fields of these numbers, then the key.
std::string update_text(const Schema& schema, const std::vector<std::size_t>& fields);
/// Takes a whole record. Returns the key of the row that holds the record now.
std::string upsert_text(const Schema& schema, const std::vector<std::string>& by);

}  // namespace lms::sql
