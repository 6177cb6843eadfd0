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
  Scope(const Storage& storage, UnitOfWork& unit) noexcept : Scope(storage, &unit, nullptr, nullptr) {}
  Scope(const Storage& storage, Joint& joint, Aftermath& aftermath) noexcept
      : Scope(storage, nullptr, &joint, &aftermath) {}
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
  /// The unit of a `read`; null if there is none.
  UnitOfWork* reading() const noexcept { return unit_ != nullptr && !unit_->writable() ? unit_ : nullptr; }

 private:
  Scope(const Storage& storage, UnitOfWork* unit, Joint* joint, Aftermath* aftermath) noexcept
      : storage_(storage), unit_(unit), joint_(joint), aftermath_(aftermath), outer_(innermost_) {
    innermost_ = this;
  }

  static inline thread_local const Scope* innermost_ = nullptr;

  const Storage& storage_;
  UnitOfWork* unit_;
  Joint* joint_;
  Aftermath* aftermath_;
  const Scope* outer_;
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
    function(unit);
    if (unit.poisoned()) throw internal("a transaction function caught the error of its unit and went on");
    if (writes != nullptr) writes->add(unit.writes());
    if (actions != nullptr) *actions = std::exchange(unit.after_commit_, {});
  };
}

void Storage::run_write(const Function& function, Isolation isolation) {
  if (const Scope* open = Scope::of(*this)) {
    Actions actions;
    Joint& joint = open->joint();
    joint.write(marked(function, &open->aftermath()->writes, &actions));
    auto& all = open->aftermath()->actions;
    all.insert(all.end(), std::make_move_iterator(actions.begin()), std::make_move_iterator(actions.end()));
    return;
  }
  Noting noting(changes_);
  do_write(marked(function, &noting.aftermath.writes, &noting.aftermath.actions), isolation);
  noting.committed();
}

void Storage::run_read(const Function& function) {
  const Scope* open = Scope::of(*this);
  if (open == nullptr) return do_read(marked(function, nullptr, nullptr));
  if (UnitOfWork* unit = open->reading()) return function(*unit);
  open->joint().read(marked(function, nullptr, nullptr));
}

void Storage::together(const std::function<void()>& function) {
  refuse_nesting();
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
