#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/schema.hpp>
#include <lms/value.hpp>

/// What can be asked of storage. A query names fields of one schema; values are in stored form.
namespace lms {

/// A test of one record. Comparisons with null hold for no record: ask `is_null`.
struct Condition {
  enum class Kind { all, any, none, equal, less, less_equal, greater, greater_equal, in, is_null, contains, matches };

  Kind kind = Kind::all;                 ///< `all` of nothing holds for every record
  std::vector<Condition> operands = {};  ///< of `all`, `any`, `none`
  std::string field = {};
  std::vector<Value> values = {};  ///< one, or for `in` any number
};

inline Condition everything() {
  return {};
}
inline Condition all_of(std::vector<Condition> operands) {
  return {Condition::Kind::all, std::move(operands), {}, {}};
}
inline Condition any_of(std::vector<Condition> operands) {
  return {Condition::Kind::any, std::move(operands), {}, {}};
}
inline Condition none_of(std::vector<Condition> operands) {
  return {Condition::Kind::none, std::move(operands), {}, {}};
}

namespace detail {
/// Ids, times, enumerators and plain values in stored form.
template <class T>
Value stored(const T& value) {
  if constexpr (requires { Codec<T>::store(value); })
    return Codec<T>::store(value);
  else
    return Value(value);
}
inline Condition compare(Condition::Kind kind, std::string_view field, Value value) {
  return {kind, {}, std::string(field), {std::move(value)}};
}
}  // namespace detail

template <class T>
Condition equal(std::string_view field, const T& value) {
  return detail::compare(Condition::Kind::equal, field, detail::stored(value));
}
template <class T>
Condition less(std::string_view field, const T& value) {
  return detail::compare(Condition::Kind::less, field, detail::stored(value));
}
template <class T>
Condition less_equal(std::string_view field, const T& value) {
  return detail::compare(Condition::Kind::less_equal, field, detail::stored(value));
}
template <class T>
Condition greater(std::string_view field, const T& value) {
  return detail::compare(Condition::Kind::greater, field, detail::stored(value));
}
template <class T>
Condition greater_equal(std::string_view field, const T& value) {
  return detail::compare(Condition::Kind::greater_equal, field, detail::stored(value));
}
template <class T>
Condition in(std::string_view field, const std::vector<T>& values) {
  Condition condition{Condition::Kind::in, {}, std::string(field), {}};
  for (const T& value : values) condition.values.push_back(detail::stored(value));
  return condition;
}
inline Condition is_null(std::string field) {
  return {Condition::Kind::is_null, {}, std::move(field), {}};
}
/// The list field holds the value among its elements.
template <class T>
Condition contains(std::string_view field, const T& value) {
  return detail::compare(Condition::Kind::contains, field, detail::stored(value));
}
/// Full text search over the schema's searchable fields: every word of `text` is the beginning of a word there, blind
/// to case and accents. Text without a word matches nothing.
inline Condition matches(std::string text) {
  return detail::compare(Condition::Kind::matches, "", std::move(text));
}

struct Order {
  std::string field;
  bool descending = false;
};
inline Order ascending(std::string field) {
  return {std::move(field), false};
}
inline Order descending(std::string field) {
  return {std::move(field), true};
}
/// Best match first; only with a `matches` at the top level of the condition (itself, or an operand of its `all`).
inline Order by_relevance() {
  return {"@relevance", true};
}

enum class Lock {
  none,
  update,      ///< the rows stay as they are until this unit ends
  skip_locked  ///< as update, leaving out rows that another unit holds
};

/// Everything is optional. Without an order, records come in the order of their key; an order is completed by the key,
/// so that it is total.
struct Query {
  Condition where = {};
  std::vector<Order> order = {};
  /// Those to read; the others are null in the record, and keep their default in a struct. Empty: all.
  std::vector<std::string> fields = {};
  std::optional<std::size_t> limit = {};
  std::size_t offset = 0;
  /// Keyset cursor: the values of the order's fields, then of the key, of the last record seen. Excludes relevance.
  std::vector<Value> after = {};
  Lock lock = Lock::none;
};

/// A change of `update_where`: sets a field, or adds to a number.
struct Assignment {
  std::string field;
  Value value;
  bool increment = false;
};
template <class T>
Assignment set(std::string field, const T& value) {
  return {std::move(field), detail::stored(value), false};
}
inline Assignment add(std::string field, std::int64_t amount) {
  return {std::move(field), amount, true};
}

/// One column of an aggregation's result.
struct Measure {
  enum class Kind { count, count_distinct, sum, average, minimum, maximum };
  Kind kind = Kind::count;
  std::string field;  ///< unused for `count`, which counts records
  std::string as;     ///< its name, for `order`
};

struct Grouping {
  std::string field;
  /// > 0: group a time by buckets of this many microseconds, counted from 1970; the result is the bucket's start.
  std::int64_t bucket = 0;
};

/// Rows of the result hold the groups' values, then the measures, in the order given here. Nulls are left out of every
/// measure but `count`; `sum` of nothing is 0, the others of nothing are null. Without `groups` there is one row.
struct Aggregate {
  Condition where = {};
  std::vector<Grouping> groups = {};
  std::vector<Measure> measures = {};
  std::vector<Order> order = {};  ///< by a group's field or a measure's name; then by the groups
  std::optional<std::size_t> limit = {};
};

}  // namespace lms
