#include <lms/rate.hpp>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <system_error>

namespace lms {

namespace {

using std::chrono::milliseconds;

std::int64_t milliseconds_of(Time time) {
  return std::chrono::floor<milliseconds>(time.time_since_epoch()).count();
}

std::int64_t length_of(const RateRule& rule) {
  return milliseconds(rule.window).count();
}

std::int64_t divided_up(std::int64_t dividend, std::int64_t divisor) {
  return (dividend + divisor - 1) / divisor;
}

// --- sliding window ---

constexpr auto slices = static_cast<std::int64_t>(RateState::slices);

std::int64_t slice_length(const RateRule& rule) {
  return length_of(rule) / slices;
}

/// With the slice of `now` as its newest.
RateState slid(const RateRule& rule, const RateState& state, std::int64_t now) {
  const std::int64_t newest = now / slice_length(rule);
  const std::int64_t passed = newest - state.at;
  RateState result{.at = newest};
  if (passed <= 0) {
    result.counts = state.counts;
  } else if (passed <= slices) {
    const auto kept = state.counts.size() - static_cast<std::size_t>(passed);
    std::copy_n(state.counts.begin(), kept, result.counts.end() - static_cast<std::ptrdiff_t>(kept));
  }
  return result;
}

/// Any window ends in one slice and begins at most as many before it, so what stands in all of them is no less than
/// what any window has.
RateStanding sliding_standing(const RateRule& rule, const RateState& state, std::int64_t now) {
  const std::int64_t count = std::accumulate(state.counts.begin(), state.counts.end(), std::int64_t{0});
  RateStanding standing{.is_open = count < rule.limit, .remaining = std::max<std::int64_t>(0, rule.limit - count)};
  const auto until_gone = [&](std::size_t age) {
    return milliseconds((state.at - static_cast<std::int64_t>(age) + slices + 1) * slice_length(rule) - now);
  };
  std::int64_t too_many = count - rule.limit + 1;
  for (std::size_t age = state.counts.size(); age-- > 0;) {
    if (state.counts[age] == 0) continue;
    standing.reset_after = until_gone(age);
    if (too_many > 0) standing.retry_after = standing.reset_after;
    too_many -= state.counts[age];
  }
  return standing;
}

// --- fixed window ---

RateState in_window(const RateRule& rule, RateState state, std::int64_t now) {
  const std::int64_t window = now / length_of(rule);
  if (window > state.at) state.counts[0] = 0;
  state.at = window;
  return state;
}

RateStanding fixed_standing(const RateRule& rule, const RateState& state, std::int64_t now) {
  const milliseconds left((state.at + 1) * length_of(rule) - now);
  const bool is_open = state.counts[0] < rule.limit;
  return {.is_open = is_open,
          .remaining = std::max<std::int64_t>(0, rule.limit - state.counts[0]),
          .reset_after = left,
          .retry_after = is_open ? milliseconds(0) : left};
}

// --- token bucket ---

/// Counted in parts of a request: so many come back in a millisecond, so many are a request.
struct Bucket {
  explicit Bucket(const RateRule& rule) {
    const std::int64_t common = std::gcd(rule.limit, length_of(rule));
    back = rule.limit / common;
    one = length_of(rule) / common;
    capacity = (rule.burst > 0 ? rule.burst : rule.limit) * one;
  }
  RateState refilled(RateState state, std::int64_t now) const {
    const std::int64_t passed = std::max<std::int64_t>(0, now - state.at);
    std::int64_t& taken = state.counts[0];
    taken = passed >= divided_up(taken, back) ? 0 : taken - passed * back;
    state.at = now;
    return state;
  }

