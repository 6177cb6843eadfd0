#include <lms/changes.hpp>

#include <functional>
#include <string_view>

namespace lms {

namespace {

using Slot = std::uint32_t;

// Tables are few and some of them are written all the time, so they do not share places with records. Each has two:
// one for any record of it, and one for records that cannot be named.
constexpr int table_bits = 10;
constexpr int record_bits = 14;
constexpr Slot first_record = Slot{2} << table_bits;
constexpr Slot slot_count = first_record + (Slot{1} << record_bits);

constexpr std::uint64_t golden_ratio = 0x9E3779B97F4A7C15;

Slot scattered(std::uint64_t hash, int bits) {
  return static_cast<Slot>((hash * golden_ratio) >> (64 - bits));
}

std::uint64_t hash_of(const Schema& schema) {
  return std::hash<std::string_view>()(schema.table());
}

/// Equal for keys that compare as equal.
std::uint64_t hash_of(const Value& key) {
  if (key.is_string()) return std::hash<std::string_view>()(key.as_string());
  return key.is_number() ? std::hash<double>()(key.as_real()) : 0;
}

Slot any_of_table(const Schema& schema) {
  return 2 * scattered(hash_of(schema), table_bits);
}

Slot unnamed_of_table(const Schema& schema) {
  return any_of_table(schema) + 1;
}

Slot record(const Schema& schema, const Value& key) {
  return first_record + scattered(hash_of(schema) * golden_ratio + hash_of(key), record_bits);
}

}  // namespace

Dependency Dependency::on(const Schema& schema, const Value& key) {
  return {record(schema, key), unnamed_of_table(schema)};
}

Dependency Dependency::on(const Schema& schema) {
  return {any_of_table(schema), any_of_table(schema)};
}

void Writes::add(const Schema& schema, const Value& key) {
  add_table(any_of_table(schema));
  slots_.push_back(record(schema, key));
}

void Writes::add(const Schema& schema) {
  add_table(any_of_table(schema));
  slots_.push_back(unnamed_of_table(schema));
}

void Writes::add(const Writes& others) {
  slots_.insert(slots_.end(), others.slots_.begin(), others.slots_.end());
}

/// Records are often written table by table.
void Writes::add_table(Slot table) {
  if (table == table_) return;
  slots_.push_back(table);
  table_ = table;
}

Changes::Changes() : last_written_(slot_count) {}

bool Changes::since(Moment moment, const Dependency& dependency) const noexcept {
  for (const Slot slot : dependency.slots_)
    if (last_written_[slot].load(std::memory_order_acquire) > moment) return true;
  return false;
}

// Why the orders suffice is in docs/decisions/0016-answer-cache.md.
void Changes::note(const Writes& writes) noexcept {
  if (writes.slots_.empty()) return;
  const Moment moment = now_.fetch_add(1, std::memory_order_release) + 1;
  for (const Slot slot : writes.slots_) {
    std::atomic<Moment>& last = last_written_[slot];
    Moment known = last.load(std::memory_order_relaxed);
    while (known < moment &&
           !last.compare_exchange_weak(known, moment, std::memory_order_release, std::memory_order_relaxed)) {
    }
  }
}

}  // namespace lms
