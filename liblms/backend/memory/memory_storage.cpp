#include <algorithm>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <utility>

#include <lms/backends/memory.hpp>
#include <lms/spi/conflict.hpp>
#include <lms/spi/evaluate.hpp>

#include "backend/memory/table.hpp"
#include "backend/query_plan.hpp"

namespace lms {

namespace {

using memory::Table;
using memory::Tables;

/// Undoes what it wrote when it ends without a commit.
class MemoryUnitOfWork final : public UnitOfWork {
 public:
  MemoryUnitOfWork(Tables& tables, bool writable) : UnitOfWork(writable), tables_(tables) {}
  ~MemoryUnitOfWork() override {
    for (auto change = changes_.rbegin(); change != changes_.rend(); ++change)
      change->table->exchange(std::move(change->key), std::move(change->before));
  }

  void commit() noexcept { changes_.clear(); }

 protected:
  void do_insert(const Schema& schema, const std::vector<Record>& records) override {
    for (const Record& record : records) insert_row(schema, record);
  }

  bool do_insert_if_absent(const Schema& schema, const Record& record) override {
    Row row(schema, record);
    Table& table = tables_.of(schema);
    if (table.find(record[schema.key_index()]) != nullptr || table.clashes(row.record, nullptr)) return false;
    put(table, std::move(row));
    return true;
  }

  void do_upsert(const Schema& schema, const Record& record, const std::vector<std::string>& by) override {
    Table& table = tables_.of(schema);
    const Row* present = table.find_by(by, record);
    if (present == nullptr) return insert_row(schema, record);
    Record replacement = record;
    replacement[schema.key_index()] = table.key_of(*present);
    replace_row(table, *present, std::move(replacement));
  }

  bool do_update(const Schema& schema, const Record& record) override {
    Table& table = tables_.of(schema);
    const Row* present = table.find(record[schema.key_index()]);
    if (present == nullptr) return false;
    replace_row(table, *present, record);
    return true;
  }

  std::vector<Record> do_update_where(const Schema& schema, const Condition& where,
                                      const std::vector<Assignment>& assignments, Returning) override {
    Table& table = tables_.of(schema);
    std::vector<Record> changed;
    for (const Row* row : matching(schema, where)) {
      changed.push_back(replace_row(table, *row, assigned(schema, row->record, assignments)).record);
    }
    return changed;
  }

  std::size_t do_remove_where(const Schema& schema, const Condition& where) override {
    Table& table = tables_.of(schema);
    std::set<Value, ByValue> removed;
    for (const Row* row : matching(schema, where)) removed.insert(table.key_of(*row));
    for (const Value& key : removed) exchange(table, key, std::nullopt);
    if (!removed.empty() && is_referred_to(schema, removed)) throw record_in_use(schema);
    return removed.size();
  }

  std::vector<Record> do_select(const Schema& schema, const Query& query) override {
    const std::size_t limit = query.limit.value_or(SIZE_MAX);
    const std::size_t wanted = limit > SIZE_MAX - query.offset ? SIZE_MAX : query.offset + limit;
    const bool first_will_do = query.after.empty() && is_key_order(schema, total_order(schema, query.order));
    return selected(schema, query, matching(schema, query.where, first_will_do ? wanted : SIZE_MAX));
  }

  std::size_t do_count(const Schema& schema, const Condition& where, std::size_t limit) override {
    return matching(schema, where, limit).size();
  }

  std::vector<Record> do_aggregate(const Schema& schema, const Aggregate& aggregate) override {
    return aggregated(schema, aggregate, matching(schema, aggregate.where));
  }

 private:
  struct Change {
    Table* table;
    Value key;
    std::optional<Row> before;
  };

  void exchange(Table& table, const Value& key, std::optional<Row> row) {
    std::optional<Row> before = table.exchange(key, std::move(row));
    changes_.push_back({&table, key, std::move(before)});
  }

