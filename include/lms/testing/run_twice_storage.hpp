#pragma once

#include <lms/testing/storage_wrapper.hpp>

namespace lms::testing {

/// Runs the function of every write twice and undoes the first run, so that a function which touches more than its unit
/// betrays itself. Thread-safe.
class RunTwiceStorage final : public StorageWrapper {
 public:
  using StorageWrapper::StorageWrapper;

 protected:
  void do_write(const Function& function, Isolation isolation) override {
    struct Undo {};
    const auto run_in_vain = [&](UnitOfWork& uow) {
      function(uow);
      throw Undo();
    };
    try {
      wrapped().write(run_in_vain, isolation);
    } catch (const Undo&) {
    }
    wrapped().write(function, isolation);
  }
};

}  // namespace lms::testing
