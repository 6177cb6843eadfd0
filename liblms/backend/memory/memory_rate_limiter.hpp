#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include <lms/spi/rate_limiter.hpp>

namespace lms::memory {

/// Remembers what each client has asked, in this process. Of too many the one that was away longest is forgotten.
class MemoryRateLimiter final : public RateLimiter {
 public:
  MemoryRateLimiter(std::size_t most_keys, bool penalties);

  RateDecision decide(std::span<const RateCheck> checks, Time now) override;
  std::optional<RateRecord> find(std::string_view rule_name, std::string_view client, Time now) override;
  bool clear(std::span<const std::string> rule_names, std::string_view client) override;
  RateStatistics statistics() override;

 private:
  static constexpr std::size_t shard_count = 64;

  struct Entry {
    std::string key;
    RateState state;
    RatePenalty penalty;
  };
  using Entries = std::list<Entry>;  ///< the one used last first
  struct alignas(64) Shard {
    std::mutex mutex;
    Entries entries;
    std::unordered_map<std::string_view, Entries::iterator> by_key;
  };

  static std::string key_of(std::string_view rule_name, std::string_view client);
  std::size_t shard_of(std::string_view key) const;
  Entry* look_up(std::string_view key);
  Entry& get(const std::string& key);
  std::optional<Entry> copy_of(const std::string& key);

  const std::size_t most_in_shard_;
  const bool penalties_;
  std::array<Shard, shard_count> shards_;
  std::atomic<std::int64_t> allowed_{0}, refused_{0}, evicted_{0};
};

}  // namespace lms::memory
