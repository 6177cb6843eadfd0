#include "http1/lanes.hpp"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include <lms/error.hpp>

namespace lms::http1 {

namespace {

Error overloaded() {
  return unavailable("overloaded", "The server is busy; try again in a moment.");
}

}  // namespace

Lane::Lane(const std::string& name, std::size_t threads, std::size_t queue_length) : queue_length_(queue_length) {
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i) {
    threads_.emplace_back([this] { work(); });
    pthread_setname_np(threads_.back().native_handle(), name.c_str());
  }
}

bool Lane::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || queue_.size() >= queue_length_) return false;
    queue_.push_back(std::move(task));
  }
  wake_.notify_one();
  return true;
}

void Lane::post_more(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    queue_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void Lane::stop() {
  std::deque<Task> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(queue_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Lane::work() {
  for (;;) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
    if (stopped_) return;
    Task task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task();
  }
}

Lanes::Lanes(const Http1Options& options)
    : waiting("lms-waiting", options.waiting_threads, options.queue_length),
      run_waiting([this](std::function<void()> task) {
        if (!waiting.post(Task(std::move(task)))) throw overloaded();
      }),
      uploads("lms-uploads", options.upload_threads, options.queue_length),
      heavy("lms-heavy", options.heavy_threads, options.queue_length) {}

void Lanes::stop() {
  waiting.stop();
  uploads.stop();
  heavy.stop();
}

}  // namespace lms::http1
