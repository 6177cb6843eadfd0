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
  Scope(const Storage& storage, UnitOfWork& unit) noexcept : Scope(storage, &unit, nullptr, nullptr) {}
  Scope(const Storage& storage, Joint& joint, Writes& writes) noexcept : Scope(storage, nullptr, &joint, &writes) {}
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
  /// What is written by transactions that share a commit.
  Writes* writes() const noexcept { return writes_; }
  /// The unit of a `read`; null if there is none.
  UnitOfWork* reading() const noexcept { return unit_ != nullptr && !unit_->writable() ? unit_ : nullptr; }

 private:
  Scope(const Storage& storage, UnitOfWork* unit, Joint* joint, Writes* writes) noexcept
      : storage_(storage), unit_(unit), joint_(joint), writes_(writes), outer_(innermost_) {
    innermost_ = this;
  }

  static inline thread_local const Scope* innermost_ = nullptr;

  const Storage& storage_;
  UnitOfWork* unit_;
  Joint* joint_;
  Writes* writes_;
  const Scope* outer_;
};

/// Notes what was written when the commit is over, however it ended: one that failed may have happened.
class Storage::Noting {
 public:
  explicit Noting(Changes& changes) noexcept : changes_(changes) {}
  ~Noting() { changes_.note(writes); }
  Noting(const Noting&) = delete;
  Noting& operator=(const Noting&) = delete;

  Writes writes;

 private:
  Changes& changes_;
};

Storage::~Storage() = default;

/// The function, marked as running while it does, on a unit that encrypts with this storage's keys. What it wrote is
/// added to `writes`, at each of its runs.
/// @throws what it throws; Error internal if it swallowed a failure.
Storage::Function Storage::marked(const Function& function, Writes* writes) {
  const bool hands_on = &cipher() != &cipher_;
  return [this, &function, writes, hands_on](UnitOfWork& unit) {
    const Scope scope(*this, unit);
    if (!hands_on) unit.cipher_ = &cipher_;
    function(unit);
    if (unit.poisoned()) throw internal("a transaction function caught the error of its unit and went on");
    if (writes != nullptr) writes->add(unit.writes());
  };
}

void Storage::run_write(const Function& function, Isolation isolation) {
  if (const Scope* open = Scope::of(*this)) return open->joint().write(marked(function, open->writes()));
  Noting noting(changes_);
  do_write(marked(function, &noting.writes), isolation);
}

void Storage::run_read(const Function& function) {
  const Scope* open = Scope::of(*this);
  if (open == nullptr) return do_read(marked(function, nullptr));
  if (UnitOfWork* unit = open->reading()) return function(*unit);
  open->joint().read(marked(function, nullptr));
}

void Storage::together(const std::function<void()>& function) {
  refuse_nesting();
  Noting noting(changes_);
  do_together([&](Joint* joint) { run_joint(function, joint, noting.writes); });
}

void Storage::together_later(std::function<void()> function, Done done, const Executor& executor) {
  const auto writes = std::make_shared<Writes>();
  const auto run = [this, writes, function = std::move(function)](Joint* joint) {
    run_joint(function, joint, *writes);
  };
  const auto note = [this, writes, done = std::move(done)](const std::exception_ptr& error) {
    changes_.note(*writes);
    done(error);
  };
  do_together_later(run, note, executor);
}

void Storage::run_joint(const std::function<void()>& function, Joint* joint, Writes& writes) const {
  if (joint == nullptr) return function();
  const Scope scope(*this, *joint, writes);
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

bool Storage::inside_transaction() const noexcept {
  return Scope::of(*this) != nullptr;
}

void Storage::refuse_nesting() const {
  if (inside_transaction()) throw started_another();
}

}  // namespace lms
