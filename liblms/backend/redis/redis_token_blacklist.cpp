#include <chrono>
#include <string>
#include <utility>

#include <lms/backends/redis.hpp>

#include "backend/redis/client.hpp"

namespace lms {

namespace {

class RedisTokenBlacklist final : public TokenBlacklist {
 public:
  RedisTokenBlacklist(std::shared_ptr<Redis> redis, std::shared_ptr<const Clock> clock, const std::string& prefix)
      : redis_(std::move(redis)), clock_(std::move(clock)), prefix_(redis_->prefix() + prefix) {}

  bool waits() const noexcept override { return true; }

  void revoke(std::string_view jti, Time expires_at) override {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(expires_at - clock_->now()).count();
    if (left <= 0) return;
    const std::string key = key_of(jti), life = std::to_string(left);
    redis_->run({"SET", key, "", "PX", life});
  }

  bool is_revoked(std::string_view jti) override {
    const std::string key = key_of(jti);
    return redis_->run({"EXISTS", key})->integer > 0;
  }

  std::size_t purge() override { return 0; }

 private:
  std::string key_of(std::string_view jti) const { return std::string(prefix_).append(jti); }

  const std::shared_ptr<Redis> redis_;
  const std::shared_ptr<const Clock> clock_;
  const std::string prefix_;
};

}  // namespace

std::unique_ptr<TokenBlacklist> open_redis_token_blacklist(std::shared_ptr<Redis> redis,
                                                           std::shared_ptr<const Clock> clock, std::string prefix) {
  return std::make_unique<RedisTokenBlacklist>(std::move(redis), std::move(clock), prefix);
}

}  // namespace lms
