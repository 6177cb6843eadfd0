#include <lms/changes.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <exception>
#include <span>
#include <string_view>
#include <utility>

#include <lms/spi/change_feed.hpp>

#include "base/content_hash.hpp"

namespace lms {

ChangeFeed::~ChangeFeed() = default;

namespace {

using Slot = std::uint32_t;

// Tables are few and some of them are written all the time, so they do not share places with records. Each has two:
// one for any record of it, and one for records that cannot be named.
constexpr int table_bits = 10;
constexpr int record_bits = 14;
constexpr Slot first_record = Slot{2} << table_bits;
constexpr Slot slot_count = first_record + (Slot{1} << record_bits);

constexpr std::uint64_t golden_ratio = 0x9E3779B97F4A7C15;

Slot scattered(std::uint64_t hash, int bits) {
  return static_cast<Slot>((hash * golden_ratio) >> (64 - bits));
}

/// All nodes of a school have to find the same places.
std::uint64_t hash_of(const Schema& schema) {
  return short_hash(schema.table());
}

/// Equal for keys that compare as equal.
std::uint64_t hash_of(const Value& key) {
  if (key.is_string()) return short_hash(key.as_string());
  return key.is_number() ? std::bit_cast<std::uint64_t>(key.as_real() + 0.0) : 0;  // + 0.0: one zero, not two
}

void raise_to(Changes::Moment moment, std::atomic<Changes::Moment>& last) noexcept {
  Changes::Moment known = last.load(std::memory_order_relaxed);
  while (known < moment &&
         !last.compare_exchange_weak(known, moment, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

Slot any_of_table(const Schema& schema) {
  return 2 * scattered(hash_of(schema), table_bits);
}

Slot unnamed_of_table(const Schema& schema) {
  return any_of_table(schema) + 1;
}

Slot record(const Schema& schema, const Value& key) {
  return first_record + scattered(hash_of(schema) * golden_ratio + hash_of(key), record_bits);
}

}  // namespace

Dependency Dependency::on(const Schema& schema, const Value& key) {
  return {record(schema, key), unnamed_of_table(schema)};
}

Dependency Dependency::on(const Schema& schema) {
  return {any_of_table(schema), any_of_table(schema)};
}

void Writes::add(const Schema& schema, const Value& key) {
  add_table(any_of_table(schema));
  slots_.push_back(record(schema, key));
}

void Writes::add(const Schema& schema) {
  add_table(any_of_table(schema));
  slots_.push_back(unnamed_of_table(schema));
}

void Writes::add(const Writes& others) {
  slots_.insert(slots_.end(), others.slots_.begin(), others.slots_.end());
}

/// Records are often written table by table.
void Writes::add_table(Slot table) {
  if (table == table_) return;
  slots_.push_back(table);
  table_ = table;
}

Changes::Changes() : last_written_(slot_count) {}

bool Changes::since(Moment moment, const Dependency& dependency) const noexcept {
  for (const Slot slot : dependency.slots_)
    if (last_written_[slot].load(std::memory_order_acquire) > moment) return true;
  return false;
}

void Changes::note(const Writes& writes) noexcept {
  if (writes.slots_.empty()) return;
  raise(writes.slots_);
  if (feed_) publish(writes.slots_);
}

void Changes::note_all() noexcept {
  raise_all();
  if (feed_) publish({});
}

// Why the orders suffice is in docs/decisions/0016-answer-cache.md.
void Changes::raise(const std::vector<Slot>& slots) noexcept {
  const Moment moment = now_.fetch_add(1, std::memory_order_release) + 1;
  for (const Slot slot : slots) raise_to(moment, last_written_[slot]);
}

void Changes::raise_all() noexcept {
  const Moment moment = now_.fetch_add(1, std::memory_order_release) + 1;
  for (std::atomic<Moment>& last : last_written_) raise_to(moment, last);
}

void Changes::share(std::shared_ptr<ChangeFeed> feed, std::function<void(std::string_view)> tell) {
  feed_ = std::move(feed);
  tell_ = std::move(tell);
}

void Changes::publish(const std::vector<Slot>& slots) noexcept {
  constexpr std::size_t most = 4096;
  try {
    const bool all = owes_.exchange(false) || slots.size() > most;
    feed_->publish(all ? std::span<const Slot>() : std::span(slots));
    answers();
  } catch (const std::exception& error) {
    owes_ = true;
    fails(error.what());
  }
}

/// Those who come while others ask wait for the next time, which begins after they came, and share it.
void Changes::catch_up() noexcept {
  if (!feed_) return;
  std::unique_lock lock(mutex_);
  const std::uint64_t needed = begun_ + 1;
  while (done_ < needed) {
    if (begun_ > done_) {
      fetched_.wait(lock);
      continue;
    }
    ++begun_;
    lock.unlock();
    fetch();
    lock.lock();
    ++done_;
    fetched_.notify_all();
  }
}

void Changes::fetch() noexcept {
  try {
    const ChangeFeed::News news = feed_->news();
    const bool all_known =
        std::all_of(news.slots.begin(), news.slots.end(), [](Slot slot) { return slot < slot_count; });
    if (news.all || !all_known)
      raise_all();
    else if (!news.slots.empty())
      raise(news.slots);
    answers();
  } catch (const std::exception& error) {
    fails(error.what());
  }
}

void Changes::answers() noexcept {
  if (out_.load(std::memory_order_relaxed) && out_.exchange(false)) tell_({});
}

void Changes::fails(const char* cause) noexcept {
  if (!out_.exchange(true)) tell_(cause);
}

}  // namespace lms
