#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include <lms/error.hpp>
#include <lms/spi/evaluate.hpp>

namespace lms {

namespace {

using Kind = Measure::Kind;

std::int64_t bucket_start(std::int64_t time, std::int64_t size) {
  const std::int64_t rest = time % size;
  return time - (rest < 0 ? rest + size : rest);
}

/// Gathers one measure of one group.
class Gatherer {
 public:
  Gatherer(const Schema& schema, const Measure& measure) : kind_(measure.kind) {
    if (kind_ == Kind::count) return;
    field_ = schema.index_of(measure.field);
    integral_ = schema.fields()[field_].type == FieldType::integer;
  }

  void add(const Record& record) {
    if (kind_ == Kind::count) {
      ++count_;
      return;
    }
    const Value& value = record[field_];
    if (value.is_null()) return;
    ++count_;
    switch (kind_) {
      case Kind::count_distinct:
        distinct_.insert(value);
        break;
      case Kind::sum:
      case Kind::average:
        add_number(value);
        break;
      case Kind::minimum:
        if (count_ == 1 || Value::compare(value, extreme_) < 0) extreme_ = value;
        break;
      default:
        if (count_ == 1 || Value::compare(value, extreme_) > 0) extreme_ = value;
    }
  }

  Value result() const {
    switch (kind_) {
      case Kind::count:
        return count_;
      case Kind::count_distinct:
        return static_cast<std::int64_t>(distinct_.size());
      case Kind::sum:
        return integral_ ? Value(whole_) : Value(real_);
      case Kind::average:
        return count_ == 0 ? Value() : Value(real_ / static_cast<double>(count_));
      default:
        return extreme_;
    }
  }

 private:
  void add_number(const Value& value) {
    real_ += value.as_real();
    if (kind_ == Kind::sum && integral_ && __builtin_add_overflow(whole_, value.as_integer(), &whole_))
      throw internal("a sum is too large for 64 bits");
  }

  Kind kind_;
  std::size_t field_ = 0;
  bool integral_ = false;
  std::int64_t count_ = 0;
  std::int64_t whole_ = 0;
  double real_ = 0;
  Value extreme_;
  std::set<Value, ByValue> distinct_;
};

using Group = std::vector<Gatherer>;

Group new_group(const Schema& schema, const Aggregate& aggregate) {
  Group group;
  for (const Measure& measure : aggregate.measures) group.emplace_back(schema, measure);
  return group;
}

std::size_t column_of(const Aggregate& aggregate, const std::string& name) {
  const auto is_group = [&](const Grouping& grouping) { return grouping.field == name; };
  const auto is_measure = [&](const Measure& measure) { return measure.as == name; };
  const auto& groups = aggregate.groups;
  const auto& measures = aggregate.measures;
  if (const auto found = std::find_if(groups.begin(), groups.end(), is_group); found != groups.end())
    return static_cast<std::size_t>(found - groups.begin());
  const auto found = std::find_if(measures.begin(), measures.end(), is_measure);
  return groups.size() + static_cast<std::size_t>(found - measures.begin());
}

/// The rows come in the order of their groups.
void sort(std::vector<Record>& rows, const Aggregate& aggregate) {
  for (auto order = aggregate.order.rbegin(); order != aggregate.order.rend(); ++order) {
    const std::size_t column = column_of(aggregate, order->field);
    std::stable_sort(rows.begin(), rows.end(), [&](const Record& a, const Record& b) {
      const int compared = Value::compare(a[column], b[column]);
      return order->descending ? compared > 0 : compared < 0;
    });
  }
}

}  // namespace

std::vector<Record> aggregated(const Schema& schema, const Aggregate& aggregate, const std::vector<const Row*>& rows) {
  std::map<std::vector<Value>, Group, ByValues> groups;
  if (aggregate.groups.empty()) groups.emplace(std::vector<Value>(), new_group(schema, aggregate));
  for (const Row* row : rows) {
    std::vector<Value> values;
    for (const Grouping& grouping : aggregate.groups) {
      const Value& value = row->record[schema.index_of(grouping.field)];
      const bool bucketed = grouping.bucket > 0 && !value.is_null();
      values.push_back(bucketed ? Value(bucket_start(value.as_integer(), grouping.bucket)) : value);
    }
    const auto group = groups.try_emplace(std::move(values), new_group(schema, aggregate)).first;
    for (Gatherer& gatherer : group->second) gatherer.add(row->record);
  }

  std::vector<Record> result;
  for (const auto& [values, group] : groups) {
    Record& row = result.emplace_back(values);
    for (const Gatherer& gatherer : group) row.push_back(gatherer.result());
  }
  sort(result, aggregate);
  if (aggregate.limit && *aggregate.limit < result.size()) result.resize(*aggregate.limit);
  return result;
}

}  // namespace lms
