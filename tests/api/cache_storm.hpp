#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/school.hpp"

namespace lms::test {

/// One thread that does what it is handed, as the server's threads do. It ends when all is done.
class Worker {
 public:
  ~Worker() {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_one();
  }
  Executor executor() {
    return [this](std::function<void()> task) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      changed_.notify_one();
    };
  }

 private:
  void work() {
    for (std::unique_lock lock(mutex_);;) {
      changed_.wait(lock, [&] { return ending_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      const auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool ending_ = false;
  std::jthread thread_{[this] { work(); }};
};

/// Counts down when its scope is left, in whatever way.
struct Leaving {
  std::atomic<int>& present;
  ~Leaving() { --present; }
};

/// How many answers told less than had been answered to a writer before they were asked for, while a course is changed
/// in both ways there are, and read as itself and in the list, by several threads.
inline int stale_answers(std::shared_ptr<Storage> storage, int changes_by_writer) {
  constexpr int pairs = 2;
  School school(School::quick_settings(), std::move(storage));
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string path = "/courses/" + school.published_course(ines)["id"].as_string();
  Worker worker;
  const Executor executor = worker.executor();

  const auto request = [&](http::Method method, const std::string& target) {
    return http::Request{
        .method = method, .target = "/api/v1" + target, .headers = {}, .body = {}, .peer = "127.0.0.1"};
  };
  const auto version_in = [](const http::Response& response) {
    const Value body = parse_json(std::get<std::string>(response.body));
    const Value& course = body["items"].is_array() ? body["items"].as_array().at(0) : body;
    return course["version"].as_integer();
  };
  std::atomic<std::int64_t> answered{0};
  const auto change = [&](bool waits) {
    http::Request patch = request(http::Method::patch, path);
    patch.headers.add("Authorization", "Bearer " + ines);
    patch.body = std::string(R"({"summary": "Changed."})");
    http::Response response;
    if (waits) {
      response = school.lms.handle(std::move(patch));
    } else {
      std::promise<http::Response> promise;
      const auto answer = [&](http::Response given) { promise.set_value(std::move(given)); };
      school.lms.handle(std::move(patch), answer, executor);
      response = promise.get_future().get();
    }
    const std::int64_t version = version_in(response);
    std::int64_t known = answered.load();
    while (known < version && !answered.compare_exchange_weak(known, version)) {
    }
  };

  std::atomic<int> writing{pairs};
  std::atomic<int> stale{0};
  std::vector<std::future<void>> threads;
  for (int self = 0; self < pairs; ++self) {
    threads.push_back(std::async(std::launch::async, [&, self] {
      const Leaving leaving{writing};
      for (int i = 0; i < changes_by_writer; ++i) change((self + i) % 2 == 0);
    }));
    threads.push_back(std::async(std::launch::async, [&, target = self == 0 ? path : "/courses"] {
      do {
        const std::int64_t least = answered;
        if (version_in(school.lms.handle(request(http::Method::get, target))) < least) ++stale;
      } while (writing > 0);
    }));
  }
  for (auto& thread : threads) thread.get();
  return stale;
}

}  // namespace lms::test
