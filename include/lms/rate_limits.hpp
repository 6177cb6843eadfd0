#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/export.hpp>
#include <lms/http.hpp>
#include <lms/principal.hpp>
#include <lms/rate.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/log_sink.hpp>
#include <lms/spi/rate_limiter.hpp>

/// How often clients may ask, by which rules, and what admins see and undo of it.
namespace lms {

struct Settings;

/// Where a client stands under one rule.
struct RateLimitStatus {
  std::string rule;
  std::int64_t limit = 0;
  std::int64_t window = 0;  ///< seconds
  std::int64_t remaining = 0;
  std::int64_t reset_after = 0;  ///< seconds until all of the limit is there again
  std::int64_t violations = 0;   ///< not forgotten yet, whichever rule was broken
  std::int64_t blocked_for = 0;  ///< seconds that the client is still kept out

  LMS_API static const Schema& schema();
};

/// What the limiter has done since the start, and holds.
struct RateLimitStatistics {
  bool enabled = true;
  std::int64_t allowed = 0;
  std::int64_t refused = 0;
  std::optional<std::int64_t> keys;
  std::int64_t evicted = 0;
  std::int64_t substituted = 0;

  LMS_API static const Schema& schema();
};

/// Thread-safe.
class LMS_API RateLimits {
 public:
  /// @throws Error invalid for settings that contradict themselves.
  RateLimits(const Settings& settings, RateLimiter& limiter, const Clock& clock, const Logger& logger);
  ~RateLimits();
  RateLimits(const RateLimits&) = delete;
  RateLimits& operator=(const RateLimits&) = delete;

  /// One request, as far as it is known before storage is asked.
  struct Asking {
    std::string_view address;
    std::string_view user;  ///< empty: nobody's token, or a bad one
    std::string_view role;  ///< empty: not known
    std::string_view path;
    http::Method method = http::Method::get;
  };
  /// The rule that binds most, and what was decided.
  struct Answer {
    const NamedRate* rule = nullptr;
    RateDecision decision;
  };
  /// Counts the request. None: no rule is about it.
  /// @throws Error unavailable if the limiter does not answer.
  std::optional<Answer> decide(const Asking& asking);
  /// Whether `decide` waits for another machine.
  bool waits() const noexcept;

  /// Where a client stands under each rule it has asked under. `client` is `ip:…` or `user:…`.
  /// @throws Error forbidden unless an admin asks; invalid for another form of `client`.
  std::vector<RateLimitStatus> status(const Principal& who, std::string_view client);
  /// Forgets what a client has asked and broken. @throws as `status`; not_found if nothing is known of it.
  void clear(const Principal& who, std::string_view client);
  /// @throws Error forbidden unless an admin asks.
  RateLimitStatistics statistics(const Principal& who);

 private:
  const Clock& clock_;
  const Logger& logger_;
  RateLimiter& limiter_;
  struct Rules;
  const std::unique_ptr<const Rules> rules_;
};

}  // namespace lms
