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
  /// Whether a `read` is part of what the unit does; else it is taken for another transaction.
  enum class Reads { join, are_refused };

  Scope(const Storage& storage, UnitOfWork& unit, Reads reads) noexcept
      : Scope(storage, &unit, nullptr, nullptr, reads) {}
  Scope(const Storage& storage, UnitOfWork& unit) noexcept
      : Scope(storage, unit, unit.writable() ? Reads::are_refused : Reads::join) {}
  Scope(const Storage& storage, Joint& joint, Writes& writes) noexcept
      : Scope(storage, nullptr, &joint, &writes, Reads::are_refused) {}
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
  /// The unit that a `read` is part of; null if there is none.
  UnitOfWork* reading() const noexcept { return reads_ == Reads::join ? unit_ : nullptr; }

 private:
  Scope(const Storage& storage, UnitOfWork* unit, Joint* joint, Writes* writes, Reads reads) noexcept
      : storage_(storage), unit_(unit), joint_(joint), writes_(writes), reads_(reads), outer_(innermost_) {
    innermost_ = this;
  }

  static inline thread_local const Scope* innermost_ = nullptr;

  const Storage& storage_;
  UnitOfWork* unit_;
  Joint* joint_;
  Writes* writes_;
  Reads reads_;
  const Scope* outer_;
};

/// What the first `write` of this thread on a storage begins with. That may be carried out by another thread.
class Storage::Proviso {
 public:
  Proviso(const Storage& storage, const Function& proviso) noexcept
      : storage_(storage), proviso_(proviso), outer_(innermost_) {
    innermost_ = this;
  }
  ~Proviso() { innermost_ = outer_; }
  Proviso(const Proviso&) = delete;
  Proviso& operator=(const Proviso&) = delete;

  /// Null if there is none.
  static Proviso* of(const Storage& storage) noexcept {
    Proviso* proviso = innermost_;
    while (proviso != nullptr && &proviso->storage_ != &storage) proviso = proviso->outer_;
    return proviso;
  }

  void check(UnitOfWork& unit) const {
    const Scope scope(storage_, unit, Scope::Reads::join);
    proviso_(unit);
  }

  bool met = false;  ///< by a transaction that was committed

  /// While it lives, the thread has none: it may carry out what others want to write.
  class Aside {
   public:
    Aside() noexcept : proviso_(std::exchange(innermost_, nullptr)) {}
    ~Aside() { innermost_ = proviso_; }
    Aside(const Aside&) = delete;
    Aside& operator=(const Aside&) = delete;

   private:
    Proviso* proviso_;
  };

 private:
  static inline thread_local Proviso* innermost_ = nullptr;

  const Storage& storage_;
  const Function& proviso_;
  Proviso* outer_;
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

/// The function, marked as running while it does. What it wrote is added to `writes`, at each of its runs.
/// @throws what it throws; Error internal if it swallowed a failure.
Storage::Function Storage::marked(const Function& function, Writes* writes) const {
  return [this, &function, writes](UnitOfWork& unit) {
    const Scope scope(*this, unit);
    function(unit);
    if (unit.poisoned()) throw internal("a transaction function caught the error of its unit and went on");
    if (writes != nullptr) writes->add(unit.writes());
  };
}

void Storage::run_write(const Function& function, Isolation isolation) {
  if (Proviso* proviso = Proviso::of(*this); proviso != nullptr && !proviso->met)
    return run_provided(function, *proviso);
  if (const Scope* open = Scope::of(*this)) return open->joint().write(marked(function, open->writes()));
  const Proviso::Aside aside;
  Noting noting(changes_);
  do_write(marked(function, &noting.writes), isolation);
}

void Storage::run_provided(const Function& function, Proviso& proviso) {
  const Function both = [&](UnitOfWork& unit) {
    proviso.check(unit);
    function(unit);
  };
  proviso.met = true;  // what is written below is not provided on it again
  try {
    run_write(both, Isolation::serializable);
  } catch (...) {
    proviso.met = false;
    throw;
  }
}

void Storage::provided(const Function& proviso, const std::function<void()>& function) {
  if (Proviso::of(*this) != nullptr) throw internal("a proviso stands within another");
  Proviso self(*this, proviso);
  function();
  if (!self.met) run_write([](UnitOfWork&) {}, Isolation::serializable);
}

void Storage::run_read(const Function& function) {
  const Scope* open = Scope::of(*this);
  if (open == nullptr) {
    const Proviso::Aside aside;
    return do_read(marked(function, nullptr));
  }
  if (UnitOfWork* unit = open->reading()) return function(*unit);
  open->joint().read(marked(function, nullptr));
}

void Storage::together(const std::function<void()>& function) {
  refuse_nesting();
  if (Proviso::of(*this) != nullptr) throw internal("what is provided on something was to be written together");
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
