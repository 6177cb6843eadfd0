#include "backend/memory/memory_rate_limiter.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <lms/backends/memory.hpp>

namespace lms {

RateLimiter::~RateLimiter() = default;

std::unique_ptr<RateLimiter> open_memory_rate_limiter(MemoryRateLimiterOptions options) {
  return std::make_unique<memory::MemoryRateLimiter>(options.most_keys, options.penalties);
}

namespace memory {

namespace {

constexpr std::string_view penalty;  // empty, which is the name of no rule

/// Of rules that refuse, the one to wait for longest: who waits for another is refused again.
bool is_tighter(const RateStanding& one, const RateStanding& other) {
  if (one.is_open && other.is_open) return one.remaining < other.remaining;
  return one.retry_after > other.retry_after;
}

}  // namespace

MemoryRateLimiter::MemoryRateLimiter(std::size_t most_keys, bool penalties)
    : most_in_shard_(std::max<std::size_t>(1, most_keys / shard_count)), penalties_(penalties) {}

std::string MemoryRateLimiter::key_of(std::string_view rule_name, std::string_view client) {
  std::string key;
  key.reserve(rule_name.size() + client.size() + 1);
  return key.append(rule_name).append(1, '\0').append(client);
}

std::size_t MemoryRateLimiter::shard_of(std::string_view key) const {
  return std::hash<std::string_view>()(key) % shard_count;
}

/// The shard is locked.
MemoryRateLimiter::Entry* MemoryRateLimiter::look_up(std::string_view key) {
  Shard& shard = shards_[shard_of(key)];
  const auto found = shard.by_key.find(key);
  if (found == shard.by_key.end()) return nullptr;
  shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
  return &*found->second;
}

/// The shard is locked.
MemoryRateLimiter::Entry& MemoryRateLimiter::get(const std::string& key) {
  if (Entry* known = look_up(key)) return *known;
  Shard& shard = shards_[shard_of(key)];
  if (shard.entries.size() >= most_in_shard_) {
    shard.by_key.erase(shard.entries.back().key);
    shard.entries.pop_back();
    ++evicted_;
  }
  shard.entries.push_front({.key = key, .state = {}, .penalty = {}});
  shard.by_key.emplace(shard.entries.front().key, shard.entries.begin());
  return shard.entries.front();
}

RateDecision MemoryRateLimiter::decide(std::span<const RateCheck> checks, Time now) {
  std::vector<std::string> keys, penalty_keys;
  keys.reserve(checks.size());
  for (const RateCheck& check : checks) {
    keys.push_back(key_of(check.rule_name, check.client));
    if (penalties_) penalty_keys.push_back(key_of(penalty, check.client));
  }
  // All that the decision touches is locked at once, always in the same order.
  std::vector<std::size_t> needed;
  needed.reserve(keys.size() + penalty_keys.size());
  for (const std::string& key : keys) needed.push_back(shard_of(key));
  for (const std::string& key : penalty_keys) needed.push_back(shard_of(key));
  std::sort(needed.begin(), needed.end());
  needed.erase(std::unique(needed.begin(), needed.end()), needed.end());
  std::vector<std::unique_lock<std::mutex>> locks;
  locks.reserve(needed.size());
  for (const std::size_t shard : needed) locks.emplace_back(shards_[shard].mutex);

  RateDecision decision;
  std::chrono::milliseconds blocked{0};
  for (std::size_t i = 0; i < checks.size(); ++i) {
    Entry* known = look_up(keys[i]);
    const RateState state = known ? carried(checks[i].rule, known->state, now) : RateState{};
    if (known && state.at < known->state.at) known->state = state;  // it need not wait for the clock to catch up
    const RateStanding here = standing(checks[i].rule, state, now);
    const Entry* earlier = penalties_ ? look_up(penalty_keys[i]) : nullptr;
    if (earlier && earlier->penalty.blocked_until > now)
      blocked = std::max(blocked, std::chrono::ceil<std::chrono::milliseconds>(earlier->penalty.blocked_until - now));
    if (i == 0 || is_tighter(here, decision.standing)) {
      decision.tightest = i;
      decision.standing = here;
    }
  }
  if (blocked.count() == 0 && decision.standing.is_open) {
    for (std::size_t i = 0; i < checks.size(); ++i) {
      Entry& entry = get(keys[i]);
      entry.state = spent(checks[i].rule, entry.state, now);
      if (i == decision.tightest) decision.standing = standing(checks[i].rule, entry.state, now);
    }
    ++allowed_;
    return decision;
  }
  ++refused_;
  decision.allowed = false;
  if (blocked.count() == 0 && penalties_ && checks[decision.tightest].punishes) {
    decision.is_violation = true;
    Entry& entry = get(penalty_keys[decision.tightest]);
    entry.penalty = punished(entry.penalty, now);
    blocked = std::chrono::ceil<std::chrono::milliseconds>(entry.penalty.blocked_until - now);
  }
  decision.standing.is_open = false;
  decision.standing.retry_after = std::max(decision.standing.retry_after, blocked);
  return decision;
}

std::optional<MemoryRateLimiter::Entry> MemoryRateLimiter::copy_of(const std::string& key) {
  Shard& shard = shards_[shard_of(key)];
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_key.find(key);
  return found == shard.by_key.end() ? std::nullopt : std::optional(*found->second);
}

std::optional<RateRecord> MemoryRateLimiter::find(std::string_view rule_name, std::string_view client, Time now) {
  const auto counted = copy_of(key_of(rule_name, client));
  if (!counted) return std::nullopt;
  const auto punishment = copy_of(key_of(penalty, client));
  return RateRecord{.state = counted->state, .penalty = punishment ? aged(punishment->penalty, now) : RatePenalty{}};
}

bool MemoryRateLimiter::clear(std::span<const std::string> rule_names, std::string_view client) {
  std::vector<std::string> keys{key_of(penalty, client)};
  for (const std::string& name : rule_names) keys.push_back(key_of(name, client));
  bool was_known = false;
  for (const std::string& key : keys) {
    Shard& shard = shards_[shard_of(key)];
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.by_key.find(key);
    if (found == shard.by_key.end()) continue;
    const Entries::iterator entry = found->second;
    shard.by_key.erase(found);
    shard.entries.erase(entry);
    was_known = true;
  }
  return was_known;
}

RateStatistics MemoryRateLimiter::statistics() {
  std::size_t keys = 0;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    keys += shard.entries.size();
  }
  return {.allowed = allowed_, .refused = refused_, .keys = static_cast<std::int64_t>(keys), .evicted = evicted_};
}

}  // namespace memory
}  // namespace lms
