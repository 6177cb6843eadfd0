#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace lms::http1 {

/// Counts the open connections. Thread-safe.
class Census {
 public:
  /// One connection's place; given back when destroyed. Must not outlive the census.
  class Seat {
   public:
    Seat(Seat&& other) noexcept : census_(std::exchange(other.census_, nullptr)) {}
    Seat& operator=(Seat&&) = delete;
    ~Seat() {
      if (census_) census_->leave();
    }

   private:
    friend class Census;
    explicit Seat(Census& census) noexcept : census_(&census) {}
    Census* census_;
  };

  explicit Census(std::size_t seats) noexcept : free_(seats), seats_(seats) {}

  /// None if all are taken.
  std::optional<Seat> enter() {
    const std::lock_guard lock(mutex_);
    if (free_ == 0) return std::nullopt;
    --free_;
    return Seat(*this);
  }
  /// Whether no connection was left before the time was over.
  bool wait_until_empty(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return emptied_.wait_for(lock, time, [this] { return free_ == seats_; });
  }

 private:
  void leave() noexcept {
    const std::lock_guard lock(mutex_);
    if (++free_ == seats_) emptied_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable emptied_;
  std::size_t free_;
  const std::size_t seats_;
};

}  // namespace lms::http1
