#pragma once

#include <memory>
#include <string>
#include <utility>

#include <lms/spi/storage.hpp>

namespace lms::testing {

/// Runs the function of every write twice and undoes the first run, so that a function which touches more than its unit
/// betrays itself. Thread-safe.
class RunTwiceStorage final : public Storage {
 public:
  explicit RunTwiceStorage(std::shared_ptr<Storage> storage) : storage_(std::move(storage)) {}

  void migrate() override { storage_->migrate(); }
  MigrationStatus migration_status() override { return storage_->migration_status(); }
  bool reads_wait() const noexcept override { return storage_->reads_wait(); }
  std::string kind() const override { return storage_->kind(); }
  void ping() override { storage_->ping(); }

 protected:
  void do_write(const Function& function, Isolation isolation) override {
    struct Undo {};
    try {
      storage_->write(
          [&](UnitOfWork& uow) {
            function(uow);
            throw Undo();
          },
          isolation);
    } catch (const Undo&) {
    }
    storage_->write(function, isolation);
  }
  void do_read(const Function& function) override { storage_->read(function); }

 private:
  std::shared_ptr<Storage> storage_;
};

}  // namespace lms::testing
