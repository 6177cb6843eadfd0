#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <lms/backends/memory.hpp>
#include <lms/backends/redis.hpp>
#include <lms/changes.hpp>
#include <lms/error.hpp>
#include <lms/rate_limits.hpp>
#include <lms/spi/change_feed.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/seeded_random.hpp>

#include "contract/rate_limiter_contract.hpp"
#include "support/redis_server.hpp"

using namespace lms;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::FakeClock;
using testing::RedisServer;

namespace {

const Time start = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};

/// With a long timeout, for tests of what it answers rather than when.
std::shared_ptr<Redis> patient(const std::string& url, const std::string& prefix = "lms:") {
  return open_redis({.url = url, .prefix = prefix, .timeout = seconds(30)}).redis;
}

std::unique_ptr<RateLimiter> by_given_time(std::shared_ptr<Redis> redis, bool penalties = true) {
  return open_redis_rate_limiter(std::move(redis),
                                 {.penalties = penalties, .times = RedisRateLimiterOptions::Times::given});
}

bool answers(Redis& redis) {
  try {
    ping(redis);
    return true;
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::unavailable);
    CHECK(error.reason() == "redis_unavailable");
    return false;
  }
}

/// As requests keep coming.
void wait_until_it_answers(Redis& redis) {
  const auto end = steady_clock::now() + seconds{60};
  while (!answers(redis)) {
    REQUIRE(steady_clock::now() < end);
    std::this_thread::yield();
  }
}

}  // namespace

TEST_CASE("rate limits on Redis keep the contract") {
  RedisServer server;
  int opened = 0;
  testing::check_rate_limiter_contract(
      [&](bool penalties) { return by_given_time(patient(server.url(), std::to_string(++opened) + ":"), penalties); });
}

