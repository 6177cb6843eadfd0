#include "http/request_metrics.hpp"

#include <exception>
#include <functional>

namespace lms {

namespace {

constexpr std::string_view no_route = "none";
const std::vector<double> bounds{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};  // seconds

}  // namespace

std::size_t RequestMetrics::HashOutcome::operator()(const Outcome& outcome) const noexcept {
  constexpr std::size_t most_statuses = 1024, most_methods = 16;
  return std::hash<const Route*>()(outcome.route) * most_statuses * most_methods +
         static_cast<std::size_t>(outcome.method) * most_statuses + static_cast<std::size_t>(outcome.status);
}

RequestMetrics::Series RequestMetrics::series_of(const Outcome& outcome) {
  const std::string method(http::name(outcome.method));
  const std::string endpoint = outcome.route ? outcome.route->path : std::string(no_route);
  return {&metrics_.counter("lms_http_requests_total", "Requests that were answered.",
                            {{"method", method}, {"endpoint", endpoint}, {"status", std::to_string(outcome.status)}}),
          &metrics_.histogram("lms_http_request_duration_seconds", "From the request's last byte to the answer.",
                              bounds, {{"method", method}, {"endpoint", endpoint}})};
}

void RequestMetrics::count(http::Method method, const Route* route, int status,
                           std::chrono::duration<double> took) noexcept {
  try {
    const Outcome outcome{route, method, status};
    const Series& series = outcomes_.get(outcome, [&] { return series_of(outcome); });
    series.requests->add();
    series.duration->observe(took.count());
  } catch (const std::exception&) {  // no memory for another series
  }
}

void RequestMetrics::count_error(std::string_view category) noexcept {
  count(errors_, category, "lms_errors_total", "Answers that told of an error.", "category");
}

void RequestMetrics::count_limited(std::string_view rule) noexcept {
  count(limited_, rule, "lms_rate_limited_total", "Requests refused by a rate limit.", "rule");
}

void RequestMetrics::count_refused_token(std::string_view reason) noexcept {
  count(refused_tokens_, reason, "lms_refused_tokens_total", "Tokens that were not good.", "reason");
}

void RequestMetrics::count(Counters& counters, std::string_view value, const char* name, const char* help,
                           const char* label) noexcept {
  try {
    const std::string key(value);
    counters.get(key, [&] { return &metrics_.counter(name, help, {{label, key}}); })->add();
  } catch (const std::exception&) {
  }
}

}  // namespace lms
