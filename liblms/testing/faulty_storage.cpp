#include <utility>

#include <lms/testing/faulty_storage.hpp>

namespace lms::testing {

/// Takes a step with every operation.
class FaultyStorage::Unit final : public UnitWrapper {
 public:
  Unit(FaultyStorage& storage, UnitOfWork& unit) : UnitWrapper(unit), storage_(storage) {}

 protected:
  UnitOfWork& wrapped() override {
    storage_.step(Step::operation);
    return UnitWrapper::wrapped();
  }

 private:
  FaultyStorage& storage_;
};

Error FaultyStorage::out_of_order() {
  return unavailable("storage_unavailable", "The storage is out of order, as the test asked.");
}

void FaultyStorage::fail_at(std::size_t n, Error error) {
  if (n == 0) throw internal("fail_at counts from 1, the next step");
  const std::lock_guard lock(mutex_);
  error_ = std::move(error);
  steps_left_ = n;
  has_failed_ = false;
}

void FaultyStorage::fail_commit(Error error) {
  const std::lock_guard lock(mutex_);
  error_ = std::move(error);
  steps_left_ = 0;
  has_failed_ = false;
}

void FaultyStorage::heal() {
  const std::lock_guard lock(mutex_);
  error_.reset();
}

bool FaultyStorage::has_failed() const {
  const std::lock_guard lock(mutex_);
  return has_failed_;
}

std::size_t FaultyStorage::steps() const {
  const std::lock_guard lock(mutex_);
  return steps_;
}

void FaultyStorage::ping() {
  step(Step::operation);
  StorageWrapper::ping();
}

void FaultyStorage::do_write(const Function& function, Isolation isolation) {
  const auto run = [&](UnitOfWork& behind) {
    Unit unit(*this, behind);
    function(unit);
    step(Step::commit);
  };
  wrapped().write(run, isolation);
}

void FaultyStorage::do_read(const Function& function) {
  wrapped().read([&](UnitOfWork& behind) {
    Unit unit(*this, behind);
    function(unit);
  });
}

void FaultyStorage::step(Step kind) {
  const std::lock_guard lock(mutex_);
  ++steps_;
  if (!error_) return;
  if (steps_left_ == 0 ? kind != Step::commit : --steps_left_ > 0) return;
  has_failed_ = true;
  const Error error = *std::exchange(error_, std::nullopt);
  throw error;
}

}  // namespace lms::testing
