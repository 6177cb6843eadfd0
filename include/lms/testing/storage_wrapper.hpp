#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <lms/spi/storage.hpp>

namespace lms::testing {

/// Hands every operation on to another unit of work, which outlives it.
class UnitWrapper : public UnitOfWork {
 public:
  explicit UnitWrapper(UnitOfWork& unit) : UnitWrapper(unit, unit.writable()) {}
  /// That unit for reading alone, if so wished.
  UnitWrapper(UnitOfWork& unit, bool writable) : UnitOfWork(writable), unit_(unit) {}

 protected:
  /// Asked before each operation.
  virtual UnitOfWork& wrapped() { return unit_; }

  void do_insert(const Schema& schema, const std::vector<Record>& records) override {
    wrapped().insert_many(schema, records);
  }
  bool do_insert_if_absent(const Schema& schema, const Record& record) override {
    return wrapped().insert_if_absent(schema, record);
  }
  void do_upsert(const Schema& schema, const Record& record, const std::vector<std::string>& by) override {
    wrapped().upsert(schema, record, by);
  }
  bool do_update(const Schema& schema, const Record& record) override { return wrapped().update(schema, record); }
  std::vector<Record> do_update_where(const Schema& schema, const Condition& where,
                                      const std::vector<Assignment>& assignments, Returning returning) override {
    return wrapped().update_where(schema, where, assignments, returning);
  }
  std::size_t do_remove_where(const Schema& schema, const Condition& where) override {
    return wrapped().remove_where(schema, where);
  }
  std::vector<Record> do_select(const Schema& schema, const Query& query) override {
    return wrapped().select(schema, query);
  }
  std::size_t do_count(const Schema& schema, const Condition& where, std::size_t limit) override {
    return wrapped().count(schema, where, limit);
  }
  std::vector<Record> do_aggregate(const Schema& schema, const Aggregate& aggregate) override {
    return wrapped().aggregate(schema, aggregate);
  }

 private:
  UnitOfWork& unit_;
};

/// Hands everything on to another storage; override what shall be otherwise. What is done together passes through
/// `do_write` and `do_read` like the rest. Thread-safe.
class StorageWrapper : public Storage {
 public:
  explicit StorageWrapper(std::shared_ptr<Storage> storage) : storage_(std::move(storage)) {}

  void migrate() override { storage_->migrate(); }
  MigrationStatus migration_status() override { return storage_->migration_status(); }
  bool reads_wait() const noexcept override { return storage_->reads_wait(); }
  std::string kind() const override { return storage_->kind(); }
  void ping() override { storage_->ping(); }
  Changes& changes() noexcept override { return storage_->changes(); }
  FieldCipher& cipher() noexcept override { return storage_->cipher(); }
  void observe(OperationObserver observer) override { storage_->observe(std::move(observer)); }

 protected:
  void do_write(const Function& function, Isolation isolation) override { storage_->write(function, isolation); }
  void do_read(const Function& function) override { storage_->read(function); }
  void do_together(const JointFunction& function) override {
    storage_->together([&] { function(nullptr); });
  }
  void do_together_later(JointFunction function, Done done, const Executor& executor) override {
    storage_->together_later([function = std::move(function)] { function(nullptr); }, std::move(done), executor);
  }

  Storage& wrapped() const noexcept { return *storage_; }

 private:
  std::shared_ptr<Storage> storage_;
};

}  // namespace lms::testing
