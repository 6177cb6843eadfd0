#pragma once

#include <memory>
#include <string>
#include <utility>

#include <lms/spi/storage.hpp>

namespace lms::testing {

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
  const Changes& changes() const noexcept override { return storage_->changes(); }

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
