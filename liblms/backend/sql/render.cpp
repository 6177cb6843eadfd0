#include "backend/sql/render.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "backend/query_plan.hpp"
#include "backend/sql/text.hpp"
#include "base/search.hpp"

namespace lms::sql {

namespace {

using Kind = Condition::Kind;

bool is_json(FieldType type) {
  return type == FieldType::list || type == FieldType::object;
}

std::int64_t row_count(std::size_t count) {
  return static_cast<std::int64_t>(std::min<std::size_t>(count, INT64_MAX));
}

class Renderer {
 public:
  Renderer(const Dialect& dialect, const Schema& schema) : dialect_(dialect), schema_(schema) {
    rendered_.text.reserve(usual_length);
  }

  Renderer& operator<<(std::string_view text) {
    rendered_.text += text;
    return *this;
  }
  Renderer& name(std::string_view name) {
    rendered_.text += '"';
    rendered_.text += name;
    rendered_.text += '"';
    return *this;
  }
  /// `"courses"."title"`: unmistakable inside a subquery.
  Renderer& column(std::string_view field) {
    name(schema_.table());
    rendered_.text += '.';
    return name(field);
  }
  template <class T>
  Renderer& value(T&& value) {
    rendered_.text += '?';
    return take(std::forward<T>(value));
  }
  /// For a text that has the placeholder already.
  template <class T>
  Renderer& take(T&& value) {
    rendered_.parameters.emplace_back(std::forward<T>(value));
    return *this;
  }

  void condition(const Condition& condition);
  void where(const Condition& condition) {
    if (condition.kind == Kind::all && condition.operands.empty()) return;
    *this << " WHERE ";
    this->condition(condition);
  }
  /// Adds to a WHERE clause: strictly after the record with these values.
  void after(const std::vector<OrderTerm>& order, const std::vector<Value>& cursor);
  void order_by(const std::vector<OrderTerm>& order, const Condition& searched);
  void assignments(const std::vector<Assignment>& assignments);

  Rendered done() { return std::move(rendered_); }

 private:
  void joined(const std::vector<Condition>& operands, std::string_view word);
  void comparison(const Condition& condition, std::string_view sign);
  void among(const Condition& condition);
  void search(const std::string& text);
  void token_range(const std::string& word);
  void relevance(const std::vector<std::string>& words);
  void at_cursor(const OrderTerm& term, const Value& value);
  void beyond_cursor(const OrderTerm& term, const Value& value);

  const Field& field(const std::string& name) const { return schema_.fields()[schema_.index_of(name)]; }
  bool has_text_key() const { return schema_.key().type == FieldType::text || schema_.key().type == FieldType::uuid; }

  static constexpr std::size_t usual_length = 512;

