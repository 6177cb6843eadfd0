#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <lms/backends/redis.hpp>
#include <lms/error.hpp>

#include "backend/redis/client.hpp"
#include "base/embedded.hpp"

namespace lms {

namespace redis_scripts {
std::span<const EmbeddedFile> files();
}

namespace {

using std::chrono::milliseconds;

/// Numbers with blanks between them, as rate_limit.lua writes them; 0 for those that are not there.
template <std::size_t Count>
std::array<std::int64_t, Count> numbers_in(std::string_view text) {
  std::array<std::int64_t, Count> numbers{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::int64_t& number : numbers) {
    while (at != end && *at == ' ') ++at;
    at = std::from_chars(at, end, number).ptr;
  }
  return numbers;
}

class RedisRateLimiter final : public RateLimiter {
 public:
  RedisRateLimiter(std::shared_ptr<Redis> redis, RedisRateLimiterOptions options)
      : redis_(std::move(redis)),
        options_(options),
        script_{.text = std::string(redis_scripts::files().front().bytes)} {}

  bool waits() const noexcept override { return true; }

  RateDecision decide(std::span<const RateCheck> checks, Time now) override {
    std::vector<std::string> texts;  // those that the command refers to
    texts.reserve(1 + 6 * checks.size());
    const auto number = [&](std::int64_t value) -> std::string_view {
      return texts.emplace_back(std::to_string(value));
    };
    std::vector<std::string_view> arguments{number(static_cast<std::int64_t>(2 * checks.size()))};
    arguments.reserve(3 + 7 * checks.size());
    std::vector<std::string> keys;
    keys.reserve(2 * checks.size());
    for (const RateCheck& check : checks) {
      arguments.push_back(keys.emplace_back(count_key(check.rule_name, check.client)));
      arguments.push_back(keys.emplace_back(penalty_key(check.client)));
    }
    const bool own_time = options_.times == RedisRateLimiterOptions::Times::given;
    arguments.push_back(own_time ? number(now.time_since_epoch().count()) : std::string_view());
    arguments.push_back(options_.penalties ? "1" : "0");
    for (const RateCheck& check : checks) {
      arguments.push_back(number(static_cast<std::int64_t>(check.rule.algorithm)));
      arguments.push_back(number(check.rule.limit));
      arguments.push_back(number(milliseconds(check.rule.window).count()));
      arguments.push_back(number(check.rule.burst));
      arguments.push_back(check.punishes ? "1" : "0");
    }
    return decision_in(*redis_->run(script_, arguments), checks.size());
  }

  std::optional<RateRecord> find(std::string_view rule_name, std::string_view client, Time now) override {
    const std::string count = count_key(rule_name, client), penalty = penalty_key(client);
    const Redis::Reply reply = redis_->run({"MGET", count, penalty});
    const std::span answers(reply->element, reply->elements);
    if (answers.size() != 2 || answers[0]->type == REDIS_REPLY_NIL) return std::nullopt;
    RateRecord record;
    const auto state = numbers_in<1 + RateState::slices + 1>(redis::text_of(*answers[0]));
    record.state.at = state[0];
    std::copy(state.begin() + 1, state.end(), record.state.counts.begin());
    const auto [violations, last, blocked_until] = numbers_in<3>(redis::text_of(*answers[1]));
    record.penalty = aged({.violations = violations,
                           .last = Time(Time::duration(last)),
                           .blocked_until = Time(Time::duration(blocked_until))},
                          now);
    return record;
  }

  bool clear(std::span<const std::string> rule_names, std::string_view client) override {
    std::vector<std::string> keys{penalty_key(client)};
    for (const std::string& name : rule_names) keys.push_back(count_key(name, client));
    std::vector<std::string_view> command{"UNLINK"};
    command.insert(command.end(), keys.begin(), keys.end());
    return redis_->run(command)->integer > 0;
  }

  RateStatistics statistics() override { return {.allowed = allowed_, .refused = refused_, .keys = std::nullopt}; }

 private:
  /// Neither clients nor rules have a NUL in their names.
  std::string count_key(std::string_view rule_name, std::string_view client) const {
    return key("rate:", client) + '\0' + std::string(rule_name);
  }
  std::string penalty_key(std::string_view client) const { return key("penalty:", client); }
  std::string key(std::string_view kind, std::string_view client) const {
    return std::string(redis_->prefix()).append(kind).append(client);
  }

  RateDecision decision_in(const redisReply& reply, std::size_t checks) {
    constexpr std::size_t size = 7;
    if (reply.type != REDIS_REPLY_ARRAY || reply.elements != size)
      throw internal("the script that limits rates has answered oddly");
    const auto number = [&](std::size_t i) { return std::int64_t{reply.element[i]->integer}; };
    RateDecision decision{.allowed = number(0) == 1,
                          .tightest = static_cast<std::size_t>(number(1)),
                          .standing = {.is_open = number(2) == 1,
                                       .remaining = number(3),
                                       .reset_after = milliseconds(number(4)),
                                       .retry_after = milliseconds(number(5))},
                          .is_violation = number(6) == 1};
    if (decision.tightest >= checks) throw internal("the script that limits rates names a rule that was not asked");
    ++(decision.allowed ? allowed_ : refused_);
    return decision;
  }

  const std::shared_ptr<Redis> redis_;
  const RedisRateLimiterOptions options_;
  Redis::Script script_;
  std::atomic<std::int64_t> allowed_{0}, refused_{0};
};

}  // namespace

std::unique_ptr<RateLimiter> open_redis_rate_limiter(std::shared_ptr<Redis> redis, RedisRateLimiterOptions options) {
  return std::make_unique<RedisRateLimiter>(std::move(redis), options);
}

}  // namespace lms
