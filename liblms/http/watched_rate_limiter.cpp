#include "http/watched_rate_limiter.hpp"

#include <lms/error.hpp>

namespace lms {

namespace {

/// Where the limiter is concerns no client: the log has been told.
Error outage(const Error& error) {
  return unavailable(error.reason(), "The rate limiter does not answer; try again in a moment.");
}

}  // namespace

RateDecision WatchedRateLimiter::decide(std::span<const RateCheck> checks, Time now) {
  try {
    RateDecision decision = limiter_->decide(checks, now);
    // Looked at first, for a plain read is all that a day without outages should cost.
    if (out_.load(std::memory_order_relaxed) && out_.exchange(false))
      logger_.warning("app", "rate limiter answers again");
    return decision;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unavailable) throw;
    if (!out_.exchange(true))
      logger_.warning("app",
                      substitute_ ? "rate limiter does not answer: this node counts by itself"
                                  : "rate limiter does not answer: requests are refused",
                      {{"error", error.what()}});
    if (!substitute_) throw outage(error);
    return substitute_->decide(checks, now);
  }
}

template <class Question>
auto WatchedRateLimiter::ask(Question&& question) {
  try {
    return question(*limiter_);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unavailable) throw;
    throw outage(error);
  }
}

/// What counts now is asked.
std::optional<RateRecord> WatchedRateLimiter::find(std::string_view rule_name, std::string_view client, Time now) {
  if (substitute_ && out_) return substitute_->find(rule_name, client, now);
  return ask([&](RateLimiter& limiter) { return limiter.find(rule_name, client, now); });
}

bool WatchedRateLimiter::clear(std::span<const std::string> rule_names, std::string_view client) {
  const bool was_known = substitute_ && substitute_->clear(rule_names, client);
  if (substitute_ && out_) return was_known;
  return ask([&](RateLimiter& limiter) { return limiter.clear(rule_names, client); }) || was_known;
}

RateStatistics WatchedRateLimiter::statistics() {
  RateStatistics result = ask([](RateLimiter& limiter) { return limiter.statistics(); });
  if (!substitute_) return result;
  const RateStatistics substitutes = substitute_->statistics();
  result.allowed += substitutes.allowed;
  result.refused += substitutes.refused;
  result.evicted += substitutes.evicted;
  result.substituted += substitutes.allowed + substitutes.refused;
  return result;
}

}  // namespace lms
