#include <utility>

#include <lms/testing/faulty_storage.hpp>

namespace lms::testing {

/// Hands every operation on to the unit of the storage behind.
class FaultyStorage::Unit final : public UnitOfWork {
 public:
  Unit(FaultyStorage& storage, UnitOfWork& unit) : UnitOfWork(unit.writable()), storage_(storage), unit_(unit) {}

 protected:
  void do_insert(const Schema& schema, const std::vector<Record>& records) override {
    next().insert_many(schema, records);
  }
  bool do_insert_if_absent(const Schema& schema, const Record& record) override {
    return next().insert_if_absent(schema, record);
  }
  void do_upsert(const Schema& schema, const Record& record, const std::vector<std::string>& by) override {
    next().upsert(schema, record, by);
  }
  bool do_update(const Schema& schema, const Record& record) override { return next().update(schema, record); }
  std::vector<Record> do_update_where(const Schema& schema, const Condition& where,
                                      const std::vector<Assignment>& assignments) override {
    return next().update_where(schema, where, assignments);
  }
  std::size_t do_remove_where(const Schema& schema, const Condition& where) override {
    return next().remove_where(schema, where);
  }
  std::vector<Record> do_select(const Schema& schema, const Query& query) override {
    return next().select(schema, query);
  }
  std::size_t do_count(const Schema& schema, const Condition& where, std::size_t limit) override {
    return next().count(schema, where, limit);
  }
  std::vector<Record> do_aggregate(const Schema& schema, const Aggregate& aggregate) override {
    return next().aggregate(schema, aggregate);
  }

 private:
  UnitOfWork& next() {
    storage_.step(Step::operation);
    return unit_;
  }

  FaultyStorage& storage_;
  UnitOfWork& unit_;
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
