#include "backend/redis/client.hpp"

#include <algorithm>
#include <utility>

#include <lms/error.hpp>

namespace lms {

namespace {

constexpr std::size_t most_in_batch = 256;

RedisAddress address_of(const RedisOptions& options) {
  if (auto address = parse_redis_address(options.url)) return *std::move(address);
  throw invalid({"redis"}, "the url must be like redis://user:password@host:6379/0 or unix:///path?db=0",
                "value_error.url");
}

redis::Deadline now() {
  return std::chrono::steady_clock::now();
}

}  // namespace

Redis::Redis(RedisOptions options)
    : options_(std::move(options)), address_(address_of(options_)), pause_(options_.first_pause) {
  if (options_.connections < 1 || options_.timeout.count() < 1)
    throw invalid({"redis"}, "it needs a connection and a millisecond at least", "value_error.number.not_ge");
}

void Redis::connect() {
  auto connection = std::make_unique<redis::Connection>(address_, now() + options_.timeout);
  const Lock lock(mutex_);
  idle_.push_back(std::move(connection));
}

Redis::Reply Redis::run(std::span<const std::string_view> command) {
  Reply reply = ask(redis::encoded(command));
  if (redis::is_error(*reply)) throw outage(std::string(redis::text_of(*reply)));
  return reply;
}

Redis::Reply Redis::run(Script& script, std::span<const std::string_view> arguments) {
  std::string digest;
  {
    const std::lock_guard lock(script.mutex);
    if (script.digest.empty()) script.digest = redis::text_of(*run({"SCRIPT", "LOAD", script.text}));
    digest = script.digest;
  }
  std::vector<std::string_view> command{"EVALSHA", digest};
  command.insert(command.end(), arguments.begin(), arguments.end());
  Reply reply = ask(redis::encoded(command));
  if (redis::is_error(*reply) && redis::text_of(*reply).starts_with("NOSCRIPT")) {  // a restart has forgotten it
    command[0] = "EVAL";
    command[1] = script.text;
    reply = ask(redis::encoded(command));
  }
  if (redis::is_error(*reply)) throw outage(std::string(redis::text_of(*reply)));
  return reply;
}

Redis::Reply Redis::ask(std::string command) {
  Pending self{.command = std::move(command), .deadline = now() + options_.timeout};
  Lock lock(mutex_);
  admit();
  queue_.push_back(&self);
  while (!self.done) {
    if (!self.taken && busy_ < options_.connections) {
      serve(lock);
    } else if (self.taken) {
      self.wake.wait(lock);  // no longer than the first of those taken along
    } else if (self.wake.wait_until(lock, self.deadline) == std::cv_status::timeout && !self.taken && !self.done) {
      std::erase(queue_, &self);
      wake_next();  // it may be this one that was just told of a free connection
      throw outage("all connections are busy");
    }
  }
  if (self.failure) std::rethrow_exception(self.failure);
  return std::move(self.reply);
}

/// Refuses during an outage, save the one that tries again.
void Redis::admit() {
  if (!failing_) return;
  if (now() < next_try_) throw outage(last_failure_);
  next_try_ = now() + options_.timeout + pause_;  // others do not wait for the outcome
}

/// Takes what is queued to Redis, on one connection.
void Redis::serve(Lock& lock) {
  Batch batch;
  while (!queue_.empty() && batch.size() < most_in_batch) {
    batch.push_back(queue_.front());
    batch.back()->taken = true;
    queue_.pop_front();
  }
  const redis::Deadline deadline = batch.front()->deadline;  // the earliest
  std::unique_ptr<redis::Connection> connection;
  if (!idle_.empty()) {
    connection = std::move(idle_.back());
    idle_.pop_back();
  }
  ++busy_;
  const bool is_trial = failing_;
  lock.unlock();
  std::exception_ptr failure;
  std::string cause;
  try {
    exchange(connection, batch, deadline);
  } catch (const std::exception& error) {
    cause = error.what();
    failure = std::make_exception_ptr(outage(cause));
  }
  lock.lock();
  --busy_;
  if (failure) {
    fail(cause, is_trial);
  } else {
    idle_.push_back(std::move(connection));
    failing_ = false;
    pause_ = options_.first_pause;
  }
  finish(batch, failure);
  wake_next();
}

void Redis::wake_next() {
  if (!queue_.empty()) queue_.front()->wake.notify_one();
}

/// Makes a connection if there is none, or if the one there is was closed while nobody used it.
void Redis::exchange(std::unique_ptr<redis::Connection>& connection, const Batch& batch,
                     redis::Deadline deadline) const {
  std::string commands;
  for (const Pending* pending : batch) commands += pending->command;
  std::vector<Reply> replies(batch.size());
  const bool was_idle = connection != nullptr;
  try {
    if (!connection) connection = std::make_unique<redis::Connection>(address_, deadline);
    connection->exchange(commands, replies, deadline);
  } catch (const Error&) {
    const bool was_used = replies.front() != nullptr;
    if (!was_idle || was_used || now() >= deadline) throw;
    connection = std::make_unique<redis::Connection>(address_, deadline);
    connection->exchange(commands, replies, deadline);
  }
  for (std::size_t i = 0; i < batch.size(); ++i) batch[i]->reply = std::move(replies[i]);
}

/// Nobody is to wait for what has just failed.
void Redis::fail(const std::string& cause, bool is_trial) {
  if (is_trial) pause_ = std::min(2 * pause_, options_.longest_pause);
  failing_ = true;
  last_failure_ = cause;
  next_try_ = now() + pause_;
  idle_.clear();
  Batch waiting(queue_.begin(), queue_.end());
  queue_.clear();
  finish(waiting, std::make_exception_ptr(outage(cause)));
}

void Redis::finish(const Batch& batch, const std::exception_ptr& failure) {
  for (Pending* pending : batch) {
    pending->failure = failure;
    pending->done = true;
    pending->wake.notify_one();
  }
}

Error Redis::outage(const std::string& cause) const {
  return unavailable("redis_unavailable", "Redis at " + address_.shown() + ": " + cause);
}

OpenedRedis open_redis(RedisOptions options) {
  OpenedRedis opened{.redis = std::make_shared<Redis>(std::move(options)), .start = {}, .fault = {}};
  try {
    opened.redis->connect();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unavailable) throw;
    opened.start = RedisStart::unreachable;
    opened.fault = error.what();
  }
  return opened;
}

void ping(Redis& redis) {
  redis.run({"PING"});
}

}  // namespace lms
