#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <lms/error.hpp>
#include <lms/http.hpp>

#include "http1/application.hpp"
#include "http1/file_descriptor.hpp"
#include "http1/server.hpp"

namespace lms::http1::testing {

constexpr std::chrono::seconds patience{20};  // for what must happen; a test that waits so long has failed

/// Opens once, for all.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  /// False if it stayed shut.
  bool pass() {
    std::unique_lock lock(mutex_);
    return opened_.wait_for(lock, patience, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

/// Answers by path. Routes are added before the server starts.
class FakeApplication final : public Application {
 public:
  using Handler = std::function<http::Response(http::Request&)>;

  FakeApplication() {
    on("/hello", {}, [](http::Request&) { return http::Response{200, {}, "Hello, World!"}; });
    on("/echo", {}, [](http::Request& request) {
      return http::Response{200, {}, std::move(std::get<std::string>(request.body))};
    });
  }

  void on(const std::string& path, http::Plan plan, Handler handler) {
    if (plan.max_body == 0) plan.max_body = 64 * 1024;
    routes_[path] = {plan, std::move(handler)};
  }

  http::Plan plan(const http::Request& head) noexcept override {
    const Route* route = find(head);
    return route ? route->plan : http::Plan{http::Lane::here, false, 64 * 1024};
  }
  std::optional<http::Response> try_handle(http::Request& request) noexcept override {
    const Route* route = find(request);
    return route ? route->handler(request) : http::Response{404, {}, "Not here"};
  }
  http::Response handle(http::Request request) noexcept override { return *try_handle(request); }
  void handle(http::Request request, http::Answer answer, const Executor& executor) noexcept override {
    try {
      executor([this, answer, request = std::make_shared<http::Request>(std::move(request))] {
        answer(handle(std::move(*request)));
      });
    } catch (const Error& error) {
      http::Response busy = refuse(503, error.reason(), error.what());
      busy.headers.add("Retry-After", std::to_string(error.retry_after()->count()));
      answer(std::move(busy));
    }
  }
  http::Response refuse(int status, std::string_view reason, std::string_view message) noexcept override {
    return {status,
            {{"Content-Type", "application/json"}},
            R"({"reason":")" + std::string(reason) + R"(","message":")" + std::string(message) + R"("})"};
  }

 private:
  struct Route {
    http::Plan plan;
    Handler handler;
  };

  const Route* find(const http::Request& head) const {
    const auto found = routes_.find(head.target.substr(0, head.target.find('?')));
    return found == routes_.end() ? nullptr : &found->second;
  }

  std::map<std::string, Route> routes_;
};

/// What a client received.
struct Reply {
  int status = 0;
  http::Headers headers;
  std::string body;

  std::string header(std::string_view name) const {
    const std::string* value = headers.find(name);
    return value ? *value : "";
  }
};

/// A blocking client that speaks raw bytes. Throws when the server is silent for too long.
class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval timeout{patience.count(), 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    const int on = 1;
    setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (receive_buffer > 0) setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("refused");
    }
  }

  /// False once the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// Sends as much as the other side takes, and returns how much that was once nothing moved for a while.
  std::size_t send_until_blocked(std::string_view bytes, std::chrono::milliseconds quiet) {
    std::size_t total = 0;
    while (total < bytes.size()) {
      pollfd writable{socket_.get(), POLLOUT, 0};
      if (poll(&writable, 1, static_cast<int>(quiet.count())) == 0) break;
      const ssize_t sent =
          ::send(socket_.get(), bytes.data() + total, bytes.size() - total, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN) break;
      if (sent > 0) total += static_cast<std::size_t>(sent);
    }
    return total;
  }

  Reply get(const std::string& path) {
    send("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n");
    return reply();
  }

  /// As `get`, for a server that may answer before it is asked.
  Reply reply_or_get(const std::string& path) { return silent(std::chrono::milliseconds(50)) ? get(path) : reply(); }

  /// The next answer; `head` if it is to a HEAD request.
  Reply reply(bool head = false) {
    Reply reply;
    const std::string start = line();
    reply.status = std::stoi(start.substr(9, 3));
    for (std::string field = line(); !field.empty(); field = line()) {
      const std::size_t colon = field.find(": ");
      reply.headers.add(field.substr(0, colon), field.substr(colon + 2));
    }
    if (head || reply.status < 200 || reply.status == 204 || reply.status == 304) return reply;
    if (reply.header("Transfer-Encoding") == "chunked") {
      for (;;) {
        const std::size_t size = std::stoul(line(), nullptr, 16);
        reply.body += take(size);
        line();
        if (size == 0) break;
      }
    } else if (reply.headers.find("Content-Length")) {
      reply.body = take(std::stoul(reply.header("Content-Length")));
    } else {
      reply.body = rest();
    }
    return reply;
  }

  /// All until the server closes.
  std::string rest() {
    while (receive() > 0) {
    }
    return std::exchange(buffer_, {});
  }

  /// Whether the server has closed, with nothing more said.
  bool closed() { return rest().empty(); }

  std::string take(std::size_t size) {
    while (buffer_.size() < size) {
      if (receive() <= 0) throw std::runtime_error("closed in the middle of an answer");
    }
    std::string bytes = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return bytes;
  }

  /// Whether nothing comes for a while.
  bool silent(std::chrono::milliseconds time) {
    pollfd readable{socket_.get(), POLLIN, 0};
    return buffer_.empty() && poll(&readable, 1, static_cast<int>(time.count())) == 0;
  }

  void shut_down_writing() { shutdown(socket_.get(), SHUT_WR); }
  /// Closes so that the server is told at once.
  void reset() {
    const linger now{1, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    socket_.reset();
  }

 private:
  std::string line() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n")) == std::string::npos) {
      if (receive() <= 0) throw std::runtime_error("closed before an answer");
    }
    std::string text = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return text;
  }

