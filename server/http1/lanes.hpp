#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <lms/executor.hpp>

#include "http1/options.hpp"
#include "http1/task.hpp"

namespace lms::http1 {

/// Threads that may wait, and the bounded queue before them. Thread-safe.
class Lane {
 public:
  Lane(const std::string& name, std::size_t threads, std::size_t queue_length);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane() { stop(); }

  /// False if the queue is full; the task is gone then.
  bool post(Task task);
  /// For what continues a request that was let in already: there is never more of it than of connections.
  void post_more(Task task);
  /// Drops what waits, and returns when what runs has ended.
  void stop();

 private:
  void work();

  std::size_t queue_length_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> queue_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

/// The threads behind the event loops.
struct Lanes {
  explicit Lanes(const Http1Options& options);
  void stop();

  Lane waiting;
  const Executor run_waiting;  ///< posts to that lane
  Lane uploads;                ///< apart, as these wait for clients: slow ones take threads only from one another
  Lane heavy;
};

}  // namespace lms::http1
