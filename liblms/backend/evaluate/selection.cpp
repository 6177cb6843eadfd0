#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include <lms/spi/evaluate.hpp>

#include "backend/evaluate/compare.hpp"
#include "backend/query_plan.hpp"
#include "base/search.hpp"

namespace lms {

namespace {

bool is_after(const Schema& schema, const std::vector<OrderTerm>& order, const std::vector<Value>& cursor,
              const Row& row) {
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t field = order[i].field;
    const int compared = compare_columns(schema.fields()[field].type, row.record[field], cursor[i]);
    if (compared != 0) return order[i].descending ? compared < 0 : compared > 0;
  }
  return false;
}

void sort(const Schema& schema, const std::vector<OrderTerm>& order, const Condition& where,
          std::vector<const Row*>& rows) {
  std::unordered_map<const Row*, std::int64_t> scores;
  if (std::any_of(order.begin(), order.end(), [](const OrderTerm& term) { return term.by_relevance; })) {
    const std::vector<std::string> words = relevance_words(where);
    for (const Row* row : rows) scores[row] = relevance(row->tokens, words);
  }
  const auto before = [&](const Row* a, const Row* b) {
    for (const OrderTerm& term : order) {
      const int compared = term.by_relevance ? Value::compare(scores[a], scores[b])
                                             : compare_columns(schema.fields()[term.field].type, a->record[term.field],
                                                               b->record[term.field]);
      if (compared != 0) return term.descending ? compared > 0 : compared < 0;
    }
    return false;
  };
  if (!std::is_sorted(rows.begin(), rows.end(), before)) std::sort(rows.begin(), rows.end(), before);
}

Record projected(const Schema& schema, const std::vector<std::string>& fields, const Record& record) {
  if (fields.empty()) return record;
  Record result(record.size());
  for (const std::string& field : fields) {
    const std::size_t index = schema.index_of(field);
    result[index] = record[index];
  }
  return result;
}

void assign(Value& value, const Assignment& assignment) {
  if (!assignment.increment) {
    value = assignment.value;
  } else if (value.is_real() || (value.is_integer() && assignment.value.is_real())) {
    value = value.as_real() + assignment.value.as_real();
  } else if (!value.is_null()) {
    value = value.as_integer() + assignment.value.as_integer();
  }
}

}  // namespace

std::vector<Record> selected(const Schema& schema, const Query& query, std::vector<const Row*> rows) {
  const std::vector<OrderTerm> order = total_order(schema, query.order);
  if (!query.after.empty())
    std::erase_if(rows, [&](const Row* row) { return !is_after(schema, order, query.after, *row); });
  sort(schema, order, query.where, rows);

  std::vector<Record> found;
  const std::size_t limit = query.limit.value_or(SIZE_MAX);
  for (std::size_t i = query.offset; i < rows.size() && found.size() < limit; ++i)
    found.push_back(projected(schema, query.fields, rows[i]->record));
  return found;
}

Record assigned(const Schema& schema, Record record, const std::vector<Assignment>& assignments) {
  for (const Assignment& assignment : assignments) assign(record[schema.index_of(assignment.field)], assignment);
  return record;
}

}  // namespace lms
