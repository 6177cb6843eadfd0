#include <charconv>
#include <span>
#include <string>
#include <utility>

#include <lms/backends/redis.hpp>

#include "backend/redis/client.hpp"

namespace lms {

namespace {

constexpr std::string_view most_kept = "4096", most_read = "512";
constexpr std::string_view nothing = "-";  // says that a node has begun to read here

std::string text_of(std::span<const std::uint32_t> slots) {
  std::string text;
  for (const std::uint32_t slot : slots) text.append(text.empty() ? "" : " ").append(std::to_string(slot));
  return text;
}

void add(std::string_view text, ChangeFeed::Slots& slots) {
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at < end; ++at) {
    std::uint32_t slot = 0;
    const auto [behind, error] = std::from_chars(at, end, slot);
    if (error != std::errc{}) return;
    slots.push_back(slot);
    at = behind;
  }
}

class RedisChangeFeed final : public ChangeFeed {
 public:
  RedisChangeFeed(std::shared_ptr<Redis> redis, Random& random)
      : redis_(std::move(redis)), node_(random.token(12)), stream_(redis_->prefix() + "changes:1") {}

  void publish(std::span<const std::uint32_t> slots) override { write(text_of(slots)); }

  News news() override {
    if (last_.empty()) return begin_anew();
    const Redis::Reply reply = redis_->run({"XREVRANGE", stream_, "+", last_, "COUNT", most_read});
    const std::span<redisReply*> entries(reply->element, reply->elements);
    // The one that was read last comes last: without it something between is missing.
    if (entries.empty() || id_of(*entries.back()) != last_) return begin_anew();
    News news;
    for (const redisReply* entry : entries.first(entries.size() - 1)) {
      const redisReply& fields = *entry->element[1];  // n, the node, s, its slots
      if (fields.elements != 4 || redis::text_of(*fields.element[1]) == node_) continue;
      const std::string_view slots = redis::text_of(*fields.element[3]);
      news.all = news.all || slots.empty();
      add(slots, news.slots);
    }
    last_ = id_of(*entries.front());
    return news;
  }

 private:
  static std::string_view id_of(const redisReply& entry) { return redis::text_of(*entry.element[0]); }

  Redis::Reply write(std::string_view slots) {
    return redis_->run({"XADD", stream_, "MAXLEN", "~", most_kept, "*", "n", node_, "s", slots});
  }

  News begin_anew() {
    last_ = redis::text_of(*write(nothing));
    return {.all = true, .slots = {}};
  }

  const std::shared_ptr<Redis> redis_;
  const std::string node_;
  const std::string stream_;
  std::string last_;  ///< the id of the newest entry that was read
};

}  // namespace

std::unique_ptr<ChangeFeed> open_redis_change_feed(std::shared_ptr<Redis> redis, Random& random) {
  return std::make_unique<RedisChangeFeed>(std::move(redis), random);
}

}  // namespace lms
