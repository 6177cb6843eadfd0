#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lms/changes.hpp>
#include <lms/executor.hpp>
#include <lms/export.hpp>
#include <lms/field_cipher.hpp>
#include <lms/query.hpp>
#include <lms/schema.hpp>

/// What the author of a storage backend implements. Backends know schemas and records, never an entity.
/// The contract is executable: `lms/testing/storage_contract.hpp`. A store that cannot evaluate queries by itself finds
/// what it needs in `lms/spi/evaluate.hpp`.
namespace lms {

/// What `update_where` returns of the records it changed. A store may find it much cheaper to tell the keys alone; the
/// other values are null then.
enum class Returning { records, keys };

/// A kind of operation, for those who count. The names are those of SQL.
enum class StorageOperation { select, insert, update, remove, aggregate };
constexpr auto names_of(StorageOperation) {
  return std::array<std::string_view, 5>{"select", "insert", "update", "delete", "aggregate"};
}

/// Hears what an operation of a unit of work was, what it was about, and how long it took. It is called on any thread,
/// inside the transaction: it must not wait and throws nothing.
using OperationObserver = std::function<void(StorageOperation, const Schema&, std::chrono::nanoseconds)>;

/// The reads and writes of one transaction. Used by one thread, only inside the function it was handed to.
///
/// The public operations check what they are given against the schema, then call the backend's `do_…`. Once an
/// operation has thrown, the unit is poisoned: every further operation throws and nothing is committed. Where a record
/// may exist already, say `insert_if_absent` instead of catching a conflict.
///
/// Fields that a schema calls encrypted are so between the two: the backend is given tokens, texts like any other, and
/// gives them back. An operation that has such a text to encrypt or to decrypt throws Error unavailable:
/// `encryption_key_missing` if the storage has no keys, `encryption_key_wrong` if none of them can decrypt what it
/// read.
class LMS_API UnitOfWork {
 public:
  virtual ~UnitOfWork();
  UnitOfWork(const UnitOfWork&) = delete;
  UnitOfWork& operator=(const UnitOfWork&) = delete;

  /// @throws Error conflict `<table>_exists` if the key or a unique set is taken, `<table>_reference` if a referenced
  ///   record is missing.
  void insert(const Schema& schema, Record record);
  void insert_many(const Schema& schema, const std::vector<Record>& records);
  /// False, and no change, if the key or a unique set is taken.
  bool insert_if_absent(const Schema& schema, const Record& record);
  /// Inserts, or replaces the record that has the same values in `by` (the key or a unique set), keeping its key.
  void upsert(const Schema& schema, const Record& record, const std::vector<std::string>& by);
  /// Replaces the record with the same key; false if there is none.
  bool update(const Schema& schema, const Record& record);
  /// Changes all records for which the condition holds, and returns them as they are now, ordered by key.
  std::vector<Record> update_where(const Schema& schema, const Condition& where,
                                   const std::vector<Assignment>& assignments,
                                   Returning returning = Returning::records);
  /// False if there is none. @throws Error conflict `<table>_in_use` while another record refers to it.
  bool remove(const Schema& schema, const Value& key);
  std::size_t remove_where(const Schema& schema, const Condition& where);

  std::optional<Record> find(const Schema& schema, const Value& key);
  std::vector<Record> select(const Schema& schema, const Query& query);
  /// Is given a record and may take its values, but touches no unit of work.
  using Use = std::function<void(Record&&)>;
  /// Selects, and hands the records over one by one: cheaper where each is at once made into something else.
  void for_each(const Schema& schema, const Query& query, const Use& use);
  /// Counts no further than `limit`.
  std::size_t count(const Schema& schema, const Condition& where, std::size_t limit = SIZE_MAX);
  std::vector<Record> aggregate(const Schema& schema, const Aggregate& aggregate);

  /// Has `action` called once what the unit wrote is durable, and not at all if it is undone: for what must not be said
  /// too early, such as a line of the log. It is called soon after, on any thread; it must not wait and throws nothing.
  /// Inside `together` that is when `together` returns; if that throws, or the process ends before, it is not called.
  /// @throws Error internal in a unit that only reads.
  void after_commit(std::function<void()> action);

  bool writable() const noexcept { return writable_; }
  bool poisoned() const noexcept { return poisoned_; }
  /// What its operations have written so far.
  const Writes& writes() const noexcept { return writes_; }

 protected:
  explicit UnitOfWork(bool writable) : writable_(writable) {}

