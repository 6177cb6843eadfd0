#include "backend/redis/connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

#include <poll.h>
#include <sys/socket.h>

#include <lms/error.hpp>

namespace lms::redis {

namespace {

Error broken(const std::string& cause) {
  return unavailable("redis_unavailable", cause);
}

std::string text_of_errno(int error) {
  return std::system_category().message(error);
}

}  // namespace

std::string encoded(std::span<const std::string_view> parts) {
  std::string command = "*" + std::to_string(parts.size()) + "\r\n";
  for (const std::string_view part : parts)
    command.append("$").append(std::to_string(part.size())).append("\r\n").append(part).append("\r\n");
  return command;
}

std::string_view text_of(const redisReply& reply) noexcept {
  return reply.str ? std::string_view(reply.str, reply.len) : std::string_view();
}

bool is_error(const redisReply& reply) noexcept {
  return reply.type == REDIS_REPLY_ERROR;
}

Connection::Connection(const RedisAddress& address, Deadline deadline)
    : context_(address.host.empty() ? redisConnectUnixNonBlock(address.socket.c_str())
                                    : redisConnectNonBlock(address.host.c_str(), address.port)) {
  if (!context_) throw broken("there is no memory for a connection");
  if (context_->err != 0) throw broken(context_->errstr);
  finish_connecting(deadline);
  sign_in(address, deadline);
}

void Connection::finish_connecting(Deadline deadline) {
  wait_for(POLLOUT, deadline);
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(context_->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) throw broken(text_of_errno(error));
}

void Connection::sign_in(const RedisAddress& address, Deadline deadline) {
  std::string commands;
  std::size_t count = 0;
  const auto add = [&](std::vector<std::string_view> parts) {
    commands += encoded(parts);
    ++count;
  };
  if (!address.password.empty() && address.user.empty()) add({"AUTH", address.password});
  if (!address.user.empty()) add({"AUTH", address.user, address.password});
  const std::string database = std::to_string(address.database);
  if (address.database != 0) add({"SELECT", database});
  add({"PING"});
  std::vector<Reply> replies(count);
  exchange(commands, replies, deadline);
  for (const Reply& reply : replies) {
    const std::string_view fault = text_of(*reply);
    if (!is_error(*reply)) continue;
    if (fault.starts_with("LOADING") || fault.starts_with("BUSY") || fault.starts_with("MASTERDOWN"))
      throw broken(std::string(fault));
    throw forbidden("redis_refused", std::string(fault));
  }
}

void Connection::exchange(std::string_view commands, std::span<Reply> replies, Deadline deadline) {
  send(commands, deadline);
  for (Reply& reply : replies) reply = receive(deadline);
}

void Connection::send(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(context_->fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      wait_for(POLLOUT, deadline);
    } else if (errno != EINTR) {
      throw broken(text_of_errno(errno));
    }
  }
}

Reply Connection::receive(Deadline deadline) {
  std::array<char, 16UL * 1024> buffer;
  for (;;) {
    void* reply = nullptr;
    if (redisReaderGetReply(context_->reader, &reply) != REDIS_OK) throw broken(context_->reader->errstr);
    if (reply != nullptr) return Reply(static_cast<redisReply*>(reply));
    wait_for(POLLIN, deadline);
    const ssize_t count = recv(context_->fd, buffer.data(), buffer.size(), 0);
    if (count == 0) throw broken("it has closed the connection");
    if (count > 0)
      redisReaderFeed(context_->reader, buffer.data(), static_cast<std::size_t>(count));
    else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
      throw broken(text_of_errno(errno));
  }
}

void Connection::wait_for(short events, Deadline deadline) {
  using std::chrono::milliseconds;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd descriptor{.fd = context_->fd, .events = events, .revents = 0};
    const int ready = poll(&descriptor, 1, static_cast<int>(std::max(milliseconds(0), left).count()));
    if (ready > 0) return;
    if (ready == 0) throw broken("it does not answer in time");
    if (errno != EINTR) throw broken(text_of_errno(errno));
  }
}

}  // namespace lms::redis
