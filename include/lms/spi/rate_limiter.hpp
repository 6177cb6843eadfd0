#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <lms/export.hpp>
#include <lms/rate.hpp>
#include <lms/time.hpp>

namespace lms {

/// One rule that a request has to keep to, and the client it is counted for.
struct RateCheck {
  std::string_view rule_name;
  std::string_view client;  ///< `ip:192.0.2.1`, `user:…`
  RateRule rule;
  bool punishes = true;  ///< breaking it is the client's own fault
};

/// What was decided under all rules at once.
struct RateDecision {
  bool allowed = true;
  std::size_t tightest = 0;    ///< the check that refused, or under which the least is left
  RateStanding standing = {};  ///< under that, after this request
  bool is_violation = false;   ///< it broke a rule just now, rather than being kept out for one it broke before
};

/// What is remembered of a client under one rule.
struct RateRecord {
  RateState state;
  RatePenalty penalty;  ///< of the client, whichever rule it broke
};

struct RateStatistics {
  std::int64_t allowed = 0;
  std::int64_t refused = 0;
  std::optional<std::int64_t> keys = 0;  ///< remembered now; none where they are not counted
  std::int64_t evicted = 0;              ///< forgotten before their time, for want of room
  std::int64_t substituted = 0;          ///< of those decisions: made by another limiter, for this one did not answer
};

/// Counts requests and decides about them. Thread-safe. Its decisions are those of `standing` and `spent`.
class LMS_API RateLimiter {
 public:
  virtual ~RateLimiter();
  /// Decides under all the checks as one: only if all are open is the request counted, and then under all. A client
  /// that is kept out for earlier violations is refused without another. At least one check.
  virtual RateDecision decide(std::span<const RateCheck> checks, Time now) = 0;
  /// None if nothing is remembered.
  virtual std::optional<RateRecord> find(std::string_view rule_name, std::string_view client, Time now) = 0;
  /// Forgets a client under these rules, and its penalty; returns whether anything was remembered.
  virtual bool clear(std::span<const std::string> rule_names, std::string_view client) = 0;
  virtual RateStatistics statistics() = 0;
  /// Whether these wait for another machine. They may throw unavailable then.
  virtual bool waits() const noexcept { return false; }
};

}  // namespace lms