  virtual void do_insert(const Schema& schema, const std::vector<Record>& records) = 0;
  virtual bool do_insert_if_absent(const Schema& schema, const Record& record) = 0;
  virtual void do_upsert(const Schema& schema, const Record& record, const std::vector<std::string>& by) = 0;
  virtual bool do_update(const Schema& schema, const Record& record) = 0;
  virtual std::vector<Record> do_update_where(const Schema& schema, const Condition& where,
                                              const std::vector<Assignment>& assignments, Returning returning) = 0;
  virtual std::size_t do_remove_where(const Schema& schema, const Condition& where) = 0;
  virtual std::vector<Record> do_select(const Schema& schema, const Query& query) = 0;
  /// By default from `do_select`.
  virtual void do_for_each(const Schema& schema, const Query& query, const Use& use);
  virtual std::size_t do_count(const Schema& schema, const Condition& where, std::size_t limit) = 0;
  virtual std::vector<Record> do_aggregate(const Schema& schema, const Aggregate& aggregate) = 0;

 private:
  friend class Storage;

  template <class Action>
  auto guarded(StorageOperation operation, const Schema& schema, Action&& action);
  void note_removed(const Schema& schema, const Condition& where);
  bool encrypts(const Schema& schema) const noexcept;
  template <class Given, class Action>
  auto encrypting(const Schema& schema, const Given& given, Action&& action) const;
  Record encrypted(const Schema& schema, const Record& record) const;
  std::vector<Record> encrypted(const Schema& schema, const std::vector<Record>& records) const;
  std::vector<Assignment> encrypted(const Schema& schema, const std::vector<Assignment>& assignments) const;
  void decrypt(const Schema& schema, std::vector<Record>& records) const;

  const OperationObserver* observer_ = nullptr;
  const FieldCipher* cipher_ = nullptr;  // null: it hands everything on, and the unit behind it encrypts
  bool writable_;
  bool poisoned_ = false;
  Writes writes_;
  std::vector<std::function<void()>> after_commit_;
};

enum class Isolation {
  serializable,   ///< as if transactions ran one after another
  read_committed  ///< enough for claims and single-row counters, and cheaper on some backends
};

/// What `migrate` found and did.
struct MigrationStatus {
  struct Step {
    std::int64_t version;
    std::string name;
    bool applied;
    bool known = true;   ///< part of this library; false: a newer one applied it
    bool usable = true;  ///< false: this library cannot run on the structure it left
  };
  std::vector<Step> steps;
};

/// Thread-safe. A backend implements the virtual functions; whoever uses a storage calls the public ones.
class LMS_API Storage {
 public:
  using Function = std::function<void(UnitOfWork&)>;
  /// Is told once how transactions ended: null when what they changed is durable. It returns soon and throws nothing.
  using Done = std::function<void(std::exception_ptr)>;

  virtual ~Storage();

  /// Runs `function` in a transaction and commits it durably before returning; if it throws, nothing changed. Inside
  /// `together` it is durable only when that returns, and can be undone until then: whoever remembers something of it
  /// outside storage must find out whether it is so.
  ///
  /// The function may run more than once and must touch nothing but its unit. A backend that commits in groups runs it
  /// on the thread of another caller while its own waits, so it must rely on no thread-local state and take no lock
  /// that a caller of `write` may hold. It must not call `write` or `read`: that throws Error internal.
  /// @throws Error unavailable: `storage_busy` if its turn does not come in time, `storage_timeout` if it takes too
  ///   long itself, other reasons if the store is out of order.
  template <class F>
  auto write(F&& function, Isolation isolation = Isolation::serializable) {
    return call(std::forward<F>(function), [&](const Function& f) { run_write(f, isolation); });
  }

  /// Runs `function` on one consistent state; its unit refuses writes. A `read` within it sees the same state, a
  /// `write` throws Error internal. It, too, may run on another caller's thread.
  /// @throws Error unavailable: `storage_busy` if its turn does not come in time, `storage_timeout` if it takes too
  ///   long itself, other reasons if the store is out of order.
  template <class F>
  auto read(F&& function) {
    return call(std::forward<F>(function), [&](const Function& f) { run_read(f); });
  }

