#include <algorithm>

#include <lms/spi/evaluate.hpp>

#include "backend/evaluate/compare.hpp"
#include "base/search.hpp"

namespace lms {

namespace {

using Kind = Condition::Kind;

}  // namespace

Row::Row(const Schema& schema, Record values) : record(std::move(values)) {
  for (std::size_t i = 0; i < record.size(); ++i)
    if (schema.fields()[i].type == FieldType::real && record[i].is_integer()) record[i] = record[i].as_real();
  if (schema.searchable()) tokens = search_tokens(schema, record);
}

Predicate::Predicate(const Schema& schema, const Condition& condition) : condition_(condition) {
  operands_.reserve(condition.operands.size());
  for (const Condition& operand : condition.operands) operands_.emplace_back(schema, operand);
  if (condition.kind == Kind::matches) words_ = words(condition.values.front().as_string());
  if (condition.field.empty()) return;
  field_ = schema.index_of(condition.field);
  type_ = schema.fields()[field_].type;
}

bool Predicate::operator()(const Row& row) const {
  const auto holds = [&](const Predicate& operand) { return operand(row); };
  switch (condition_.kind) {
    case Kind::all:
      return std::all_of(operands_.begin(), operands_.end(), holds);
    case Kind::any:
      return std::any_of(operands_.begin(), operands_.end(), holds);
    case Kind::none:
      return std::none_of(operands_.begin(), operands_.end(), holds);
    case Kind::matches:
      return relevance(row.tokens, words_) > 0;
    case Kind::is_null:
      return row.record[field_].is_null();
    case Kind::contains:
      return contained_in(row.record[field_]);
    default:
      return compares(row.record[field_]);
  }
}

bool Predicate::compares(const Value& value) const {
  if (value.is_null()) return false;
  return std::any_of(condition_.values.begin(), condition_.values.end(), [&](const Value& wanted) {
    if (wanted.is_null()) return false;
    const int order = compare_columns(type_, value, wanted);
    switch (condition_.kind) {
      case Kind::less:
        return order < 0;
      case Kind::less_equal:
        return order <= 0;
      case Kind::greater:
        return order > 0;
      case Kind::greater_equal:
        return order >= 0;
      default:
        return order == 0;
    }
  });
}

bool Predicate::contained_in(const Value& list) const {
  const Value& wanted = condition_.values.front();
  if (list.is_null() || wanted.is_null()) return false;
  const Array& elements = list.as_array();
  return std::find(elements.begin(), elements.end(), wanted) != elements.end();
}

}  // namespace lms