  ssize_t receive() {
    char bytes[16 * 1024];
    const ssize_t size = recv(socket_.get(), bytes, sizeof bytes, 0);
    if (size < 0 && errno == EAGAIN) throw std::runtime_error("the server is silent");
    if (size > 0) buffer_.append(bytes, static_cast<std::size_t>(size));
    return size;
  }

  FileDescriptor socket_;
  std::string buffer_;
};

/// A server on a free port.
class RunningServer {
 public:
  explicit RunningServer(FakeApplication& application, Http1Options options = {})
      : server_(application, small(options)) {
    server_.start();
  }
  Client client(int receive_buffer = 0) const { return Client(server_.port(), receive_buffer); }
  Server* operator->() { return &server_; }

 private:
  static Http1Options small(Http1Options options) {
    options.port = 0;
    options.waiting_threads = std::min<std::size_t>(options.waiting_threads, 4);
    options.upload_threads = std::min<std::size_t>(options.upload_threads, 4);
    return options;
  }

  Server server_;
};

/// A body of so many bytes, each the low byte of its position over 7, that says when it is destroyed.
class CountedSource final : public http::BodySource {
 public:
  explicit CountedSource(std::uint64_t size, bool tells_size = false, std::function<void()> on_destroy = {})
      : left_(size), size_(size), tells_size_(tells_size), on_destroy_(std::move(on_destroy)) {}
  ~CountedSource() override {
    if (on_destroy_) on_destroy_();
  }
  std::size_t read(std::span<char> buffer) override {
    const std::size_t count = std::min<std::uint64_t>(left_, buffer.size());
    for (std::size_t i = 0; i < count; ++i) buffer[i] = at(size_ - left_ + i);
    left_ -= count;
    return count;
  }
  std::optional<std::uint64_t> size() const override {
    return tells_size_ ? std::optional<std::uint64_t>(size_) : std::nullopt;
  }
  static char at(std::uint64_t position) { return static_cast<char>(position / 7); }
  static std::string text(std::uint64_t size) {
    std::string all(size, '\0');
    CountedSource(size).read(all);
    return all;
  }

 private:
  std::uint64_t left_;
  std::uint64_t size_;
  bool tells_size_;
  std::function<void()> on_destroy_;
};

inline std::string read_all(http::BodySource& source) {
  std::string all;
  std::string buffer(16 * 1024, '\0');
  while (const std::size_t count = source.read(buffer)) all.append(buffer, 0, count);
  return all;
}

inline http::BodySource& stream_of(http::Request& request) {
  return *std::get<std::unique_ptr<http::BodySource>>(request.body);
}

}  // namespace lms::http1::testing
