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

#include <lms/backends/memory.hpp>

using namespace lms;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const Time start = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
constexpr RateRule two_a_minute{.limit = 2, .window = seconds(60)};

std::unique_ptr<RateLimiter> without_penalties(std::size_t most_keys = 100'000) {
  return open_memory_rate_limiter({.most_keys = most_keys, .penalties = false});
}

}  // namespace

TEST_CASE("a request is counted under all rules or under none") {
  const auto limiter = without_penalties();
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
  CHECK(limiter->statistics().keys == 2);
}

TEST_CASE("who breaks rules is kept out longer each time, under every rule") {
  const auto limiter = open_memory_rate_limiter();
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

TEST_CASE("of two rules that refuse, the longer wait is told, and who heeds it is let in") {
  const auto limiter = open_memory_rate_limiter();
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

TEST_CASE("a rule that all share punishes nobody") {
  const auto limiter = open_memory_rate_limiter();
  const std::vector<RateCheck> shared{{"global", "everybody", {.limit = 1, .window = seconds(60)}, false}};
  CHECK(limiter->decide(shared, start).allowed);
  const RateDecision refused = limiter->decide(shared, start);
  CHECK_FALSE(refused.allowed);
  CHECK_FALSE(refused.is_violation);
  CHECK(limiter->find("global", "everybody", start)->penalty.violations == 0);
}

TEST_CASE("decisions are those of a simulation that remembers every request") {
  // By eighths of the window: a request counts until the eighth it came in is out of reach.
  std::mt19937_64 engine(5);
  const auto between = [&](std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(engine);
  };
  const auto limiter = without_penalties();
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

TEST_CASE("a flood of clients takes no more room than was given, and those who stay are remembered") {
  const auto limiter = without_penalties(1'280);
  const auto asked_by = [&](const std::string& client) {
    const std::vector<RateCheck> checks{{"default", client, {.limit = 1'000, .window = seconds(60)}}};
    return limiter->decide(checks, start).standing.remaining;
  };
  for (int i = 0; i < 100'000; ++i) {
    asked_by("ip:" + std::to_string(i));
    if (i % 100 == 0) CHECK(asked_by("ip:regular") == 1'000 - 1 - i / 100);
  }
  CHECK(limiter->statistics().keys <= 1'280);
  CHECK(limiter->statistics().evicted >= 98'000);
}

TEST_CASE("threads that race get no more than there is") {
  const auto limiter = without_penalties();
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
