#pragma once

#include <cstddef>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <utility>

namespace lms {

/// Values that are made when they are first asked for and stay where they are. Thread-safe; who finds one shares the
/// lock with others.
template <class Key, class Value, class Hash = std::hash<Key>>
class MadeOnce {
 public:
  template <class Make>
  Value& get(const Key& key, Make&& make) {
    {
      const std::shared_lock lock(mutex_);
      if (const auto found = values_.find(key); found != values_.end()) return found->second;
    }
    const std::unique_lock lock(mutex_);
    if (const auto found = values_.find(key); found != values_.end()) return found->second;
    return values_.emplace(key, std::forward<Make>(make)()).first->second;
  }

 private:
  std::shared_mutex mutex_;
  std::unordered_map<Key, Value, Hash> values_;
};

}  // namespace lms
