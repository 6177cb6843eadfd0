#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
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

class ChangeFeed;

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

  /// The transaction has been committed, and nobody was told yet. Tells the other nodes, and may wait for that.
  void note(const Writes& writes) noexcept;

  /// Everything may have been changed: nothing that was read before is good any more, on this node and on others.
  void note_all() noexcept;

  /// From now on other nodes learn of what is noted here, and `catch_up` of what they have noted. `tell` hears when the
  /// feed stops answering, with the cause, and when it answers again, with none. Before anything else is called.
  void share(std::shared_ptr<ChangeFeed> feed, std::function<void(std::string_view cause)> tell);
  bool shared() const noexcept { return feed_ != nullptr; }
  /// Notes what other nodes were told of before this call; waits for the feed. While that does not answer, what they
  /// write is not known here.
  void catch_up() noexcept;

 private:
  using Slot = std::uint32_t;

  void raise(const std::vector<Slot>& slots) noexcept;
  void raise_all() noexcept;
  void publish(const std::vector<Slot>& slots) noexcept;
  void fetch() noexcept;
  void answers() noexcept;
  void fails(const char* cause) noexcept;

  std::atomic<Moment> now_{0};
  std::vector<std::atomic<Moment>> last_written_;  // by slot
  std::shared_ptr<ChangeFeed> feed_;
  std::function<void(std::string_view)> tell_;
  std::atomic<bool> out_{false};
  std::atomic<bool> owes_{false};  // others were not told of something
  std::mutex mutex_;
  std::condition_variable fetched_;
  std::uint64_t begun_ = 0, done_ = 0;  // fetches
};

}  // namespace lms
