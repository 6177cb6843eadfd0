#include "support/redis_server.hpp"

#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lms::testing {

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// Free now, and not given out to others soon.
std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  const bool bound = bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                     getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(socket);
  if (!bound) throw std::runtime_error("there is no free port");
  return ntohs(address.sin_port);
}

bool accepts_connections(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(port);
  const bool connected = connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(socket);
  return connected;
}

}  // namespace

RedisServer::RedisServer(std::string password) : password_(std::move(password)), port_(free_port()) {
  start();
}

RedisServer::~RedisServer() {
  kill();
}

std::string RedisServer::url(const std::string& password) const {
  return "redis://" + (password.empty() ? "" : ":" + password + "@") + "127.0.0.1:" + std::to_string(port_);
}

void RedisServer::start() {
  const std::string port = std::to_string(port_), folder = folder_.file(""), log = folder_.file("log");
  std::vector<const char*> arguments{"redis-server", "--port",    port.c_str(), "--bind",
                                     "127.0.0.1",    "--save",    "",           "--dir",
                                     folder.c_str(), "--logfile", log.c_str()};
  if (!password_.empty()) arguments.insert(arguments.end(), {"--requirepass", password_.c_str()});
  arguments.push_back(nullptr);
  if (posix_spawnp(&process_, "redis-server", nullptr, nullptr, const_cast<char**>(arguments.data()), environ) != 0)
    throw std::runtime_error("redis-server cannot be started");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (!accepts_connections(port_)) {
    if (std::chrono::steady_clock::now() > end || waitpid(process_, nullptr, WNOHANG) != 0)
      throw std::runtime_error("redis-server does not start");
    std::this_thread::yield();
  }
}

void RedisServer::kill() {
  if (process_ == 0) return;
  ::kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
  process_ = 0;
}

void RedisServer::pause() const {
  ::kill(process_, SIGSTOP);
}

void RedisServer::resume() const {
  ::kill(process_, SIGCONT);
}

}  // namespace lms::testing
