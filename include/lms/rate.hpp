#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <lms/export.hpp>
#include <lms/time.hpp>

/// How often something may happen: rules, and the arithmetic of keeping to them. Nothing here waits or remembers.
namespace lms {

enum class RateAlgorithm {
  /// No stretch of time as long as the window has more than the limit. Kept in eighths of the window, so what was spent
  /// comes back up to an eighth late.
  sliding_window,
  /// The limit in each window of the calendar (minutes begin at second 0). Two windows meet: around that moment twice
  /// the limit can come.
  fixed_window,
  /// The limit over a window on average, and up to `burst` at once: at most burst + limit in any window.
  token_bucket
};
constexpr auto names_of(RateAlgorithm) {
  return std::array<std::string_view, 3>{"sliding_window", "fixed_window", "token_bucket"};
}

struct RateRule {
  static constexpr std::int64_t most = 1'000'000'000;
  static constexpr std::chrono::seconds longest{86'400};

  std::int64_t limit = 0;           ///< 1 to `most`
  std::chrono::seconds window{60};  ///< 1 s to `longest`
  RateAlgorithm algorithm = RateAlgorithm::sliding_window;
  std::int64_t burst = 0;  ///< of a token bucket; 0: as many as the limit

  bool operator==(const RateRule&) const = default;
};

/// A rule with the name it has in answers: `default`, `auth`, `/api/v1/courses`.
struct NamedRate {
  std::string name;
  RateRule rule;
};

/// `5/minute`, `5 per minute`, `100/15 minutes`; units are second, minute, hour and day, also as plural or first
/// letter. A sliding window. None for anything else.
LMS_API std::optional<RateRule> parse_rate(std::string_view text);
/// `5/minute`, which `parse_rate` takes; algorithm and burst do not show.
LMS_API std::string rate_text(const RateRule& rule);

/// What is remembered of one client under one rule: 80 bytes. All zero: nothing has happened.
struct RateState {
  static constexpr std::size_t slices = 8;  ///< of a sliding window

  std::int64_t at = 0;  ///< the newest slice or window, counted from 1970; of a token bucket: milliseconds
  std::array<std::int64_t, slices + 1> counts{};  ///< by slices, newest first; of a token bucket: what has been spent
};

/// Where a client stands under a rule.
struct RateStanding {
  bool is_open = true;                      ///< one more may come
  std::int64_t remaining = 0;               ///< how many more
  std::chrono::milliseconds reset_after{};  ///< until all of the limit is there again
  std::chrono::milliseconds retry_after{};  ///< until one more may come; 0 if it may
};

/// These are pure: they depend on the arguments alone.

/// The state as of now, without what has run out. A clock that was set back counts as one that stood still: nothing
/// comes back for it, and who carries the state along does not wait for the clock to catch up.
LMS_API RateState carried(const RateRule& rule, const RateState& state, Time now);
LMS_API RateStanding standing(const RateRule& rule, const RateState& state, Time now);
/// The state after one more has come, be it open or not.
LMS_API RateState spent(const RateRule& rule, const RateState& state, Time now);

/// A client that breaks rules again and again is kept out longer each time: a second, two, four, up to an hour. One
/// violation is forgotten for each ten minutes without another.
struct RatePenalty {
  static constexpr std::chrono::seconds first{1};
  static constexpr std::chrono::seconds longest{3600};
  static constexpr std::chrono::minutes forgotten_after{10};

  std::int64_t violations = 0;
  Time last;  ///< violation
  Time blocked_until;
};

/// What is left of it by now.
LMS_API RatePenalty aged(RatePenalty penalty, Time now);
/// After one more violation.
LMS_API RatePenalty punished(RatePenalty penalty, Time now);

}  // namespace lms
