#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include <lms/rate.hpp>

using namespace lms;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const Time start = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};

class Chance {
 public:
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(engine_);
  }

 private:
  std::mt19937_64 engine_{17};
};

/// A client that asks whenever it is told to, and the times at which it was let in.
struct Client {
  explicit Client(RateRule its_rule) : rule(its_rule) {}

  bool ask(Time now) {
    state = carried(rule, state, now);
    if (!standing(rule, state, now).is_open) return false;
    state = spent(rule, state, now);
    let_in.push_back(now);
    return true;
  }
  /// The most that came in any stretch of that length.
  std::size_t most_within(milliseconds length) const {
    std::size_t most = 0;
    for (std::size_t first = 0, last = 0; last < let_in.size(); ++last) {
      while (let_in[last] - let_in[first] >= length) ++first;
      most = std::max(most, last - first + 1);
    }
    return most;
  }

  RateRule rule;
  RateState state;
  std::vector<Time> let_in;
};

}  // namespace

TEST_CASE("rates are read as people write them") {
  for (const auto& [text, limit, window] :
       std::vector<std::tuple<std::string, std::int64_t, std::int64_t>>{{"5/minute", 5, 60},
                                                                        {"5 per minute", 5, 60},
                                                                        {"100/hour", 100, 3600},
                                                                        {"10/s", 10, 1},
                                                                        {" 7 / 15 minutes ", 7, 900},
                                                                        {"1000000000/day", 1'000'000'000, 86'400},
                                                                        {"20 per 2 hours", 20, 7200}}) {
    CAPTURE(text);
    const auto rule = parse_rate(text);
    REQUIRE(rule);
    CHECK(rule->limit == limit);
    CHECK(rule->window == seconds(window));
    CHECK(parse_rate(rate_text(*rule)) == rule);
  }
  for (const char* text : {"", "5", "5/", "/minute", "0/minute", "-5/minute", "5/fortnight", "5/minutess",
                           "5/0 minutes", "2/2 days", "1000000001/day", "99999999999999999999/day", "5 perminute",
                           "5/minute x", "5/25 hours", "5.5/minute", "five/minute"})
    CHECK_MESSAGE(!parse_rate(text), text);
  CHECK(rate_text({.limit = 3, .window = seconds(90)}) == "3/90 seconds");
}

TEST_CASE("no window ever has more than a sliding window allows, whenever the client asks") {
  Chance chance;
  for (int round = 0; round < 200; ++round) {
    const RateRule rule{.limit = chance.between(1, 20), .window = seconds(chance.between(1, 120))};
    Client client(rule);
    Time now = start;
    const std::int64_t longest_pause = chance.between(1, milliseconds(rule.window).count());
    for (int i = 0; i < 500; ++i) {
      client.ask(now);
      now += milliseconds(chance.between(0, longest_pause));
    }
    CAPTURE(rate_text(rule));
    CHECK(client.most_within(rule.window) <= static_cast<std::size_t>(rule.limit));
  }
}

