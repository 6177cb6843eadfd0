#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <lms/export.hpp>
#include <lms/query.hpp>
#include <lms/schema.hpp>

/// What a query means, for stores that cannot evaluate one by themselves. The storage in memory is made of this.
namespace lms {

/// The order of keys and of all values, for ordered containers.
struct ByValue {
  bool operator()(const Value& a, const Value& b) const { return Value::compare(a, b) < 0; }
};
struct ByValues {
  bool operator()(const std::vector<Value>& a, const std::vector<Value>& b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), ByValue());
  }
};

/// A word that a record is found by, folded, and how much it counts.
struct SearchToken {
  std::string token;
  int weight;
};

/// A record as a store keeps it: its reals as reals, and with the words it is found by, which are costly to make.
struct LMS_API Row {
  Row(const Schema& schema, Record values);

  Record record;
  std::vector<SearchToken> tokens;
};

/// A condition bound to the fields of a schema. Both must outlive it. Thread-safe.
class LMS_API Predicate {
 public:
  Predicate(const Schema& schema, const Condition& condition);

  bool operator()(const Row& row) const;

 private:
  bool compares(const Value& value) const;
  bool contained_in(const Value& list) const;

  const Condition& condition_;
  std::vector<Predicate> operands_;
  std::size_t field_ = 0;
  FieldType type_ = FieldType::text;
  std::vector<std::string> words_;
};

/// The answer to a query, from the rows for which its condition holds: ordered, after the cursor, cut, projected. Locks
/// are the store's own business.
LMS_API std::vector<Record> selected(const Schema& schema, const Query& query, std::vector<const Row*> rows);

/// The answer to an aggregate, from the rows for which its condition holds.
/// @throws Error internal if a sum leaves 64 bits.
LMS_API std::vector<Record> aggregated(const Schema& schema, const Aggregate& aggregate,
                                       const std::vector<const Row*>& rows);

/// The record as the assignments leave it.
LMS_API Record assigned(const Schema& schema, Record record, const std::vector<Assignment>& assignments);

}  // namespace lms
