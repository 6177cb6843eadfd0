#include "backend/query_plan.hpp"

#include <utility>

#include "base/search.hpp"

namespace lms {

std::vector<OrderTerm> total_order(const Schema& schema, const std::vector<Order>& order) {
  static const std::string relevance = by_relevance().field;
  const std::size_t key = schema.key_index();
  std::vector<OrderTerm> terms;
  terms.reserve(order.size() + 1);
  for (const Order& step : order) {
    if (step.field == relevance) {
      terms.push_back({0, true, step.descending});
      continue;
    }
    terms.push_back({schema.index_of(step.field), false, step.descending});
    if (terms.back().field == key) return terms;
  }
  terms.push_back({key, false, false});
  return terms;
}

bool is_key_order(const Schema& schema, const std::vector<OrderTerm>& order) {
  return !order.front().by_relevance && order.front().field == schema.key_index() && !order.front().descending;
}

const Value* key_asked_for(const Schema& schema, const Condition& condition) {
  if (condition.kind != Condition::Kind::equal || condition.field != schema.key().name) return nullptr;
  const Value& key = condition.values.front();
  return key.is_null() ? nullptr : &key;
}

const Value* key_implied(const Schema& schema, const Condition& condition) {
  if (condition.kind != Condition::Kind::all) return key_asked_for(schema, condition);
  for (const Condition& operand : condition.operands)
    if (const Value* key = key_asked_for(schema, operand)) return key;
  return nullptr;
}

std::vector<std::string> relevance_words(const Condition& condition) {
  using Kind = Condition::Kind;
  std::vector<std::string> found;
  const auto take = [&](const Condition& part) {
    if (part.kind != Kind::matches) return;
    for (std::string& word : words(part.values.front().as_string())) found.push_back(std::move(word));
  };
  take(condition);
  if (condition.kind == Kind::all)
    for (const Condition& part : condition.operands) take(part);
  return found;
}

}  // namespace lms
