#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <lms/spi/log_sink.hpp>
#include <lms/spi/rate_limiter.hpp>

namespace lms {

/// Around a limiter that can be out of reach while the school is not: lets another one decide then, if there is one,
/// and tells the log when an outage begins and when it ends.
class WatchedRateLimiter final : public RateLimiter {
 public:
  /// `substitute` may be null: `decide` throws as it comes then.
  WatchedRateLimiter(std::shared_ptr<RateLimiter> limiter, std::unique_ptr<RateLimiter> substitute,
                     const Logger& logger)
      : limiter_(std::move(limiter)), substitute_(std::move(substitute)), logger_(logger) {}

  RateDecision decide(std::span<const RateCheck> checks, Time now) override;
  std::optional<RateRecord> find(std::string_view rule_name, std::string_view client, Time now) override;
  bool clear(std::span<const std::string> rule_names, std::string_view client) override;
  RateStatistics statistics() override;
  bool waits() const noexcept override { return limiter_->waits(); }

 private:
  template <class Question>
  auto ask(Question&& question);

  const std::shared_ptr<RateLimiter> limiter_;
  const std::unique_ptr<RateLimiter> substitute_;
  const Logger& logger_;
  std::atomic<bool> out_{false};
};

}  // namespace lms
