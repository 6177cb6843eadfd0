#pragma once

#include <lms/error.hpp>
#include <lms/spi/storage.hpp>

namespace lms {

/// Marks that this thread runs a transaction function of a storage.
class TransactionScope {
 public:
  TransactionScope(const Storage& storage, UnitOfWork& unit) noexcept
      : storage_(storage), unit_(unit), outer_(innermost_) {
    innermost_ = this;
  }
  ~TransactionScope() { innermost_ = outer_; }
  TransactionScope(const TransactionScope&) = delete;
  TransactionScope& operator=(const TransactionScope&) = delete;

  /// The unit of the `read` of `storage` that this thread is inside; null if it is in none.
  /// @throws Error internal if it is inside a `write`.
  static UnitOfWork* open_read(const Storage& storage) {
    for (const TransactionScope* scope = innermost_; scope != nullptr; scope = scope->outer_) {
      if (&scope->storage_ != &storage) continue;
      if (scope->unit_.writable()) throw started_another();
      return &scope->unit_;
    }
    return nullptr;
  }
  /// @throws Error internal if this thread is inside a transaction function of `storage`.
  static void refuse_nesting(const Storage& storage) {
    if (open_read(storage)) throw started_another();
  }

 private:
  static Error started_another() { return internal("a transaction function started another transaction"); }

  static inline thread_local const TransactionScope* innermost_ = nullptr;

  const Storage& storage_;
  UnitOfWork& unit_;
  const TransactionScope* outer_;
};

/// Runs the function on the unit. @throws what the function throws; Error internal if it swallowed a failure of the
/// unit.
inline void run_transaction(const Storage& storage, const Storage::Function& function, UnitOfWork& unit) {
  const TransactionScope scope(storage, unit);
  function(unit);
  if (unit.poisoned()) throw internal("a transaction function caught the error of its unit and went on");
}

}  // namespace lms
