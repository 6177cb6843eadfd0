#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <lms/error.hpp>
#include <lms/spi/http_client.hpp>

namespace lms::testing {

/// Answers as it was told and keeps what it was asked. What no real client would send it refuses as they do, and keeps
/// it not. Thread-safe.
class FakeHttpClient final : public HttpClient {
 public:
  using Answer = std::function<HttpResponse(const HttpRequest&)>;

  /// Answers are given in the order they were told, one for each request.
  void answer(HttpResponse response) {
    answer([response = std::move(response)](const HttpRequest&) { return response; });
  }
  void answer(int status, std::string body = {}) { answer(HttpResponse{status, {}, std::move(body)}); }
  /// As if the server could not be reached: `unavailable("host_unreachable", …)`.
  void fail(Error error) {
    answer([error = std::move(error)](const HttpRequest&) -> HttpResponse { throw error; });
  }
  /// May throw an Error.
  void answer(Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(answer));
  }
  /// What is answered when nothing else is left; without it that is `host_unreachable`.
  void answer_all_others(Answer answer) {
    const std::lock_guard lock(mutex_);
    others_ = std::move(answer);
  }

  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  HttpResponse perform(const HttpRequest& request) override {
    Answer answer;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      if (answers_.empty()) {
        answer = others_;
      } else {
        answer = std::move(answers_.front());
        answers_.pop_front();
      }
    }
    if (!answer) throw unavailable("host_unreachable", "no answer is left for " + request.method + " " + request.url);
    return answer(request);
  }

  mutable std::mutex mutex_;
  std::deque<Answer> answers_;
  Answer others_;
  std::vector<HttpRequest> requests_;
};

}  // namespace lms::testing
