#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <lms/backends/memory.hpp>

#include "contract/rate_limiter_contract.hpp"

using namespace lms;

TEST_CASE("rate limits in memory keep the contract") {
  testing::check_rate_limiter_contract(
      [](bool penalties) { return open_memory_rate_limiter({.penalties = penalties}); });
}

TEST_CASE("a flood of clients takes no more room than was given, and those who stay are remembered") {
  const auto limiter = open_memory_rate_limiter({.most_keys = 1'280, .penalties = false});
  const auto asked_by = [&](const std::string& client) {
    const std::vector<RateCheck> checks{{"default", client, {.limit = 1'000, .window = std::chrono::seconds{60}}}};
    return limiter->decide(checks, Time{}).standing.remaining;
  };
  for (int i = 0; i < 100'000; ++i) {
    asked_by("ip:" + std::to_string(i));
    if (i % 100 == 0) CHECK(asked_by("ip:regular") == 1'000 - 1 - i / 100);
  }
  CHECK(limiter->statistics().keys <= 1'280);
  CHECK(limiter->statistics().evicted >= 98'000);
}
