#include "http/answer_cache.hpp"

#include <algorithm>
#include <utility>

namespace lms {

namespace {

/// About what an entry takes, with its nodes in the list and the table.
std::size_t bytes_of(std::string_view target, const KeptAnswer& answer) {
  constexpr std::size_t nodes = 256;
  std::size_t bytes = nodes + sizeof(KeptAnswer) + target.size() + answer.body.size();
  bytes += answer.shows.size() * sizeof(Dependency);
  for (const auto& [name, value] : answer.headers) bytes += sizeof(http::Headers::Field) + name.size() + value.size();
  return bytes;
}

}  // namespace

AnswerCache::AnswerCache(const Changes& changes, std::size_t most_bytes)
    : changes_(changes), most_in_shard_(most_bytes / shard_count) {}

std::shared_ptr<const KeptAnswer> AnswerCache::find(std::string_view target, Time now) {
  Shard& shard = shard_of(target);
  Entries out;  // ends after the lock
  const std::lock_guard lock(shard.mutex);
  auto answer = find(shard, target, now, out);
  ++(answer ? shard.hits : shard.misses);
  return answer;
}

std::shared_ptr<const KeptAnswer> AnswerCache::find(Shard& shard, std::string_view target, Time now, Entries& out) {
  const auto found = shard.by_target.find(target);
  if (found == shard.by_target.end()) return nullptr;
  const Entries::iterator entry = found->second;
  // Who has waited longer than it took to make one leaves it to others. Clocks are also set back.
  if (now < entry->answer->made) return nullptr;
  if (!holds(*entry->answer, now)) {
    take_out(shard, entry, out);
    return nullptr;
  }
  shard.entries.splice(shard.entries.begin(), shard.entries, entry);
  return entry->answer;
}

void AnswerCache::keep(std::string_view target, KeptAnswer answer) {
  const std::size_t bytes = bytes_of(target, answer);
  if (answer.body.size() > largest_answer || bytes > most_in_shard_ || !is_current(answer)) return;
  Entries made;
  made.push_back({std::string(target), std::make_shared<const KeptAnswer>(std::move(answer)), bytes});

  Shard& shard = shard_of(target);
  Entries out;
  const std::lock_guard lock(shard.mutex);
  if (const auto before = shard.by_target.find(target); before != shard.by_target.end())
    take_out(shard, before->second, out);
  for (; shard.bytes + bytes > most_in_shard_; ++shard.evictions) take_out(shard, std::prev(shard.entries.end()), out);
  shard.by_target.emplace(made.front().target, made.begin());
  shard.entries.splice(shard.entries.begin(), made);
  shard.bytes += bytes;
}

void AnswerCache::clear() {
  for (Shard& shard : shards_) {
    Entries out;  // ends after the lock
    const std::lock_guard lock(shard.mutex);
    shard.by_target.clear();
    shard.bytes = 0;
    out.swap(shard.entries);
  }
}

KeptAnswersStatistics AnswerCache::statistics() {
  KeptAnswersStatistics result;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    result.hits += shard.hits;
    result.misses += shard.misses;
    result.evictions += shard.evictions;
    result.answers += static_cast<std::int64_t>(shard.entries.size());
    result.bytes += static_cast<std::int64_t>(shard.bytes);
  }
  return result;
}

void AnswerCache::take_out(Shard& shard, Entries::iterator entry, Entries& out) {
  shard.by_target.erase(entry->target);
  shard.bytes -= entry->bytes;
  out.splice(out.begin(), shard.entries, entry);
}

bool AnswerCache::holds(const KeptAnswer& answer, Time now) const noexcept {
  return now < answer.expires && is_current(answer);
}

bool AnswerCache::is_current(const KeptAnswer& answer) const noexcept {
  return std::none_of(answer.shows.begin(), answer.shows.end(),
                      [&](const Dependency& shown) { return changes_.since(answer.moment, shown); });
}

}  // namespace lms
