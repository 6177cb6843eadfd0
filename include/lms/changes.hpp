#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include <lms/export.hpp>
#include <lms/schema.hpp>
#include <lms/value.hpp>

/// Whether something that was read from storage is still what storage has. Backends need not know of it: UnitOfWork and
/// Storage see to it.
namespace lms {

/// What something was made from: a record, or a table as a whole.
class LMS_API Dependency {
 public:
  /// The record with that key, whether there is one or not.
  static Dependency on(const Schema& schema, const Value& key);
  /// All records of the table, those to come as well.
  static Dependency on(const Schema& schema);

 private:
  friend class Changes;
  using Slot = std::uint32_t;

  Dependency(Slot first, Slot second) : slots_{first, second} {}

  std::array<Slot, 2> slots_;
};

/// What a transaction has written: some bytes for each record. Used by one thread at a time.
class LMS_API Writes {
 public:
  void add(const Schema& schema, const Value& key);
  /// Records of the table that cannot be named.
  void add(const Schema& schema);
  void add(const Writes& others);

 private:
  friend class Changes;
  using Slot = std::uint32_t;

  void add_table(Slot table);

  std::vector<Slot> slots_;
  Slot table_ = UINT32_MAX;  // the last one in slots_
};

/// When things were last written, within a bound of memory: things may share a place in it, and then one counts as
/// changed when the other is. Never the other way round. Thread-safe.
///
///     const Changes::Moment moment = storage.changes().now();
///     … read and make something …
///     … later: it is still good unless storage.changes().since(moment, dependency) for one of what it was made from.
class LMS_API Changes {
 public:
  using Moment = std::uint64_t;

  Changes();

  /// To be asked before reading starts. What is read afterwards holds all that was noted until then.
  Moment now() const noexcept { return now_.load(std::memory_order_acquire); }
  /// Whether it was written after that moment. Who asks after a write was answered learns of it.
  bool since(Moment moment, const Dependency& dependency) const noexcept;

  /// The transaction has been committed, and nobody was told yet.
  void note(const Writes& writes) noexcept;

 private:
  std::atomic<Moment> now_{0};
  std::vector<std::atomic<Moment>> last_written_;  // by slot
};

}  // namespace lms