  /// Runs `function`, whose calls of `write` and `read` on this storage may share one commit: each is all or nothing as
  /// ever, and all are durable when this returns. For a few short ones: until then the store may take no others.
  ///
  /// It may run more than once and on the thread of another caller, as the functions of `write` do. What it throws is
  /// thrown, and undoes nothing.
  /// @throws Error unavailable as `write`: nothing changed.
  void together(const std::function<void()>& function);
  /// As `together`, without waiting: the function runs on the thread of a caller that is at work already, or on one
  /// that `executor` finds, and `done` is told there how that ended. The executor outlives both.
  /// @throws Error unavailable if there are too many waiting; `done` is not called then.
  void together_later(std::function<void()> function, Done done, const Executor& executor);
  void together_later(std::function<void()> function, Done done, const Executor&& executor) = delete;

  /// Runs `function`; the first `write` that it calls on this storage begins with `proviso`, as part of that
  /// transaction, which is serializable. A `read` that the proviso calls sees what the transaction sees; what it throws
  /// undoes the transaction and is thrown by that `write`, and the next one begins with it again. If the function ends
  /// without a `write`, the proviso has a transaction of its own then, and what it throws is thrown from here.
  ///
  /// The proviso is part of a transaction's function, with all that this means for it. Within `function`, another
  /// proviso or `together` throws Error internal.
  void provided(const Function& proviso, const std::function<void()>& function);

  /// What was written through this storage: whoever begins after a write was answered sees it there. A storage that
  /// hands everything on to another one has that one's.
  virtual Changes& changes() noexcept { return changes_; }
  /// The keys of encrypted fields: none, until somebody gives it some. A storage that hands everything on to another
  /// one has that one's.
  virtual FieldCipher& cipher() noexcept { return cipher_; }
  /// Has every operation observed from now on; before the first transaction. A storage that hands everything on to
  /// another one hands on this, too.
  virtual void observe(OperationObserver observer) { observer_ = std::move(observer); }
  /// Whether this thread is inside a function of this storage's. It may see another state than others do.
  bool inside_transaction() const noexcept;

  /// Brings the store's structure to what this library needs. Safe to call from several processes at once.
  /// @throws Error internal `schema_too_new` if a newer library has left a structure this one cannot run on.
  virtual void migrate() = 0;
  virtual MigrationStatus migration_status() = 0;

  /// Whether a read may wait for a lock, a queue, a network or another process; a caller on an event loop then hands it
  /// to a thread.
  virtual bool reads_wait() const noexcept = 0;

  /// A short name for logs and health: `sqlite`, `memory`.
  virtual std::string kind() const = 0;
  /// @throws Error unavailable if the store cannot answer.
  virtual void ping() = 0;

 protected:
  /// Transactions that share a commit, on the thread that makes them.
  class Joint {
   public:
    virtual ~Joint() = default;
    virtual void write(const Function& function) = 0;
    virtual void read(const Function& function) = 0;
  };
  /// Is given null where every transaction commits by itself.
  using JointFunction = std::function<void(Joint*)>;

  /// Runs `function` in a transaction, more than once if need be, and commits; throws what it throws. These are never
  /// called inside a transaction of this storage.
  virtual void do_write(const Function& function, Isolation isolation) = 0;
  virtual void do_read(const Function& function) = 0;
  /// By default every transaction commits by itself, and a thread of `executor` waits for that. A storage that hands
  /// these on to another one has that one's `changes`: it is there that the commit is made.
  virtual void do_together(const JointFunction& function);
  virtual void do_together_later(JointFunction function, Done done, const Executor& executor);

  /// @throws Error internal if this thread is inside a transaction of this storage.
  void refuse_nesting() const;

 private:
  class Scope;
  class Noting;
  class Proviso;
  using Actions = std::vector<std::function<void()>>;
  struct Aftermath;

  Function marked(const Function& function, Writes* writes, Actions* actions);
  void run_joint(const std::function<void()>& function, Joint* joint, Aftermath& aftermath) const;
  void run_write(const Function& function, Isolation isolation);
  void run_provided(const Function& function, Proviso& proviso);
  void run_read(const Function& function);

  template <class F, class Run>
  static auto call(F&& function, Run&& run) {
    using Result = std::invoke_result_t<F&, UnitOfWork&>;
    if constexpr (std::is_void_v<Result>) {
      run(Function([&](UnitOfWork& uow) { function(uow); }));
    } else {
      std::optional<Result> result;
      run(Function([&](UnitOfWork& uow) { result.emplace(function(uow)); }));
      return std::move(*result);
    }
  }

  Changes changes_;
  FieldCipher cipher_;
  OperationObserver observer_;
};

}  // namespace lms