TEST_CASE("rate limits on Redis decide what those in memory decide, whatever comes and whenever") {
  RedisServer server;
  const auto on_redis = by_given_time(patient(server.url()));
  const auto in_memory = open_memory_rate_limiter();
  using enum RateAlgorithm;
  const std::array<RateRule, 7> rules{{{.limit = 5, .window = seconds(8)},
                                       {.limit = 3, .window = seconds(60), .algorithm = fixed_window},
                                       {.limit = 4, .window = seconds(7), .algorithm = token_bucket},
                                       {.limit = 9, .window = seconds(60), .algorithm = token_bucket, .burst = 2},
                                       {.limit = 2, .window = seconds(600)},
                                       {.limit = 1'000'000'000, .window = seconds(86'400)},
                                       {.limit = 999'999'999, .window = seconds(60), .algorithm = token_bucket}}};
  const std::array<std::string, 7> names{"a", "b", "c", "d", "e", "f", "g"};
  std::mt19937_64 engine(7);
  const auto between = [&](std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(engine);
  };
  Time now = start;
  int allowed = 0, violations = 0;
  for (int step = 0; step < 6'000; ++step) {
    const std::int64_t kind = between(0, 99);
    if (kind < 70)
      now += std::chrono::microseconds(between(0, 900'000));
    else if (kind < 74)
      now += seconds(between(0, 900));
    else if (kind < 80)
      now -= milliseconds(between(0, 30'000));
    const std::string client = "ip:" + std::to_string(between(0, 2)), user = "user:" + std::to_string(between(0, 1));
    std::vector<RateCheck> checks;
    for (std::size_t rule = 0; rule < rules.size(); ++rule)
      if (between(0, 2) == 0)
        checks.push_back({names[rule], rule % 2 == 0 ? client : user, rules[rule], between(0, 3) > 0});
    if (checks.empty()) continue;
    CAPTURE(step);
    const RateDecision expected = in_memory->decide(checks, now);
    const RateDecision decision = on_redis->decide(checks, now);
    REQUIRE(decision.allowed == expected.allowed);
    REQUIRE(decision.tightest == expected.tightest);
    REQUIRE(decision.is_violation == expected.is_violation);
    REQUIRE(decision.standing.is_open == expected.standing.is_open);
    REQUIRE(decision.standing.remaining == expected.standing.remaining);
    REQUIRE(decision.standing.reset_after == expected.standing.reset_after);
    REQUIRE(decision.standing.retry_after == expected.standing.retry_after);
    const auto known = in_memory->find(checks[0].rule_name, checks[0].client, now);
    const auto found = on_redis->find(checks[0].rule_name, checks[0].client, now);
    REQUIRE(known.has_value() == found.has_value());
    if (known) {
      REQUIRE(standing(checks[0].rule, known->state, now).remaining ==
              standing(checks[0].rule, found->state, now).remaining);
      REQUIRE(known->penalty.violations == found->penalty.violations);
      REQUIRE(std::max(now, known->penalty.blocked_until) == std::max(now, found->penalty.blocked_until));
    }
    allowed += expected.allowed ? 1 : 0;
    violations += expected.is_violation ? 1 : 0;
  }
  CHECK(allowed > 500);
  CHECK(violations > 100);
}

TEST_CASE("nodes that count on one Redis give together what the limit says, whatever their clocks say") {
  RedisServer server;
  const std::vector<RateCheck> checks{{"default", "ip:a", {.limit = 100, .window = seconds(3'600)}}};
  std::atomic<int> allowed{0};
  std::vector<std::jthread> nodes;
  for (int node = 0; node < 3; ++node)
    nodes.emplace_back([&, node] {
      const auto limiter = open_redis_rate_limiter(patient(server.url()), {.penalties = false});
      for (int i = 0; i < 100; ++i)
        if (limiter->decide(checks, start + node * std::chrono::hours{10}).allowed) ++allowed;
    });
  nodes.clear();
  CHECK(allowed == 100);
}

TEST_CASE("what Redis knows of clients runs out by itself") {
  RedisServer server;
  const auto limiter = open_redis_rate_limiter(patient(server.url()));
  const std::vector<RateCheck> checks{{"brief", "ip:a", {.limit = 1, .window = seconds(1)}, false}};
  CHECK(limiter->decide(checks, start).allowed);
  CHECK(limiter->find("brief", "ip:a", start));
  const auto end = steady_clock::now() + seconds{60};
  while (limiter->find("brief", "ip:a", start) && steady_clock::now() < end) std::this_thread::yield();
  CHECK_FALSE(limiter->find("brief", "ip:a", start));
}

TEST_CASE("a revoked token is seen by every node, until it would have expired") {
  RedisServer server;
  const auto clock = std::make_shared<FakeClock>(start);
  const auto one = open_redis_token_blacklist(patient(server.url()), clock);
  const auto other = open_redis_token_blacklist(patient(server.url()), clock);
  CHECK_FALSE(other->is_revoked("token"));
  one->revoke("token", start + seconds{600});
  CHECK(other->is_revoked("token"));
  CHECK_FALSE(other->is_revoked("token2"));
  one->revoke("gone", start);
  CHECK_FALSE(other->is_revoked("gone"));
  one->revoke("brief", start + milliseconds{1});
  const auto end = steady_clock::now() + seconds{60};
  while (other->is_revoked("brief") && steady_clock::now() < end) std::this_thread::yield();
  CHECK_FALSE(other->is_revoked("brief"));
  CHECK(other->purge() == 0);
}

TEST_CASE("schools that share a Redis do not know of each other") {
  RedisServer server;
  const auto clock = std::make_shared<FakeClock>(start);
  const auto north = open_redis_token_blacklist(patient(server.url(), "north:"), clock);
  const auto south = open_redis_token_blacklist(patient(server.url(), "south:"), clock);
  north->revoke("token", start + seconds{600});
  CHECK_FALSE(south->is_revoked("token"));
  const auto other_database = open_redis_token_blacklist(patient(server.url() + "/3", "north:"), clock);
  CHECK_FALSE(other_database->is_revoked("token"));
}

TEST_CASE("a wrong password is told when Redis is opened, a missing Redis is not an error") {
  RedisServer server("correct horse");
  CHECK(open_redis({.url = server.url("correct%20horse"), .timeout = seconds(30)}).start == RedisStart::connected);
  for (const std::string& password : {std::string("wrong"), std::string()}) {
    try {
      open_redis({.url = server.url(password), .timeout = seconds(30)});
      FAIL("it was let in");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::forbidden);
      CHECK(error.reason() == "redis_refused");
      CHECK(std::string(error.what()).find("wrong@") == std::string::npos);
    }
  }
  CHECK_THROWS_AS(open_redis({.url = server.url("correct%20horse") + "/99", .timeout = seconds(30)}), Error);
  server.kill();
  const OpenedRedis opened = open_redis({.url = server.url("correct%20horse"), .timeout = seconds(30)});
  CHECK(opened.start == RedisStart::unreachable);
  CHECK(opened.fault.find("horse") == std::string::npos);
  CHECK_FALSE(answers(*opened.redis));
  server.start();
  wait_until_it_answers(*opened.redis);
}

TEST_CASE("a Redis that hangs holds nobody up for long, and is taken back when it answers") {
  RedisServer server;
  const auto redis = open_redis({.url = server.url()}).redis;
  REQUIRE(answers(*redis));
  server.pause();
  std::atomic<int> refused{0};
  const auto before = steady_clock::now();
  {
    std::vector<std::jthread> requests;
    for (int i = 0; i < 16; ++i)
      requests.emplace_back([&] {
        for (int again = 0; again < 50; ++again)
          if (!answers(*redis)) ++refused;
      });
  }
  // 800 timeouts of 40 ms would be 32 s, those of one thread 2 s.
  CHECK(steady_clock::now() - before < seconds{1});
  CHECK(refused == 16 * 50);
  server.resume();
  wait_until_it_answers(*redis);
}

TEST_CASE("a Redis that is restarted under load loses no answer and is taken back") {
  RedisServer server;
  const auto redis = patient(server.url());
  const auto limiter = open_redis_rate_limiter(redis);
  const std::vector<RateCheck> checks{{"default", "ip:a", {.limit = 1'000'000, .window = seconds(60)}}};
  std::atomic<bool> stop{false};
  std::atomic<int> decided{0}, refused{0};
  std::vector<std::jthread> requests;
  for (int i = 0; i < 8; ++i)
    requests.emplace_back([&] {
      while (!stop) {
        try {
          ++(limiter->decide(checks, start).allowed ? decided : refused);
        } catch (const Error& error) {
          CHECK(error.code() == ErrorCode::unavailable);
          ++refused;
          std::this_thread::yield();
        }
      }
    });
  for (int round = 0; round < 3; ++round) {
    const int before = decided;
    while (decided < before + 100) std::this_thread::yield();
    server.kill();
    const int refused_before = refused;
    while (refused < refused_before + 100) std::this_thread::yield();
    server.start();
  }
  wait_until_it_answers(*redis);
  const int before = decided;
  while (decided < before + 100) std::this_thread::yield();  // with the script that a restart has forgotten
  stop = true;
}

TEST_CASE("connections that Redis has closed for idleness are made anew, and nobody notices") {
  RedisServer server;
  const auto redis = patient(server.url());
  REQUIRE(answers(*redis));
  server.kill();
  server.start();
  CHECK(answers(*redis));
}

TEST_CASE("many threads share a few connections") {
  RedisServer server;
  const auto redis = open_redis({.url = server.url(), .timeout = seconds(30), .connections = 2}).redis;
  const auto clock = std::make_shared<FakeClock>(start);
  const auto blacklist = open_redis_token_blacklist(redis, clock);
  std::atomic<int> right{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 32; ++thread)
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 50; ++i) {
          const std::string jti = std::to_string(thread) + "-" + std::to_string(i);
          if (i % 2 == 0) blacklist->revoke(jti, start + seconds{600});
          if (blacklist->is_revoked(jti) == (i % 2 == 0)) ++right;  // each gets the answer to its own question
        }
      });
  }
  CHECK(right == 32 * 50);
}

TEST_CASE("a node learns what others have written, in the order of things, and not what it wrote itself") {
  RedisServer server;
  testing::SeededRandom random;
  const auto one = open_redis_change_feed(patient(server.url()), random);
  const auto other = open_redis_change_feed(patient(server.url()), random);
  CHECK(one->news().all);  // whatever was written before it looked
  CHECK(other->news().all);
  const std::vector<std::uint32_t> written{7, 4'000'000'000, 0};
  one->publish(written);
  one->publish(std::vector<std::uint32_t>{8});
  CHECK(one->news().slots.empty());
  ChangeFeed::News news = other->news();
  CHECK_FALSE(news.all);
  std::sort(news.slots.begin(), news.slots.end());
  CHECK(news.slots == std::vector<std::uint32_t>{0, 7, 8, 4'000'000'000});
  CHECK(other->news().slots.empty());
  one->publish({});
  CHECK(other->news().all);
  CHECK_FALSE(other->news().all);
}

TEST_CASE("a node that has missed something takes everything for changed") {
  RedisServer server;
  testing::SeededRandom random;
  const auto one = open_redis_change_feed(patient(server.url()), random);
  const auto other = open_redis_change_feed(patient(server.url()), random);
  other->news();
  for (std::uint32_t slot = 0; slot < 600; ++slot) one->publish(std::vector{slot});  // more than are read at once
  CHECK(other->news().all);
  one->publish(std::vector<std::uint32_t>{1});
  CHECK(other->news().slots == std::vector<std::uint32_t>{1});

  server.kill();
  server.start();  // and has forgotten everything
  one->publish(std::vector<std::uint32_t>{2});
  CHECK(other->news().all);
  one->publish(std::vector<std::uint32_t>{3});
  CHECK(other->news().slots == std::vector<std::uint32_t>{3});
}

TEST_CASE("two storages that share a feed know what each of them wrote, also after an outage") {
  RedisServer server;
  testing::SeededRandom random;
  const auto redis = patient(server.url());
  Changes one, other;
  std::atomic<int> lost{0}, back{0};
  const auto tell = [&](std::string_view cause) { ++(cause.empty() ? back : lost); };
  one.share(open_redis_change_feed(redis, random), tell);
  other.share(open_redis_change_feed(redis, random), tell);
  const Schema& schema = RateLimitStatistics::schema();
  const Dependency record = Dependency::on(schema, "a"), stranger = Dependency::on(schema, "b");
  const auto write = [&] {
    Writes writes;
    writes.add(schema, "a");
    one.note(writes);
  };
  other.catch_up();
  for (int i = 0; i < 100; ++i) {
    const Changes::Moment moment = other.now();
    write();
    other.catch_up();
    CHECK(other.since(moment, record));
    CHECK_FALSE(other.since(moment, stranger));
  }

  Changes::Moment moment = other.now();
  one.note_all();
  other.catch_up();
  CHECK(other.since(moment, stranger));

  server.kill();
  moment = other.now();
  write();
  other.catch_up();
  CHECK_FALSE(other.since(moment, record));
  CHECK(lost == 2);
  server.start();
  wait_until_it_answers(*redis);
  write();  // tells of what was not told, too
  other.catch_up();
  CHECK(other.since(moment, stranger));
  CHECK(back == 2);
}

TEST_CASE("many readers catch up together and none misses what was written before it came") {
  RedisServer server;
  testing::SeededRandom random;
  const auto redis = patient(server.url());
  Changes writer, reader;
  writer.share(open_redis_change_feed(redis, random), [](std::string_view) {});
  reader.share(open_redis_change_feed(redis, random), [](std::string_view) {});
  reader.catch_up();
  const Schema& schema = RateLimitStatistics::schema();
  std::atomic<std::int64_t> begun{0}, done{0};
  std::atomic<bool> stop{false};
  std::atomic<int> missed{0}, read{0};
  std::vector<std::jthread> readers;
  for (int i = 0; i < 8; ++i)
    readers.emplace_back([&] {
      while (!stop) {
        const Changes::Moment moment = reader.now();
        const std::int64_t before = begun;
        while (done == before && !stop) std::this_thread::yield();
        const bool one_began_since = done > before;
        reader.catch_up();
        if (one_began_since && !reader.since(moment, Dependency::on(schema, "a"))) ++missed;
        ++read;
      }
    });
  for (int i = 0; i < 300; ++i) {
    Writes writes;
    writes.add(schema, "a");
    ++begun;
    writer.note(writes);
    ++done;
  }
  stop = true;
  readers.clear();
  CHECK(missed == 0);
  CHECK(read > 10);
}
