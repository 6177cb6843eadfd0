#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <lms/query.hpp>
#include <lms/schema.hpp>

/// What every backend reads out of a query in the same way.
namespace lms {

/// One step of a total order.
struct OrderTerm {
  std::size_t field;  ///< index into the schema's fields, unless by relevance
  bool by_relevance;
  bool descending;
};

/// The order asked for, completed by the key, so that no two records are equal in it.
std::vector<OrderTerm> total_order(const Schema& schema, const std::vector<Order>& order);

/// Whether that order is the key's own, ascending.
bool is_key_order(const Schema& schema, const std::vector<OrderTerm>& order);

/// The key that a record must have, if the condition says just that; otherwise null.
const Value* key_asked_for(const Schema& schema, const Condition& condition);

/// The key that a record must have at least, if the condition says so at its top level; otherwise null.
const Value* key_implied(const Schema& schema, const Condition& condition);

/// The words that relevance is measured by: those of the `matches` at the top level of the condition.
std::vector<std::string> relevance_words(const Condition& condition);

}  // namespace lms