  const Row& put(Table& table, Row row) {
    const Value key = table.key_of(row);
    exchange(table, key, std::move(row));
    const Row& kept = *table.find(key);
    check_references(table.schema(), kept.record);
    return kept;
  }

  void insert_row(const Schema& schema, const Record& record) {
    Row row(schema, record);
    Table& table = tables_.of(schema);
    if (table.find(table.key_of(row)) != nullptr || table.clashes(row.record, nullptr)) throw record_exists(schema);
    put(table, std::move(row));
  }

  const Row& replace_row(Table& table, const Row& present, Record record) {
    Row row(table.schema(), std::move(record));
    if (table.clashes(row.record, &present)) throw record_exists(table.schema());
    return put(table, std::move(row));
  }

  void check_references(const Schema& schema, const Record& record) const {
    for (std::size_t i = 0; i < record.size(); ++i) {
      const std::string& referenced = schema.fields()[i].references;
      if (referenced.empty() || record[i].is_null()) continue;
      const Table* table = tables_.find(referenced);
      if (table == nullptr || table->find(record[i]) == nullptr) throw reference_missing(schema);
    }
  }

  bool is_referred_to(const Schema& schema, const std::set<Value, ByValue>& keys) const {
    for (const auto& [name, table] : tables_) {
      const auto& fields = table.schema().fields();
      for (std::size_t i = 0; i < fields.size(); ++i) {
        if (fields[i].references != schema.table()) continue;
        for (const auto& [key, row] : table.rows())
          if (keys.contains(row.record[i])) return true;
      }
    }
    return false;
  }

  /// The rows for which the condition holds, in the order of their keys.
  std::vector<const Row*> matching(const Schema& schema, const Condition& where, std::size_t limit = SIZE_MAX) const {
    std::vector<const Row*> rows;
    const Table* table = tables_.find(schema.table());
    if (table == nullptr || limit == 0) return rows;
    const Predicate holds(schema, where);
    const Table::Candidate candidate = table->candidate(values_asked_for(schema, where));
    if (candidate.only) {
      if (candidate.row != nullptr && holds(*candidate.row)) rows.push_back(candidate.row);
      return rows;
    }
    for (const auto& [key, row] : table->rows()) {
      if (!holds(row)) continue;
      rows.push_back(&row);
      if (rows.size() == limit) break;
    }
    return rows;
  }

  /// By field: the value that a record must have for the condition to hold, if it says so plainly.
  static std::vector<const Value*> values_asked_for(const Schema& schema, const Condition& where) {
    std::vector<const Value*> values(schema.fields().size(), nullptr);
    const auto take = [&](const Condition& part) {
      if (part.kind == Condition::Kind::equal && !part.values.front().is_null())
        values[schema.index_of(part.field)] = &part.values.front();
    };
    take(where);
    if (where.kind == Condition::Kind::all) std::for_each(where.operands.begin(), where.operands.end(), take);
    return values;
  }

  Tables& tables_;
  std::vector<Change> changes_;
};

class MemoryStorage final : public Storage {
 public:
  void migrate() override {}
  MigrationStatus migration_status() override { return {}; }
  bool reads_wait() const noexcept override { return false; }
  std::string kind() const override { return "memory"; }
  void ping() override {}

 protected:
  void do_write(const Function& function, Isolation) override {
    std::unique_lock turn(turn_);
    std::unique_lock lock(tables_mutex_);
    turn.unlock();
    MemoryUnitOfWork unit(tables_, true);
    function(unit);
    unit.commit();
  }

  void do_read(const Function& function) override {
    std::unique_lock turn(turn_);
    std::shared_lock lock(tables_mutex_);
    turn.unlock();
    MemoryUnitOfWork unit(tables_, false);
    function(unit);
  }

 private:
  std::mutex turn_;  // held while waiting, so that a stream of readers cannot starve a writer
  std::shared_mutex tables_mutex_;
  Tables tables_;
};

}  // namespace

std::unique_ptr<Storage> open_memory_storage() {
  return std::make_unique<MemoryStorage>();
}

}  // namespace lms
