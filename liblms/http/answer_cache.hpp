#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <lms/changes.hpp>
#include <lms/http.hpp>
#include <lms/kept_answers.hpp>
#include <lms/time.hpp>

namespace lms {

/// A handler's answer with status 200 that can be given again.
struct KeptAnswer {
  http::Headers headers;
  std::string body;
  std::vector<Dependency> shows;  ///< what it was made from
  Changes::Moment moment = 0;     ///< before anything of that was read
  Time made;
  Time expires;  ///< from then on it is not given
};

/// Whole answers by the target of the request, those asked for last, within a bound of memory. One is given until it
/// expires or something that it shows has changed. Thread-safe.
class AnswerCache {
 public:
  static constexpr std::size_t largest_answer = 256UL * 1024;

  /// The changes outlive it. `most_bytes` is what it may take; it takes what it needs.
  AnswerCache(const Changes& changes, std::size_t most_bytes);

  /// Null if there is none that holds now.
  std::shared_ptr<const KeptAnswer> find(std::string_view target, Time now);
  /// Not kept is one that is too large, or whose making was overtaken by a change.
  void keep(std::string_view target, KeptAnswer answer);
  KeptAnswersStatistics statistics();
  void clear();

 private:
  static constexpr std::size_t shard_count = 16;

  struct Entry {
    std::string target;
    std::shared_ptr<const KeptAnswer> answer;
    std::size_t bytes;
  };
  using Entries = std::list<Entry>;
  struct Shard {
    std::mutex mutex;
    Entries entries;  // those used last come first
    std::unordered_map<std::string_view, Entries::iterator> by_target;
    std::size_t bytes = 0;
    std::int64_t hits = 0, misses = 0, evictions = 0;
  };

  static void take_out(Shard& shard, Entries::iterator entry, Entries& out);

  Shard& shard_of(std::string_view target) noexcept {
    return shards_[std::hash<std::string_view>()(target) % shard_count];
  }
  std::shared_ptr<const KeptAnswer> find(Shard& shard, std::string_view target, Time now, Entries& out);
  bool holds(const KeptAnswer& answer, Time now) const noexcept;
  bool is_current(const KeptAnswer& answer) const noexcept;

  const Changes& changes_;
  const std::size_t most_in_shard_;  // bytes
  std::array<Shard, shard_count> shards_;
};

}  // namespace lms
