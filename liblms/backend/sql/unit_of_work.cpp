#include "backend/sql/unit_of_work.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <lms/spi/conflict.hpp>

#include "backend/query_plan.hpp"
#include "backend/sql/render.hpp"
#include "backend/sql/text.hpp"
#include "base/search.hpp"

namespace lms::sql {

namespace {

/// Names the conflict that a violated constraint means for this operation.
template <class Operation>
auto naming_conflicts(const Schema& schema, Error (*foreign_key)(const Schema&), Operation&& operation) {
  try {
    return operation();
  } catch (const ConstraintViolation& violation) {
    throw violation.kind == ConstraintViolation::Kind::unique ? record_exists(schema) : foreign_key(schema);
  }
}

Value stored_json(const std::string& text) {
  try {
    return parse_json(text, {.max_depth = 1000});
  } catch (const Error&) {
    throw internal("a stored JSON text is malformed");
  }
}

Value read(const Statement& statement, std::size_t index, FieldType type, bool nullable = true) {
  const int column = static_cast<int>(index);
  if (nullable && statement.is_null(column)) return {};
  switch (type) {
    case FieldType::boolean:
      return statement.boolean(column);
    case FieldType::integer:
    case FieldType::time:
      return statement.integer(column);
    case FieldType::real:
      return statement.real(column);
    case FieldType::text:
    case FieldType::uuid:
      return statement.text(column);
    default:
      return stored_json(statement.text(column));
  }
}

Record read_record(const Statement& statement, const Schema& schema) {
  const auto& fields = schema.fields();
  Record record;
  record.reserve(fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i)
    record.push_back(read(statement, i, fields[i].type, fields[i].nullable));
  return record;
}

/// Hands over the records of the result, whose columns are these fields, or all if none are named.
template <class Taker>
void read_records(Execution& execution, const Statement& statement, const Schema& schema,
                  const std::vector<std::string>& fields, Taker&& take) {
  constexpr std::size_t left_out = SIZE_MAX;
  const std::size_t size = schema.fields().size();
  std::vector<std::size_t> columns(size, left_out);
  for (std::size_t i = 0; i < size && fields.empty(); ++i) columns[i] = i;
  for (std::size_t i = 0; i < fields.size(); ++i) columns[schema.index_of(fields[i])] = i;
  Record record;
  while (execution.step()) {
    record.clear();
    record.reserve(size);
    for (std::size_t i = 0; i < size; ++i) {
      const Field& field = schema.fields()[i];
      record.push_back(columns[i] == left_out ? Value() : read(statement, columns[i], field.type, field.nullable));
    }
    take(std::move(record));
  }
}

auto appending_to(std::vector<Record>& records) {
  return [&records](Record&& record) { records.push_back(std::move(record)); };
}

/// Whether a query that asks for a key asks for nothing else.
bool is_find(const Query& query) {
  return query.after.empty() && query.offset == 0 && query.limit != 0 && query.lock == Lock::none;
}

FieldType result_type(const Schema& schema, const Measure& measure) {
  switch (measure.kind) {
    case Measure::Kind::count:
    case Measure::Kind::count_distinct:
      return FieldType::integer;
    case Measure::Kind::average:
      return FieldType::real;
    default:
      return schema.fields()[schema.index_of(measure.field)].type;
  }
}

}  // namespace

std::size_t SqlUnitOfWork::run(Statement& statement, const Schema& schema, const Record& record) {
  std::vector<Parameter> parameters;
  parameters.reserve(record.size());
  for (std::size_t i = 0; i < record.size(); ++i) parameters.push_back(parameter(schema.fields()[i].type, record[i]));
  return Execution(statement, parameters).finish();
}

std::vector<Value> SqlUnitOfWork::run_returning_keys(Statement& statement, const Schema& schema,
                                                     const std::vector<Parameter>& parameters) {
  std::vector<Value> keys;
  Execution execution(statement, parameters);
  while (execution.step()) keys.push_back(read(statement, 0, schema.key().type));
  return keys;
}

void SqlUnitOfWork::do_insert(const Schema& schema, const std::vector<Record>& records) {
  Statement& insert = *session_.table(schema).insert;
  for (const Record& record : records) {
    naming_conflicts(schema, reference_missing, [&] { run(insert, schema, record); });
    const Value& key = record[schema.key_index()];
    changed(schema, key);
    add_words(schema, record, key);
  }
}

bool SqlUnitOfWork::do_insert_if_absent(const Schema& schema, const Record& record) {
  Statement& insert = *session_.table(schema).insert_if_absent;
  const auto inserted = naming_conflicts(schema, reference_missing, [&] { return run(insert, schema, record); });
  if (inserted == 0) return false;
  const Value& key = record[schema.key_index()];
  changed(schema, key);
  add_words(schema, record, key);
  return true;
}

void SqlUnitOfWork::do_upsert(const Schema& schema, const Record& record, const std::vector<std::string>& by) {
  std::vector<Parameter> parameters;
  for (std::size_t i = 0; i < record.size(); ++i) parameters.push_back(parameter(schema.fields()[i].type, record[i]));
  Statement& upsert = session_.statement(upsert_text(schema, by));
  const std::vector<Value> keys =
      naming_conflicts(schema, reference_missing, [&] { return run_returning_keys(upsert, schema, parameters); });
  changed(schema, keys.front());
  remove_words(schema, keys.front());
  add_words(schema, record, keys.front());
}

/// Sets what differs from the stored record, and nothing else: SQLite writes every index that has a column in SET, and
/// checks every reference.
bool SqlUnitOfWork::do_update(const Schema& schema, const Record& record) {
  const auto* known = session_.records ? session_.records->find(schema, record[schema.key_index()], {}) : nullptr;
  const std::optional<Record> read = known ? std::nullopt : find_by_key(schema, record[schema.key_index()]);
  const std::optional<Record>& before = known ? *known : read;
  if (!before) return false;
  std::vector<std::size_t> differing;
  std::vector<Parameter> parameters;
  for (std::size_t i = 0; i < record.size(); ++i) {
    if (record[i] == (*before)[i]) continue;
    differing.push_back(i);
    parameters.push_back(parameter(schema.fields()[i].type, record[i]));
  }
  if (differing.empty()) return true;
  const Value& key = record[schema.key_index()];
  parameters.push_back(parameter(schema.key().type, key));
  Statement& update = session_.statement(update_text(schema, differing));
  naming_conflicts(schema, reference_missing, [&] { Execution(update, parameters).finish(); });
  changed(schema, key);
  const bool reindex = std::any_of(differing.begin(), differing.end(),
                                   [&](std::size_t i) { return schema.fields()[i].search_weight > 0; });
  if (reindex) {
    remove_words(schema, key);
    add_words(schema, record, key);
  }
  return true;
}

std::vector<Record> SqlUnitOfWork::do_update_where(const Schema& schema, const Condition& where,
                                                   const std::vector<Assignment>& assignments, Returning returning) {
  const bool reindex = std::any_of(assignments.begin(), assignments.end(), [&](const Assignment& assignment) {
    return schema.find(assignment.field)->search_weight > 0;
  });
  const std::size_t key = schema.key_index();
  std::vector<std::string> fields;
  if (returning == Returning::keys && !reindex) fields.push_back(schema.key().name);
  // A result costs SQLite a table to keep it in, more than the change of one row.
  const Value* const only = fields.empty() ? nullptr : key_implied(schema, where);
  const Rendered sql =
      render_update(dialect(), schema, only != nullptr ? std::string() : columns(schema, fields), where, assignments);
  Statement& update = session_.statement(sql.text);
  std::vector<Record> updated;
  naming_conflicts(schema, reference_missing, [&] {
    Execution execution(update, sql.parameters);
    if (only == nullptr)
      read_records(execution, update, schema, fields, appending_to(updated));
    else if (execution.finish() > 0)
      updated.emplace_back(schema.fields().size())[key] = *only;
  });

  for (const Record& record : updated) changed(schema, record[key]);
  std::sort(updated.begin(), updated.end(),
            [key](const Record& a, const Record& b) { return Value::compare(a[key], b[key]) < 0; });
  if (reindex) {
    for (const Record& record : updated) {
      remove_words(schema, record[key]);
      add_words(schema, record, record[key]);
    }
  }
  return updated;
}

std::size_t SqlUnitOfWork::do_remove_where(const Schema& schema, const Condition& where) {
  if (const Value* key = key_asked_for(schema, where)) {
    Statement& remove = *session_.table(schema).remove;
    const Parameter parameters[] = {parameter(schema.key().type, *key)};
    const auto removed =
        naming_conflicts(schema, record_in_use, [&] { return Execution(remove, parameters).finish(); });
    changed(schema, *key);
    if (removed > 0) remove_words(schema, *key);
    return removed;
  }
  const Rendered sql = render_remove(dialect(), schema, where);
  Statement& remove = session_.statement(sql.text);
  const std::vector<Value> keys =
      naming_conflicts(schema, record_in_use, [&] { return run_returning_keys(remove, schema, sql.parameters); });
  for (const Value& key : keys) {
    changed(schema, key);
    remove_words(schema, key);
  }
  return keys.size();
}

std::optional<Record> SqlUnitOfWork::find_by_key(const Schema& schema, const Value& key) {
  Statement& find = *session_.table(schema).find;
  const Parameter parameters[] = {parameter(schema.key().type, key)};
  Execution execution(find, parameters);
  if (!execution.step()) return std::nullopt;
  return read_record(find, schema);
}

/// To be called whenever a record may have changed.
void SqlUnitOfWork::changed(const Schema& schema, const Value& key) {
  if (session_.records) session_.records->forget(schema, key);
}

std::vector<Record> SqlUnitOfWork::do_select(const Schema& schema, const Query& query) {
  std::vector<Record> found;
  const Value* key = key_asked_for(schema, query.where);
  if (key == nullptr || !is_find(query)) {
    select(schema, query, appending_to(found));
    // Who reads one record in order to write may well replace it.
    if (session_.records && writable() && query.fields.empty() && found.size() == 1)
      session_.records->keep(schema, found.front()[schema.key_index()], {}, &found.front());
    return found;
  }
  const auto* known = session_.records ? session_.records->find(schema, *key, query.fields) : nullptr;
  if (known != nullptr) {
    if (*known) found.push_back(**known);
    return found;
  }
  if (!query.fields.empty())
    select(schema, query, appending_to(found));
  else if (auto record = find_by_key(schema, *key))
    found.push_back(*std::move(record));
  if (session_.records) session_.records->keep(schema, *key, query.fields, found.empty() ? nullptr : &found.front());
  return found;
}

/// Unless some of it may be remembered.
void SqlUnitOfWork::do_for_each(const Schema& schema, const Query& query, const Use& use) {
  if (writable() || key_asked_for(schema, query.where) != nullptr) return UnitOfWork::do_for_each(schema, query, use);
  select(schema, query, use);
}

template <class Taker>
void SqlUnitOfWork::select(const Schema& schema, const Query& query, Taker&& take) {
  const Rendered sql = render_select(dialect(), schema, columns(schema, query.fields), query);
  Statement& select = session_.statement(sql.text);
  Execution execution(select, sql.parameters);
  read_records(execution, select, schema, query.fields, take);
}

/// As a SELECT or RETURNING lists them.
std::string SqlUnitOfWork::columns(const Schema& schema, const std::vector<std::string>& fields) {
  return fields.empty() ? session_.table(schema).columns : column_list(fields);
}

std::size_t SqlUnitOfWork::do_count(const Schema& schema, const Condition& where, std::size_t limit) {
  const Rendered sql = render_count(dialect(), schema, where, limit);
  Statement& count = session_.statement(sql.text);
  Execution execution(count, sql.parameters);
  execution.step();
  return static_cast<std::size_t>(count.integer(0));
}

std::vector<Record> SqlUnitOfWork::do_aggregate(const Schema& schema, const Aggregate& aggregate) {
  std::vector<FieldType> types;
  for (const Grouping& grouping : aggregate.groups) types.push_back(schema.find(grouping.field)->type);
  for (const Measure& measure : aggregate.measures) types.push_back(result_type(schema, measure));

  const Rendered sql = render_aggregate(dialect(), schema, aggregate);
  Statement& select = session_.statement(sql.text);
  Execution execution(select, sql.parameters);
  std::vector<Record> rows;
  while (execution.step()) {
    Record& row = rows.emplace_back();
    for (std::size_t i = 0; i < types.size(); ++i) row.push_back(read(select, i, types[i]));
  }
  return rows;
}

void SqlUnitOfWork::add_words(const Schema& schema, const Record& record, const Value& key) {
  if (!schema.searchable()) return;
  Statement& insert = session_.statement("INSERT INTO search_tokens (kind, token, record, weight) VALUES (?, ?, ?, ?)");
  for (const SearchToken& token : search_tokens(schema, record)) {
    const Parameter parameters[] = {&schema.table(), &token.token, search_key(key), std::int64_t{token.weight}};
    Execution(insert, parameters).finish();
  }
}

void SqlUnitOfWork::remove_words(const Schema& schema, const Value& key) {
  if (!schema.searchable()) return;
  Statement& remove = session_.statement("DELETE FROM search_tokens WHERE kind = ? AND record = ?");
  const Parameter parameters[] = {&schema.table(), search_key(key)};
  Execution(remove, parameters).finish();
}

}  // namespace lms::sql