TEST_CASE("a fixed window has no more than its limit, and a new one begins whole") {
  Chance chance;
  const RateRule rule{.limit = 5, .window = seconds(60), .algorithm = RateAlgorithm::fixed_window};
  Client client(rule);
  for (Time now = start; now < start + minutes(30); now += milliseconds(chance.between(1, 9'000))) client.ask(now);
  for (int minute = 0; minute < 30; ++minute) {
    const auto within = [&](Time time) {
      return time >= start + minutes(minute) && time < start + minutes(minute + 1);
    };
    CHECK(std::count_if(client.let_in.begin(), client.let_in.end(), within) == 5);
  }
}

TEST_CASE("a token bucket gives its burst at once, and no more than the rate from then on") {
  Chance chance;
  for (int round = 0; round < 200; ++round) {
    const RateRule rule{.limit = chance.between(1, 50),
                        .window = seconds(chance.between(1, 100)),
                        .algorithm = RateAlgorithm::token_bucket,
                        .burst = chance.between(1, 30)};
    Client client(rule);
    Time now = start;
    for (int i = 0; i < 40; ++i) client.ask(now);
    CHECK(client.let_in.size() == static_cast<std::size_t>(std::min<std::int64_t>(40, rule.burst)));
    for (int i = 0; i < 500; ++i) client.ask(now += milliseconds(chance.between(0, 2'000)));
    for (const std::int64_t windows : {1, 2, 5})
      CHECK(client.most_within(windows * rule.window) <= static_cast<std::size_t>(rule.burst + windows * rule.limit));
  }
}

TEST_CASE("what standing promises comes true, by every algorithm") {
  Chance chance;
  for (const auto algorithm : {RateAlgorithm::sliding_window, RateAlgorithm::fixed_window, RateAlgorithm::token_bucket})
    for (int round = 0; round < 100; ++round) {
      const RateRule rule{
          .limit = chance.between(1, 12), .window = seconds(chance.between(1, 90)), .algorithm = algorithm};
      Client client(rule);
      Time now = start + milliseconds(chance.between(0, 100'000));
      for (int i = 0; i < 60; ++i) {
        now += milliseconds(chance.between(0, 3'000));
        const RateStanding before = standing(rule, client.state, now);
        CHECK(before.is_open == (before.remaining > 0));
        CHECK(before.is_open == (before.retry_after.count() == 0));
        CHECK(before.reset_after >= before.retry_after);
        CHECK(client.ask(now) == before.is_open);
        const RateStanding after = standing(rule, client.state, now);
        CHECK(after.remaining == std::max<std::int64_t>(0, before.remaining - 1));
        if (after.is_open) continue;
        CHECK_FALSE(standing(rule, client.state, now + after.retry_after - milliseconds(1)).is_open);
        CHECK(standing(rule, client.state, now + after.retry_after).is_open);
        CHECK(standing(rule, client.state, now + after.reset_after).remaining == rule.limit);
      }
    }
}

TEST_CASE("time alone never takes anything away, and going back gives nothing") {
  Chance chance;
  for (const auto algorithm :
       {RateAlgorithm::sliding_window, RateAlgorithm::fixed_window, RateAlgorithm::token_bucket}) {
    const RateRule rule{.limit = 10, .window = seconds(60), .algorithm = algorithm};
    Client client(rule);
    Time now = start;
    for (int i = 0; i < 300; ++i) {
      client.ask(now);
      const std::int64_t left = standing(rule, client.state, now).remaining;
      CHECK(standing(rule, client.state, now - seconds(chance.between(1, 100'000))).remaining <= left);
      CHECK(standing(rule, client.state, now + milliseconds(chance.between(1, 100'000))).remaining >= left);
      now += milliseconds(chance.between(0, 5'000));
    }
    // A clock that jumps back for good keeps nobody out for longer than it would have.
    const Time earlier = now - std::chrono::hours(24);
    for (int i = 0; i < 20; ++i) client.ask(earlier);
    CHECK_FALSE(client.ask(earlier));
    CHECK(client.ask(earlier + 2 * rule.window));
  }
}

TEST_CASE("the largest rules do not overflow") {
  for (const auto algorithm :
       {RateAlgorithm::sliding_window, RateAlgorithm::fixed_window, RateAlgorithm::token_bucket}) {
    Client client({.limit = 999'999'937, .window = RateRule::longest, .algorithm = algorithm, .burst = 0});
    for (int i = 0; i < 1000; ++i) CHECK(client.ask(start + milliseconds(i)));
    CHECK(standing(client.rule, client.state, start + seconds(1)).remaining >= 999'998'937);
    CHECK(standing(client.rule, client.state, start + std::chrono::years(50)).remaining == client.rule.limit);
  }
}

TEST_CASE("penalties double up to an hour, and are forgotten as they age") {
  RatePenalty penalty;
  Time now = start;
  for (const std::int64_t wanted : {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600}) {
    penalty = punished(penalty, now);
    CHECK(penalty.blocked_until - now == seconds(wanted));
    now += seconds(1);
  }
  CHECK(penalty.violations == 14);
  CHECK(aged(penalty, now + minutes(9)).violations == 14);
  CHECK(aged(penalty, now + minutes(35)).violations == 11);
  CHECK(aged(aged(penalty, now + minutes(15)), now + minutes(25)).violations == 12);
  CHECK(aged(penalty, now + std::chrono::hours(5)).violations == 0);
  CHECK(aged(penalty, now - std::chrono::hours(5)).violations == 14);
  CHECK(punished(penalty, now + std::chrono::hours(5)).blocked_until == now + std::chrono::hours(5) + seconds(1));
}
