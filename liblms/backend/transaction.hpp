#pragma once

#include <lms/error.hpp>
#include <lms/spi/storage.hpp>

namespace lms {

/// Marks that this thread runs a transaction function of a storage.
class TransactionScope {
 public:
  explicit TransactionScope(const Storage& storage) noexcept : storage_(storage), outer_(innermost_) {
    innermost_ = this;
  }
  ~TransactionScope() { innermost_ = outer_; }
  TransactionScope(const TransactionScope&) = delete;
  TransactionScope& operator=(const TransactionScope&) = delete;

  /// @throws Error internal if this thread is inside a transaction function of `storage`.
  static void refuse_nesting(const Storage& storage) {
    for (const TransactionScope* scope = innermost_; scope != nullptr; scope = scope->outer_)
      if (&scope->storage_ == &storage) throw internal("a transaction function started another transaction");
  }

 private:
  static inline thread_local const TransactionScope* innermost_ = nullptr;

  const Storage& storage_;
  const TransactionScope* outer_;
};

/// Runs the function on the unit. @throws what the function throws; Error internal if it swallowed a failure of the
/// unit.
inline void run_transaction(const Storage& storage, const Storage::Function& function, UnitOfWork& unit) {
  TransactionScope scope(storage);
  function(unit);
  if (unit.poisoned()) throw internal("a transaction function caught the error of its unit and went on");
}

}  // namespace lms
