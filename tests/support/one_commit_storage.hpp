#pragma once

#include <lms/testing/storage_wrapper.hpp>

namespace lms::test {

/// What is written together has one commit here, in memory as well.
class OneCommitStorage : public testing::StorageWrapper {
 public:
  using StorageWrapper::StorageWrapper;

 protected:
  void do_together(const JointFunction& function) override {
    class Parts final : public Joint {
     public:
      explicit Parts(UnitOfWork& unit) : unit_(unit) {}
      void write(const Function& part) override { part(unit_); }
      void read(const Function& part) override {
        testing::UnitWrapper reading(unit_, false);
        part(reading);
      }

     private:
      UnitOfWork& unit_;
    };
    const auto in_one = [&](UnitOfWork& unit) {
      Parts parts(unit);
      function(&parts);
    };
    do_write(in_one, Isolation::serializable);
  }
};

}  // namespace lms::test