  std::int64_t back, one, capacity;
};

RateStanding bucket_standing(const RateRule& rule, const RateState& state) {
  const Bucket bucket(rule);
  const std::int64_t taken = state.counts[0];
  const std::int64_t left = std::max<std::int64_t>(0, bucket.capacity - taken);
  const std::int64_t missing = std::max<std::int64_t>(0, taken + bucket.one - bucket.capacity);
  return {.is_open = missing == 0,
          .remaining = left / bucket.one,
          .reset_after = milliseconds(divided_up(taken, bucket.back)),
          .retry_after = milliseconds(divided_up(missing, bucket.back))};
}

// --- texts ---

struct Unit {
  std::string_view letter, name;
  std::int64_t seconds;
};
constexpr auto units =
    std::to_array<Unit>({{"d", "day", 86'400}, {"h", "hour", 3'600}, {"m", "minute", 60}, {"s", "second", 1}});

void skip_blanks(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
}

std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

}  // namespace

std::optional<RateRule> parse_rate(std::string_view text) {
  skip_blanks(text);
  const auto limit = take_number(text);
  skip_blanks(text);
  if (!limit || *limit < 1 || *limit > RateRule::most) return std::nullopt;
  if (text.starts_with('/'))
    text.remove_prefix(1);
  else if (text.starts_with("per "))
    text.remove_prefix(4);
  else
    return std::nullopt;
  skip_blanks(text);
  const bool has_count = !text.empty() && text.front() >= '0' && text.front() <= '9';
  const auto count = has_count ? take_number(text) : 1;
  skip_blanks(text);
  while (text.ends_with(' ')) text.remove_suffix(1);
  for (const Unit& unit : units) {
    const bool is_named = text.starts_with(unit.name) && (text.size() == unit.name.size() ||
                                                          (text.size() == unit.name.size() + 1 && text.back() == 's'));
    if (!is_named && text != unit.letter) continue;
    if (!count || *count < 1 || *count > RateRule::longest.count() / unit.seconds) return std::nullopt;
    return RateRule{.limit = *limit, .window = std::chrono::seconds(*count * unit.seconds)};
  }
  return std::nullopt;
}

std::string rate_text(const RateRule& rule) {
  const std::int64_t seconds = rule.window.count();
  for (const Unit& unit : units) {
    if (seconds % unit.seconds != 0) continue;
    const std::int64_t count = seconds / unit.seconds;
    const std::string window = count == 1 ? "" : std::to_string(count) + " ";
    return std::to_string(rule.limit) + "/" + window + std::string(unit.name) + (count == 1 ? "" : "s");
  }
  return {};  // seconds divide everything
}

RateState carried(const RateRule& rule, const RateState& state, Time now) {
  const std::int64_t time = milliseconds_of(now);
  switch (rule.algorithm) {
    case RateAlgorithm::sliding_window:
      return slid(rule, state, time);
    case RateAlgorithm::fixed_window:
      return in_window(rule, state, time);
    case RateAlgorithm::token_bucket:
      return Bucket(rule).refilled(state, time);
  }
  return state;
}

RateStanding standing(const RateRule& rule, const RateState& state, Time now) {
  const RateState current = carried(rule, state, now);
  switch (rule.algorithm) {
    case RateAlgorithm::sliding_window:
      return sliding_standing(rule, current, milliseconds_of(now));
    case RateAlgorithm::fixed_window:
      return fixed_standing(rule, current, milliseconds_of(now));
    case RateAlgorithm::token_bucket:
      return bucket_standing(rule, current);
  }
  return {};
}

RateState spent(const RateRule& rule, const RateState& state, Time now) {
  RateState current = carried(rule, state, now);
  current.counts[0] += rule.algorithm == RateAlgorithm::token_bucket ? Bucket(rule).one : 1;
  return current;
}

RatePenalty aged(RatePenalty penalty, Time now) {
  if (now <= penalty.last || penalty.violations == 0) return penalty;
  const std::int64_t forgotten = (now - penalty.last) / RatePenalty::forgotten_after;
  if (forgotten == 0) return penalty;
  penalty.violations = std::max<std::int64_t>(0, penalty.violations - forgotten);
  penalty.last += forgotten * RatePenalty::forgotten_after;
  return penalty;
}

RatePenalty punished(RatePenalty penalty, Time now) {
  constexpr std::int64_t doublings = 12;  // reach the longest
  penalty = aged(penalty, now);
  const std::int64_t times = std::int64_t{1} << std::min(penalty.violations, doublings);
  ++penalty.violations;
  penalty.last = now;
  penalty.blocked_until = now + std::min<std::chrono::seconds>(RatePenalty::first * times, RatePenalty::longest);
  return penalty;
}

}  // namespace lms
