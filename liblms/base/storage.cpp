#include <lms/spi/storage.hpp>

#include <memory>
#include <utility>

#include <lms/error.hpp>

namespace lms {

namespace {

Error started_another() {
  return internal("a transaction function started another transaction");
}

}  // namespace

/// What of a storage this thread is inside: the function of a transaction, or one whose transactions share a commit.
class Storage::Scope {
 public:
  Scope(const Storage& storage, UnitOfWork& unit) noexcept : Scope(storage, &unit, nullptr) {}
  Scope(const Storage& storage, Joint& joint) noexcept : Scope(storage, nullptr, &joint) {}
  ~Scope() { innermost_ = outer_; }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  /// The innermost one; null outside.
  static const Scope* of(const Storage& storage) noexcept {
    const Scope* scope = innermost_;
    while (scope != nullptr && &scope->storage_ != &storage) scope = scope->outer_;
    return scope;
  }

  Joint& joint() const {
    if (joint_ == nullptr) throw started_another();
    return *joint_;
  }
  /// The unit of a `read`; null if there is none.
  UnitOfWork* reading() const noexcept { return unit_ != nullptr && !unit_->writable() ? unit_ : nullptr; }

 private:
  Scope(const Storage& storage, UnitOfWork* unit, Joint* joint) noexcept
      : storage_(storage), unit_(unit), joint_(joint), outer_(innermost_) {
    innermost_ = this;
  }

  static inline thread_local const Scope* innermost_ = nullptr;

  const Storage& storage_;
  UnitOfWork* unit_;
  Joint* joint_;
  const Scope* outer_;
};

Storage::~Storage() = default;

/// The function, marked as running while it does. @throws what it throws; Error internal if it swallowed a failure.
Storage::Function Storage::marked(const Function& function) const {
  return [this, &function](UnitOfWork& unit) {
    const Scope scope(*this, unit);
    function(unit);
    if (unit.poisoned()) throw internal("a transaction function caught the error of its unit and went on");
  };
}

void Storage::run_write(const Function& function, Isolation isolation) {
  const Scope* open = Scope::of(*this);
  if (open == nullptr) return do_write(marked(function), isolation);
  open->joint().write(marked(function));
}

void Storage::run_read(const Function& function) {
  const Scope* open = Scope::of(*this);
  if (open == nullptr) return do_read(marked(function));
  if (UnitOfWork* unit = open->reading()) return function(*unit);
  open->joint().read(marked(function));
}

void Storage::together(const std::function<void()>& function) {
  refuse_nesting();
  do_together([&](Joint* joint) { run_joint(function, joint); });
}

void Storage::together_later(std::function<void()> function, Done done, const Executor& executor) {
  const auto run = [this, function = std::move(function)](Joint* joint) { run_joint(function, joint); };
  do_together_later(run, std::move(done), executor);
}

void Storage::run_joint(const std::function<void()>& function, Joint* joint) const {
  if (joint == nullptr) return function();
  const Scope scope(*this, *joint);
  function();
}

void Storage::do_together(const JointFunction& function) {
  function(nullptr);
}

void Storage::do_together_later(JointFunction function, Done done, const Executor& executor) {
  executor([function = std::move(function), done = std::move(done)] {
    std::exception_ptr error;
    try {
      function(nullptr);
    } catch (...) {
      error = std::current_exception();
    }
    done(error);
  });
}

void Storage::refuse_nesting() const {
  if (Scope::of(*this) != nullptr) throw started_another();
}

}  // namespace lms
