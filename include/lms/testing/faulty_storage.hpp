#pragma once

#include <cstddef>
#include <mutex>
#include <optional>

#include <lms/error.hpp>
#include <lms/testing/storage_wrapper.hpp>

/// In liblms-testing.
namespace lms::testing {

/// Around another storage, fails when told to. With it a test walks through every place at which a call can break:
///
///     for (std::size_t n = 1;; ++n) {
///       faulty->fail_at(n);
///       const bool failed = throws([&] { school.enrollments().enroll(ada, {.course_id = course}); });
///       if (!faulty->has_failed()) break;
///       // here: the call has failed, and nothing has changed
///     }
///     faulty->heal();
///
/// A step is one operation on a unit of work, the commit at the end of a write, or a ping. Thread-safe.
class FaultyStorage final : public StorageWrapper {
 public:
  /// Never fails before it is told to.
  using StorageWrapper::StorageWrapper;

  static Error out_of_order();  ///< unavailable `storage_unavailable`

  /// The n-th step from now throws the error; 1 is the next. Replaces what was asked for before. It happens once, so
  /// that the call made again succeeds.
  void fail_at(std::size_t n, Error error = out_of_order());
  /// The next commit throws the error, and nothing of its write is kept.
  void fail_commit(Error error = out_of_order());
  /// Fails no more.
  void heal();
  /// Whether what was last asked for has happened.
  bool has_failed() const;
  /// Steps since the storage was made.
  std::size_t steps() const;

  void ping() override;

 protected:
  void do_write(const Function& function, Isolation isolation) override;
  void do_read(const Function& function) override;

 private:
  class Unit;
  enum class Step { operation, commit };
  void step(Step kind);

  mutable std::mutex mutex_;
  std::optional<Error> error_;
  std::size_t steps_left_ = 0;  // until it is thrown; 0: at the next commit
  bool has_failed_ = false;
  std::size_t steps_ = 0;
};

}  // namespace lms::testing
