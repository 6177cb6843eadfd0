#include <lms/spi/storage.hpp>

#include <iterator>
#include <memory>
#include <utility>

#include <lms/error.hpp>

namespace lms {

namespace {

Error started_another() {
  return internal("a transaction function started another transaction");
}

}  // namespace

/// What transactions leave for the time when their commit is over.
struct Storage::Aftermath {
  Writes writes;    ///< of all their runs
  Actions actions;  ///< of those runs that count, if the commit was made
};

/// What of a storage this thread is inside: the function of a transaction, or one whose transactions share a commit.
class Storage::Scope {
 public:
  /// Whether a `read` is part of what the unit does; else it is taken for another transaction.
  enum class Reads { join, are_refused };

  Scope(const Storage& storage, UnitOfWork& unit, Reads reads) noexcept
      : Scope(storage, &unit, nullptr, nullptr, reads) {}
  Scope(const Storage& storage, UnitOfWork& unit) noexcept
      : Scope(storage, unit, unit.writable() ? Reads::are_refused : Reads::join) {}
  Scope(const Storage& storage, Joint& joint, Aftermath& aftermath) noexcept
      : Scope(storage, nullptr, &joint, &aftermath, Reads::are_refused) {}
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
  /// Of transactions that share a commit.
  Aftermath* aftermath() const noexcept { return aftermath_; }
  /// The unit that a `read` is part of; null if there is none.
  UnitOfWork* reading() const noexcept { return reads_ == Reads::join ? unit_ : nullptr; }

 private:
  Scope(const Storage& storage, UnitOfWork* unit, Joint* joint, Aftermath* aftermath, Reads reads) noexcept
      : storage_(storage), unit_(unit), joint_(joint), aftermath_(aftermath), reads_(reads), outer_(innermost_) {
    innermost_ = this;
  }

  static inline thread_local const Scope* innermost_ = nullptr;

  const Storage& storage_;
  UnitOfWork* unit_;
  Joint* joint_;
  Aftermath* aftermath_;
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
  ~Noting() {
    if (!committed_) changes_.note(aftermath.writes);
  }
  Noting(const Noting&) = delete;
  Noting& operator=(const Noting&) = delete;

  void committed() {
    committed_ = true;
    settle(changes_, aftermath);
  }
  static void settle(Changes& changes, const Aftermath& aftermath) {
    changes.note(aftermath.writes);
    for (const auto& action : aftermath.actions) action();
  }

  Aftermath aftermath;

 private:
  Changes& changes_;
  bool committed_ = false;
};

Storage::~Storage() = default;

/// The function, marked as running while it does, on a unit that encrypts with this storage's keys. What it wrote is
/// added to `writes`, at each of its runs; `actions` are those of its last one.
/// @throws what it throws; Error internal if it swallowed a failure.
Storage::Function Storage::marked(const Function& function, Writes* writes, Actions* actions) {
  const bool hands_on = &cipher() != &cipher_;
  return [this, &function, writes, actions, hands_on](UnitOfWork& unit) {
    const Scope scope(*this, unit);
    unit.after_commit_.clear();  // of a part that was undone
    if (!hands_on) unit.cipher_ = &cipher_;
    if (observer_) unit.observer_ = &observer_;
    function(unit);
    if (unit.poisoned()) throw internal("a transaction function caught the error of its unit and went on");
    if (writes != nullptr) writes->add(unit.writes());
    if (actions != nullptr) *actions = std::exchange(unit.after_commit_, {});
  };
}

void Storage::run_write(const Function& function, Isolation isolation) {
  if (Proviso* proviso = Proviso::of(*this); proviso != nullptr && !proviso->met)
    return run_provided(function, *proviso);
  if (const Scope* open = Scope::of(*this)) {
    Actions actions;
    Joint& joint = open->joint();
    joint.write(marked(function, &open->aftermath()->writes, &actions));
    auto& all = open->aftermath()->actions;
    all.insert(all.end(), std::make_move_iterator(actions.begin()), std::make_move_iterator(actions.end()));
    return;
  }
  const Proviso::Aside aside;
  Noting noting(changes_);
  do_write(marked(function, &noting.aftermath.writes, &noting.aftermath.actions), isolation);
  noting.committed();
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
    return do_read(marked(function, nullptr, nullptr));
  }
  if (UnitOfWork* unit = open->reading()) return function(*unit);
  open->joint().read(marked(function, nullptr, nullptr));
}

void Storage::together(const std::function<void()>& function) {
  refuse_nesting();
  if (Proviso::of(*this) != nullptr) throw internal("what is provided on something was to be written together");
  Noting noting(changes_);
  do_together([&](Joint* joint) { run_joint(function, joint, noting.aftermath); });
  noting.committed();
}

void Storage::together_later(std::function<void()> function, Done done, const Executor& executor) {
  const auto aftermath = std::make_shared<Aftermath>();
  const auto run = [this, aftermath, function = std::move(function)](Joint* joint) {
    run_joint(function, joint, *aftermath);
  };
  const auto note = [this, aftermath, done = std::move(done)](const std::exception_ptr& error) {
    if (error) aftermath->actions.clear();
    Noting::settle(changes_, *aftermath);
    done(error);
  };
  do_together_later(run, note, executor);
}

/// It may run again, and the last run counts.
void Storage::run_joint(const std::function<void()>& function, Joint* joint, Aftermath& aftermath) const {
  if (joint == nullptr) return function();
  aftermath.actions.clear();
  const Scope scope(*this, *joint, aftermath);
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
