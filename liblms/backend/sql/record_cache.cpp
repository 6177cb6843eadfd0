#include "backend/sql/record_cache.hpp"

namespace lms::sql {

namespace {

std::size_t bytes_of(const Value& value) {
  std::size_t bytes = sizeof(Value);
  if (value.is_string()) bytes += value.as_string().size();
  if (value.is_array())
    for (const Value& element : value.as_array()) bytes += bytes_of(element);
  if (value.is_object())
    for (const auto& [name, member] : value.as_object()) bytes += name.size() + bytes_of(member);
  return bytes;
}

std::size_t bytes_of(const std::string& key, const std::vector<std::string>& fields, const Record* record) {
  constexpr std::size_t of_tables = 256;
  std::size_t bytes = of_tables + key.size();
  for (const std::string& field : fields) bytes += sizeof field + field.size();
  if (record != nullptr)
    for (const Value& value : *record) bytes += bytes_of(value);
  return bytes;
}

}  // namespace

const std::optional<Record>* RecordCache::find(const Schema& schema, const Value& key,
                                               const std::vector<std::string>& fields) const {
  const auto table = tables_.find(schema.table());
  if (table == tables_.end() || !key.is_string()) return nullptr;
  const auto known = table->second.find(key.as_string());
  if (known == table->second.end()) return nullptr;
  for (const Known& each : known->second)
    if (each.schema == &schema && each.fields == fields) return &each.record;
  return nullptr;
}

void RecordCache::keep(const Schema& schema, const Value& key, const std::vector<std::string>& fields,
                       const Record* record) {
  if (!key.is_string()) return;
  const std::size_t bytes = bytes_of(key.as_string(), fields, record);
  if (bytes > most_bytes_of_record || find(schema, key, fields) != nullptr) return;
  if (bytes_ + bytes > most_bytes) forget_all();
  Known& known = tables_[schema.table()][key.as_string()].emplace_back();
  known.schema = &schema;
  known.fields = fields;
  if (record != nullptr) known.record = *record;
  bytes_ += bytes;
}

void RecordCache::forget(const Schema& schema, const Value& key) {
  ++forgotten_;
  const auto table = tables_.find(schema.table());
  if (table == tables_.end() || !key.is_string()) return;
  const auto known = table->second.find(key.as_string());
  if (known != table->second.end()) table->second.erase(known);
}

void RecordCache::forget_all() noexcept {
  tables_.clear();
  bytes_ = 0;
}

}  // namespace lms::sql
