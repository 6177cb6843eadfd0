#include "contract/rate_limiter_contract.hpp"

#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace lms::testing {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Time start = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
constexpr RateRule two_a_minute{.limit = 2, .window = seconds(60)};
constexpr bool with_penalties = true, without_penalties = false;

/// A request is counted under all rules or under none.
void counts_under_all_or_none(const OpenRateLimiter& open) {
  const auto limiter = open(without_penalties);
  const RateCheck wide{"wide", "ip:a", {.limit = 10, .window = seconds(60)}};
  const RateCheck narrow{"narrow", "user:b", two_a_minute};
  const std::vector<RateCheck> both{wide, narrow};
  for (int i = 0; i < 2; ++i) {
    const RateDecision decision = limiter->decide(both, start);
    CHECK(decision.allowed);
    CHECK(decision.tightest == 1);
    CHECK(decision.standing.remaining == 1 - i);
  }
  for (int i = 0; i < 5; ++i) {
    const RateDecision refused = limiter->decide(both, start);
    CHECK_FALSE(refused.allowed);
    CHECK(refused.tightest == 1);
    CHECK(refused.standing.retry_after > seconds(59));
  }
  CHECK(standing(wide.rule, limiter->find("wide", "ip:a", start)->state, start).remaining == 8);
  CHECK(limiter->statistics().allowed == 2);
  CHECK(limiter->statistics().refused == 5);
}

/// Who breaks rules is kept out longer each time, under every rule.
void keeps_out_longer_each_time(const OpenRateLimiter& open) {
  const auto limiter = open(with_penalties);
  const std::vector<RateCheck> narrow{{"narrow", "ip:a", {.limit = 1, .window = seconds(1)}}};
  const std::vector<RateCheck> wide{{"wide", "ip:a", {.limit = 100, .window = seconds(60)}}};
  Time now = start;
  for (const int block : {1, 2, 4, 8}) {
    CHECK(limiter->decide(narrow, now).allowed);
    const RateDecision broken = limiter->decide(narrow, now);
    CHECK_FALSE(broken.allowed);
    CHECK(broken.is_violation);
    CHECK(broken.standing.retry_after >= seconds(block));
    for (int i = 0; i < 3; ++i) CHECK_FALSE(limiter->decide(narrow, now).is_violation);
    CHECK_FALSE(limiter->decide(wide, now + seconds(block) - milliseconds(1)).allowed);
    CHECK(limiter->decide(wide, now + seconds(block)).allowed);
    now += seconds(block + 2);
  }
  CHECK(limiter->find("narrow", "ip:a", now)->penalty.violations == 4);

  const std::vector<std::string> rules{"narrow", "wide"};
  CHECK(limiter->clear(rules, "ip:a"));
  CHECK_FALSE(limiter->find("narrow", "ip:a", now));
  CHECK_FALSE(limiter->clear(rules, "ip:a"));
}

/// Of two rules that refuse, the longer wait is told, and who heeds it is let in.
void tells_the_longer_wait(const OpenRateLimiter& open) {
  const auto limiter = open(with_penalties);
  const RateCheck brief{"brief", "ip:a", {.limit = 3, .window = seconds(8)}};
  const RateCheck lasting{"lasting", "ip:a", {.limit = 3, .window = seconds(80)}};
  for (const auto& checks : {std::vector{brief, lasting}, std::vector{lasting, brief}}) {
    const std::vector<std::string> names{"brief", "lasting"};
    limiter->clear(names, "ip:a");
    for (int i = 0; i < 3; ++i) CHECK(limiter->decide(checks, start).allowed);
    const RateDecision refused = limiter->decide(checks, start);
    CHECK_FALSE(refused.allowed);
    CHECK(checks[refused.tightest].rule_name == "lasting");
    CHECK(limiter->decide(checks, start + refused.standing.retry_after).allowed);
  }
}

/// A rule that all share punishes nobody.
void shared_rule_punishes_nobody(const OpenRateLimiter& open) {
  const auto limiter = open(with_penalties);
  const std::vector<RateCheck> shared{{"global", "everybody", {.limit = 1, .window = seconds(60)}, false}};
  CHECK(limiter->decide(shared, start).allowed);
  const RateDecision refused = limiter->decide(shared, start);
  CHECK_FALSE(refused.allowed);
  CHECK_FALSE(refused.is_violation);
  CHECK(limiter->find("global", "everybody", start)->penalty.violations == 0);
}

/// Decisions are those of a simulation that remembers every request.
void decides_as_a_simulation(const OpenRateLimiter& open) {
  // By eighths of the window: a request counts until the eighth it came in is out of reach.
  std::mt19937_64 engine(5);
  const auto between = [&](std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(engine);
  };
  const auto limiter = open(without_penalties);
  const std::vector<RateRule> rules{{.limit = 3, .window = seconds(8)}, {.limit = 20, .window = seconds(60)}};
  std::map<std::pair<std::size_t, int>, std::deque<std::int64_t>> remembered;
  Time now = start;
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    now += milliseconds(between(0, 400));
    const int client = static_cast<int>(between(0, 2));
    const std::string name = "ip:" + std::to_string(client);
    const std::vector<RateCheck> checks{{"0", name, rules[0]}, {"1", name, rules[1]}};
    bool expected = true;
    for (std::size_t rule = 0; rule < rules.size(); ++rule) {
      auto& times = remembered[{rule, client}];
      const std::int64_t eighth = milliseconds(rules[rule].window).count() / 8;
      const std::int64_t newest = std::chrono::floor<milliseconds>(now.time_since_epoch()).count() / eighth;
      while (!times.empty() && times.front() / eighth < newest - 8) times.pop_front();
      if (times.size() >= static_cast<std::size_t>(rules[rule].limit)) expected = false;
    }
    CHECK(limiter->decide(checks, now).allowed == expected);
    if (!expected) ++refused;
    for (std::size_t rule = 0; expected && rule < rules.size(); ++rule)
      remembered[{rule, client}].push_back(std::chrono::floor<milliseconds>(now.time_since_epoch()).count());
  }
  CHECK(refused > 1'000);
  CHECK(refused < 19'000);
}

/// Threads that race get no more than there is.
void gives_racing_threads_no_more(const OpenRateLimiter& open) {
  const auto limiter = open(without_penalties);
  std::atomic<int> allowed{0};
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      const std::string own = "user:" + std::to_string(thread);
      for (int i = 0; i < 1'000; ++i) {
        const std::vector<RateCheck> checks{{"shared", "ip:a", {.limit = 300, .window = seconds(60)}},
                                            {"own", own, {.limit = 1'000, .window = seconds(60)}}};
        if (limiter->decide(checks, start).allowed) ++allowed;
      }
    });
  threads.clear();
  CHECK(allowed == 300);
  CHECK(limiter->statistics().refused == 3'700);
}

}  // namespace

void check_rate_limiter_contract(const OpenRateLimiter& open) {
  SUBCASE("a request is counted under all rules or under none") {
    counts_under_all_or_none(open);
  }
  SUBCASE("who breaks rules is kept out longer each time, under every rule") {
    keeps_out_longer_each_time(open);
  }
  SUBCASE("of two rules that refuse, the longer wait is told, and who heeds it is let in") {
    tells_the_longer_wait(open);
  }
  SUBCASE("a rule that all share punishes nobody") {
    shared_rule_punishes_nobody(open);
  }
  SUBCASE("decisions are those of a simulation that remembers every request") {
    decides_as_a_simulation(open);
  }
  SUBCASE("threads that race get no more than there is") {
    gives_racing_threads_no_more(open);
  }
}

}  // namespace lms::testing