  const Dialect& dialect_;
  const Schema& schema_;
  Rendered rendered_;
};

void Renderer::condition(const Condition& condition) {
  switch (condition.kind) {
    case Kind::all:
      if (condition.operands.empty())
        *this << "TRUE";
      else
        joined(condition.operands, " AND ");
      break;
    case Kind::any:
      if (condition.operands.empty())
        *this << "FALSE";
      else
        joined(condition.operands, " OR ");
      break;
    case Kind::none:
      if (condition.operands.empty()) {
        *this << "TRUE";
      } else if (condition.operands.size() == 1 && condition.operands.front().kind == Kind::is_null) {
        column(condition.operands.front().field) << " IS NOT NULL";  // an index can answer this
      } else {
        // A comparison with null is NULL in SQL and false here: NOT would tell them apart.
        *this << "(";
        joined(condition.operands, " OR ");
        *this << " IS NOT TRUE)";
      }
      break;
    case Kind::equal:
      comparison(condition, " = ");
      break;
    case Kind::less:
      comparison(condition, " < ");
      break;
    case Kind::less_equal:
      comparison(condition, " <= ");
      break;
    case Kind::greater:
      comparison(condition, " > ");
      break;
    case Kind::greater_equal:
      comparison(condition, " >= ");
      break;
    case Kind::in:
      among(condition);
      break;
    case Kind::is_null:
      column(condition.field) << " IS NULL";
      break;
    case Kind::contains: {
      const FieldType element = field(condition.field).element;
      *this << dialect_.contains(sql::column(schema_, condition.field), element);
      take(parameter(element, condition.values.front()));
      break;
    }
    case Kind::matches:
      search(condition.values.front().as_string());
      break;
  }
}

void Renderer::joined(const std::vector<Condition>& operands, std::string_view word) {
  *this << "(";
  bool first = true;
  for (const Condition& operand : operands) {
    if (!std::exchange(first, false)) *this << word;
    condition(operand);
  }
  *this << ")";
}

void Renderer::comparison(const Condition& condition, std::string_view sign) {
  column(condition.field) << sign;
  value(parameter(field(condition.field).type, condition.values.front()));
}

void Renderer::among(const Condition& condition) {
  const FieldType type = field(condition.field).type;
  std::string elements = "[";
  for (const Value& element : condition.values) {
    if (elements.size() > 1) elements += ',';
    append_json(elements, is_json(type) && !element.is_null() ? Value(to_json(element)) : element);
  }
  elements += ']';
  column(condition.field) << " IN (" << dialect_.elements(type) << ")";
  take(std::move(elements));
}

void Renderer::token_range(const std::string& word) {
  *this << "token >= ";
  value(word) << " AND token <= ";
  value(word + "\U0010FFFF");  // no character stands behind it
}

void Renderer::search(const std::string& text) {
  std::vector<std::string> wanted = words(text);
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  if (wanted.empty()) *this << "FALSE";
  bool first = true;
  for (const std::string& word : wanted) {
    if (!std::exchange(first, false)) *this << " AND ";
    column(schema_.key().name) << " IN (SELECT " << (has_text_key() ? "record" : "CAST(record AS BIGINT)")
                               << " FROM search_tokens WHERE kind = '" << schema_.table() << "' AND ";
    token_range(word);
    *this << ")";
  }
}

void Renderer::relevance(const std::vector<std::string>& words) {
  const std::string key = sql::column(schema_, schema_.key().name);
  bool first = true;
  for (const std::string& word : words) {
    if (!std::exchange(first, false)) *this << " + ";
    *this << "(SELECT SUM(CASE WHEN token = ";
    value(word) << " THEN 2 * weight ELSE weight END) FROM search_tokens WHERE kind = '" << schema_.table()
                << "' AND record = " << (has_text_key() ? key : "CAST(" + key + " AS TEXT)") << " AND ";
    token_range(word);
    *this << ")";
  }
}

void Renderer::at_cursor(const OrderTerm& term, const Value& value) {
  const Field& field = schema_.fields()[term.field];
  column(field.name);
  if (value.is_null())
    *this << " IS NULL";
  else
    (*this << " = ").value(parameter(field.type, value));
}

void Renderer::beyond_cursor(const OrderTerm& term, const Value& value) {
  const Field& field = schema_.fields()[term.field];
  if (value.is_null()) {
    column(field.name) << " IS NOT NULL";
    return;
  }
  const bool nulls_follow = field.nullable && term.descending;
  *this << (nulls_follow ? "(" : "");
  column(field.name) << (term.descending ? " < " : " > ");
  this->value(parameter(field.type, value));
  if (nulls_follow) (*this << " OR ").column(field.name) << " IS NULL)";
}

void Renderer::after(const std::vector<OrderTerm>& order, const std::vector<Value>& cursor) {
  const Field& leading = schema_.fields()[order.front().field];
  if (order.size() > 1 && !leading.nullable) {  // implied by what follows; an index can start from it
    column(leading.name) << (order.front().descending ? " <= " : " >= ");
    value(parameter(leading.type, cursor.front())) << " AND ";
  }
  *this << "(";
  for (std::size_t last = 0; last < order.size(); ++last) {
    if (order[last].descending && cursor[last].is_null()) continue;  // nulls come last: none lies beyond
    if (rendered_.text.back() != '(') *this << " OR ";
    *this << "(";
    for (std::size_t i = 0; i < last; ++i) {
      at_cursor(order[i], cursor[i]);
      *this << " AND ";
    }
    beyond_cursor(order[last], cursor[last]);
    *this << ")";
  }
  *this << ")";
}

void Renderer::order_by(const std::vector<OrderTerm>& order, const Condition& searched) {
  std::string_view separator = " ORDER BY ";
  for (const OrderTerm& term : order) {
    if (term.by_relevance) {
      const std::vector<std::string> words = relevance_words(searched);
      if (words.empty()) continue;
      *this << std::exchange(separator, ", ");
      relevance(words);
      *this << (term.descending ? " DESC" : "");
      continue;
    }
    const Field& field = schema_.fields()[term.field];
    *this << std::exchange(separator, ", ");
    column(field.name) << (term.descending ? " DESC" : "");
    if (field.nullable) *this << (term.descending ? " NULLS LAST" : " NULLS FIRST");
  }
}

void Renderer::assignments(const std::vector<Assignment>& assignments) {
  std::string_view separator = " SET ";
  for (const Assignment& assignment : assignments) {
    (*this << std::exchange(separator, ", ")).name(assignment.field) << " = ";
    if (assignment.increment) name(assignment.field) << " + ";
    const FieldType type = field(assignment.field).type;
    value(parameter(type, assignment.value));
  }
}

std::string grouped(const Schema& schema, const Grouping& grouping) {
  std::string name = column(schema, grouping.field);
  if (grouping.bucket == 0) return name;
  const std::string size = std::to_string(grouping.bucket);
  return name + " - ((" + name + " % " + size + " + " + size + ") % " + size + ")";  // % takes the sign of the time
}

std::string measured(const Schema& schema, const Measure& measure) {
  if (measure.kind == Measure::Kind::count) return "COUNT(*)";
  const std::string name = column(schema, measure.field);
  switch (measure.kind) {
    case Measure::Kind::count_distinct:
      return "COUNT(DISTINCT " + name + ")";
    case Measure::Kind::sum:
      return schema.find(measure.field)->type == FieldType::integer ? "CAST(COALESCE(SUM(" + name + "), 0) AS BIGINT)"
                                                                    : "COALESCE(SUM(" + name + "), 0.0)";
    case Measure::Kind::average:
      return "CAST(AVG(" + name + ") AS DOUBLE PRECISION)";
    case Measure::Kind::minimum:
      return "MIN(" + name + ")";
    default:
      return "MAX(" + name + ")";
  }
}

/// The number of a result column, from 1: a group's field before a measure's name.
std::size_t ordinal(const Aggregate& aggregate, const std::string& name) {
  const auto& groups = aggregate.groups;
  const auto& measures = aggregate.measures;
  const auto group = std::find_if(groups.begin(), groups.end(), [&](const Grouping& g) { return g.field == name; });
  if (group != groups.end()) return static_cast<std::size_t>(group - groups.begin()) + 1;
  const auto measure = std::find_if(measures.begin(), measures.end(), [&](const Measure& m) { return m.as == name; });
  return groups.size() + static_cast<std::size_t>(measure - measures.begin()) + 1;
}

}  // namespace

Parameter parameter(FieldType type, const Value& value) {
  if (value.is_null()) return std::monostate{};
  switch (type) {
    case FieldType::boolean:
      return value.as_bool();
    case FieldType::integer:
    case FieldType::time:
      if (value.is_real()) return value.as_real();
      return value.as_integer();
    case FieldType::real:
      return value.as_real();
    case FieldType::text:
    case FieldType::uuid:
      return &value.as_string();
    default:
      return to_json(value);
  }
}

Parameter search_key(const Value& key) {
  if (key.is_string()) return &key.as_string();
  return std::to_string(key.as_integer());
}

Rendered render_select(const Dialect& dialect, const Schema& schema, const std::string& columns, const Query& query) {
  Renderer sql(dialect, schema);
  (sql << "SELECT " << columns << " FROM ").name(schema.table());
  const std::vector<OrderTerm> order = total_order(schema, query.order);
  sql.where(query.where);
  if (!query.after.empty()) {
    const bool filtered = query.where.kind != Kind::all || !query.where.operands.empty();
    sql << (filtered ? " AND " : " WHERE ");
    sql.after(order, query.after);
  }
  sql.order_by(order, query.where);
  if (query.limit || query.offset > 0) {
    sql << " LIMIT ";
    sql.value(row_count(query.limit.value_or(SIZE_MAX)));
  }
  if (query.offset > 0) {
    sql << " OFFSET ";
    sql.value(row_count(query.offset));
  }
  sql << dialect.lock(query.lock);
  return sql.done();
}

Rendered render_count(const Dialect& dialect, const Schema& schema, const Condition& where, std::size_t limit) {
  Renderer sql(dialect, schema);
  const bool limited = limit != SIZE_MAX;
  sql << (limited ? "SELECT COUNT(*) FROM (SELECT 1 FROM " : "SELECT COUNT(*) FROM ") << quoted(schema.table());
  sql.where(where);
  if (limited) {
    sql << " LIMIT ";
    sql.value(row_count(limit)) << ") AS counted";
  }
  return sql.done();
}

Rendered render_aggregate(const Dialect& dialect, const Schema& schema, const Aggregate& aggregate) {
  Renderer sql(dialect, schema);
  std::string_view separator = "SELECT ";
  for (const Grouping& grouping : aggregate.groups) sql << std::exchange(separator, ", ") << grouped(schema, grouping);
  for (const Measure& measure : aggregate.measures) sql << std::exchange(separator, ", ") << measured(schema, measure);
  sql << " FROM " << quoted(schema.table());
  sql.where(aggregate.where);

  separator = " GROUP BY ";
  for (std::size_t i = 1; i <= aggregate.groups.size(); ++i) sql << std::exchange(separator, ", ") << std::to_string(i);

  separator = " ORDER BY ";
  const auto order_by = [&](std::size_t column, bool descending) {
    sql << std::exchange(separator, ", ") << std::to_string(column)
        << (descending ? " DESC NULLS LAST" : " NULLS FIRST");
  };
  for (const Order& order : aggregate.order) order_by(ordinal(aggregate, order.field), order.descending);
  for (std::size_t i = 1; i <= aggregate.groups.size(); ++i) order_by(i, false);
  if (aggregate.limit) {
    sql << " LIMIT ";
    sql.value(row_count(*aggregate.limit));
  }
  return sql.done();
}

Rendered render_update(const Dialect& dialect, const Schema& schema, const std::string& columns, const Condition& where,
                       const std::vector<Assignment>& assignments) {
  Renderer sql(dialect, schema);
  sql << "UPDATE " << quoted(schema.table());
  sql.assignments(assignments);
  sql.where(where);
  if (!columns.empty()) sql << " RETURNING " << columns;
  return sql.done();
}

Rendered render_remove(const Dialect& dialect, const Schema& schema, const Condition& where) {
  Renderer sql(dialect, schema);
  sql << "DELETE FROM " << quoted(schema.table());
  sql.where(where);
  sql << " RETURNING " << quoted(schema.key().name);
  return sql.done();
}

std::string insert_text(const Schema& schema) {
  std::string text = "INSERT INTO " + quoted(schema.table()) + " (" + column_list(schema) + ") VALUES (";
  for (std::size_t i = 0; i < schema.fields().size(); ++i) text += i == 0 ? "?" : ", ?";
  return text + ")";
}

std::string update_text(const Schema& schema, const std::vector<std::size_t>& fields) {
  std::string text = "UPDATE " + quoted(schema.table());
  std::string_view separator = " SET ";
  for (const std::size_t field : fields)
    (text += std::exchange(separator, ", ")) += quoted(schema.fields()[field].name) + " = ?";
  return text + where_key(schema);
}

std::string upsert_text(const Schema& schema, const std::vector<std::string>& by) {
  const std::string& key = schema.key().name;
  std::string text = insert_text(schema) + " ON CONFLICT (";
  for (std::size_t i = 0; i < by.size(); ++i) text += (i == 0 ? "" : ", ") + quoted(by[i]);
  text += ")";
  std::string_view separator = " DO UPDATE SET ";
  for (const Field& field : schema.fields())
    if (field.name != key || schema.fields().size() == 1)
      (text += std::exchange(separator, ", ")) += quoted(field.name) + " = excluded." + quoted(field.name);
  return text + " RETURNING " + quoted(key);
}

}  // namespace lms::sql
