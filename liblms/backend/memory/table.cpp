#include "backend/memory/table.hpp"

#include <algorithm>
#include <utility>

namespace lms::memory {

std::vector<Value> Table::Unique::values_of(const Record& record) const {
  std::vector<Value> values;
  values.reserve(fields.size());
  for (const std::size_t field : fields) {
    if (record[field].is_null()) return {};
    values.push_back(record[field]);
  }
  return values;
}

const Row* Table::Unique::find(const std::vector<Value>& values) const {
  const auto found = rows.find(values);
  return found == rows.end() ? nullptr : found->second;
}

Table::Table(const Schema& schema) : schema_(&schema), key_(schema.key_index()) {
  for (const auto& names : schema.uniques()) {
    Unique& unique = uniques_.emplace_back();
    for (const std::string& name : names) unique.fields.push_back(schema.index_of(name));
  }
}

const Row* Table::find(const Value& key) const {
  const auto found = rows_.find(key);
  return found == rows_.end() ? nullptr : &found->second;
}

Table::Candidate Table::candidate(const std::vector<const Value*>& values) const {
  if (values[key_] != nullptr) return {true, find(*values[key_])};
  for (const Unique& unique : uniques_) {
    std::vector<Value> wanted;
    for (const std::size_t field : unique.fields)
      if (values[field] != nullptr) wanted.push_back(*values[field]);
    if (wanted.size() == unique.fields.size()) return {true, unique.find(wanted)};
  }
  return {};
}

const Row* Table::find_by(const std::vector<std::string>& fields, const Record& record) const {
  std::vector<const Value*> values(record.size(), nullptr);
  for (const std::string& field : fields) {
    const std::size_t index = schema_->index_of(field);
    if (!record[index].is_null()) values[index] = &record[index];
  }
  return candidate(values).row;
}

bool Table::clashes(const Record& record, const Row* self) const {
  return std::any_of(uniques_.begin(), uniques_.end(), [&](const Unique& unique) {
    const Row* other = unique.find(unique.values_of(record));
    return other != nullptr && other != self;
  });
}

std::optional<Row> Table::exchange(Value key, std::optional<Row> row) {
  std::optional<Row> before;
  if (const auto found = rows_.find(key); found != rows_.end()) {
    for (Unique& unique : uniques_) unique.rows.erase(unique.values_of(found->second.record));
    before = std::move(found->second);
    rows_.erase(found);
  }
  if (row) {
    const Row& kept = rows_.emplace(std::move(key), *std::move(row)).first->second;
    for (Unique& unique : uniques_)
      if (auto values = unique.values_of(kept.record); !values.empty()) unique.rows.emplace(std::move(values), &kept);
  }
  return before;
}

const Table* Tables::find(const std::string& name) const {
  const auto found = tables_.find(name);
  return found == tables_.end() ? nullptr : &found->second;
}

Table& Tables::of(const Schema& schema) {
  return tables_.try_emplace(schema.table(), schema).first->second;
}

}  // namespace lms::memory
