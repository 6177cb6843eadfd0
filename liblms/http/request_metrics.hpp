#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <lms/router.hpp>
#include <lms/spi/metrics.hpp>

#include "base/made_once.hpp"

namespace lms {

/// Counts requests by route, never by path: a client cannot make series. Thread-safe.
class RequestMetrics {
 public:
  /// The metrics outlive it.
  explicit RequestMetrics(Metrics& metrics) : metrics_(metrics) {}

  /// `route` is null for what no route answers.
  void count(http::Method method, const Route* route, int status, std::chrono::duration<double> took) noexcept;
  /// One of those of the format `rich`.
  void count_error(std::string_view category) noexcept;
  void count_limited(std::string_view rule) noexcept;
  /// `reason` is one of ours.
  void count_refused_token(std::string_view reason) noexcept;

 private:
  struct Outcome {
    const Route* route;
    http::Method method;
    int status;
    bool operator==(const Outcome&) const = default;
  };
  struct HashOutcome {
    std::size_t operator()(const Outcome& outcome) const noexcept;
  };
  struct Series {
    Counter* requests;
    Histogram* duration;
  };

  using Counters = MadeOnce<std::string, Counter*>;

  Series series_of(const Outcome& outcome);
  void count(Counters& counters, std::string_view value, const char* name, const char* help,
             const char* label) noexcept;

  Metrics& metrics_;
  MadeOnce<Outcome, Series, HashOutcome> outcomes_;
  Counters errors_, limited_, refused_tokens_;
};

}  // namespace lms
