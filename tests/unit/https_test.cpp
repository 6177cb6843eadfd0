#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lms/backends/https.hpp>
#include <lms/error.hpp>

#include "support/scratch_folder.hpp"

namespace {

using namespace lms;
using namespace std::chrono_literals;

/// A server on all IPv4 addresses of this machine that does with each connection, one after another, as it is told.
class Peer {
 public:
  using Talk = std::function<void(int connection)>;

  explicit Peer(Talk talk) : talk_(std::move(talk)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(bind(listener_, generic, size) == 0);
    REQUIRE(listen(listener_, 16) == 0);
    REQUIRE(getsockname(listener_, generic, &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { serve(); });
  }
  ~Peer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  std::string url(const std::string& host = "127.0.0.1", const std::string& path = "/secret-path") const {
    return "http://" + host + ":" + std::to_string(port_) + path;
  }
  int connections() const { return connections_; }

 private:
  void serve() {
    for (int connection; (connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
      ++connections_;
      talk_(connection);
      close(connection);
    }
  }

  Talk talk_;
  int listener_;
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  std::jthread thread_;
};

/// What a client sent, up to the end of its body of so many bytes.
std::string hear(int connection, std::size_t body = 0) {
  std::string text;
  char buffer[4096];
  std::size_t end = std::string::npos;
  while (end == std::string::npos || text.size() < end + 4 + body) {
    const auto size = recv(connection, buffer, sizeof buffer, 0);
    if (size <= 0) break;
    text.append(buffer, static_cast<std::size_t>(size));
    end = text.find("\r\n\r\n");
  }
  return text;
}

/// False once the other side is gone.
bool say(int connection, std::string_view text) {
  while (!text.empty()) {
    const auto size = ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
    if (size <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

Peer::Talk answering(std::string answer) {
  return [answer = std::move(answer)](int connection) {
    hear(connection);
    say(connection, answer);
  };
}

HttpRequest to(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

HttpResponse ask(const HttpRequest& request, HttpsOptions options = {}) {
  return open_https_client(std::move(options))->send(request);
}

/// The reason why there is no answer. What it says never shows more of the URL than the host.
std::string reason(const HttpRequest& request, HttpsOptions options = {}) {
  try {
    ask(request, std::move(options));
    return "answered";
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::unavailable);
    CHECK(std::string_view(error.what()).find("secret") == std::string_view::npos);
    CHECK(std::string_view(error.what()).starts_with("http"));
    return error.reason();
  }
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_CASE("an HTTP request arrives as it was made, and its answer comes back") {
  std::string heard;
  const Peer peer([&](int connection) {
    heard = hear(connection, 13);
    say(connection,
        "HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\n"
        "HTTP/1.1 201 Created\r\nX-One:  1 \r\nX-Two: a: b\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\n\r\n"
        "5\r\nhello\r\n6\r\n world\r\n0\r\nX-Late: 1\r\n\r\n");
  });
  HttpRequest request = to(peer.url("127.0.0.1", "/a/../b%20c?d=e"));
  request.method = "POST";
  request.headers = {{"X-Signature", "sha256=00"}, {"Content-Type", "application/json"}, {"X-Empty", ""}};
  request.body = R"({"some":"ü"})";
  REQUIRE(request.body.size() == 13);
  const HttpResponse response = ask(request, {.user_agent = "tests/1"});
  CHECK(heard.starts_with("POST /a/../b%20c?d=e HTTP/1.1\r\n"));
  CHECK(has(heard, "\r\nHost: 127.0.0.1:"));
  CHECK(has(heard, "\r\nUser-Agent: tests/1\r\n"));
  CHECK(has(heard, "\r\nX-Signature: sha256=00\r\n"));
  CHECK(has(heard, "\r\nContent-Type: application/json\r\n"));
  CHECK(has(heard, "\r\nX-Empty:\r\n"));
  CHECK(has(heard, "\r\nContent-Length: 13\r\n"));
  CHECK(heard.ends_with("\r\n\r\n" + request.body));
  CHECK_FALSE(has(heard, "Expect"));
  CHECK(response.status == 201);
  CHECK(response.body == "hello world");
  REQUIRE(response.header("x-one"));
  CHECK(*response.header("X-One") == "1");
  CHECK(*response.header("X-Two") == "a: b");
  CHECK_FALSE(response.header("Link"));
  CHECK_FALSE(response.header("X-Late"));
}

TEST_CASE("each HTTP method has the body that it should") {
  std::string heard;
  const Peer peer([&](int connection) {
    heard = hear(connection);
    say(connection,
        heard.starts_with("HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" : "HTTP/1.1 204 No Content\r\n\r\n");
  });
  HttpRequest request = to(peer.url());
  for (const std::string method : {"GET", "HEAD", "DELETE", "OPTIONS", "POST", "PUT", "PATCH", "PURGE"}) {
    CAPTURE(method);
    request.method = method;
    CHECK(ask(request).status == (method == "HEAD" ? 200 : 204));
    CHECK(heard.starts_with(method + " /secret-path HTTP/1.1\r\n"));
    const bool has_length = has(heard, "\r\nContent-Length: 0\r\n");
    CHECK(has_length == (method[0] == 'P'));
    CHECK_FALSE(has(heard, "Content-Type"));
    CHECK_FALSE(has(heard, "Transfer-Encoding"));
  }
}

TEST_CASE("an HTTP answer of any status is an answer, and no redirect is followed") {
  for (const int status : {301, 307, 401, 404, 500}) {
    const Peer peer(answering("HTTP/1.1 " + std::to_string(status) +
                              " X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\nno"));
    const HttpResponse response = ask(to(peer.url()));
    CHECK(response.status == status);
    CHECK(response.body == "no");
    CHECK(peer.connections() == 1);
  }
}

TEST_CASE("no HTTP answer takes more memory than it may") {
  HttpRequest request;
  request.max_response = 100;
  const std::string hundred(100, 'x');
  const auto sized = [](const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  const auto answer = [&](const Peer& peer) {
    request.url = peer.url();
    return reason(request);
  };
  CHECK(answer(Peer(answering(sized(hundred)))) == "answered");
  CHECK(answer(Peer(answering(sized(hundred + "x")))) == "response_too_large");
  CHECK(answer(Peer(answering("HTTP/1.1 200 OK\r\n\r\n" + hundred + "x"))) == "response_too_large");
  CHECK(answer(Peer([](int connection) {
          hear(connection);
          say(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
          while (say(connection, "4\r\nmore\r\n")) {
          }
        })) == "response_too_large");
  CHECK(answer(Peer([](int connection) {
          hear(connection);
          say(connection, "HTTP/1.1 200 OK\r\n");
          while (say(connection, "X-More: and more\r\n")) {
          }
        })) == "response_too_large");
  CHECK(answer(Peer([](int connection) {
          hear(connection);
          while (say(connection, "HTTP/1.1 103 Early Hints\r\nX-More: and more\r\n\r\n")) {
          }
        })) == "response_too_large");
  for (const std::string begin : {"HTTP/1.1 200 ", "HTTP/1.1 200 OK\r\nX-Long: "})
    CHECK(answer(Peer(answering(begin + std::string(4'000'000, 'a') + "\r\n\r\n"))) != "answered");
}

TEST_CASE("an HTTP request ends when its time is over") {
  HttpRequest request;
  request.timeout = 50ms;
  const auto wait_for_end = [](int connection) { hear(connection, 1); };
  const Peer silent(wait_for_end);
  request.url = silent.url();
  CHECK(reason(request) == "request_timeout");
  const Peer dripping([](int connection) {
    say(connection, "HTTP/1.1 200 OK\r\nX-Slow: ");
    pollfd gone{.fd = connection, .events = POLLRDHUP, .revents = 0};
    while (poll(&gone, 1, 5) == 0 && say(connection, ".")) {
    }
  });
  request.url = dripping.url();
  CHECK(reason(request) == "request_timeout");
}

TEST_CASE("an HTTP request is given up when it is asked to stop") {
  std::stop_source stop;
  const Peer peer([&](int connection) {
    hear(connection);
    stop.request_stop();
    hear(connection, 1);  // nothing more comes but the end
  });
  HttpRequest request = to(peer.url());
  request.stop = stop.get_token();
  CHECK(reason(request) == "request_stopped");
  CHECK(reason(request) == "request_stopped");
  CHECK(peer.connections() == 1);
}

TEST_CASE("an HTTP server that cannot be reached or understood is told by its reason") {
  std::string nobody;
  {
    const Peer gone([](int) {});
    nobody = gone.url();
  }
  CHECK(reason(to(nobody)) == "host_unreachable");
  CHECK(reason(to("http://" + std::string(64, 'a') + ".example/")) == "host_unknown");
  for (const std::string answer :
       {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "HTTP/1.1 200 OK\r\nX-Half", "SSH-2.0-OpenSSH_9\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    CAPTURE(answer);
    CHECK(reason(to(Peer(answering(answer)).url())) == "connection_broken");
  }
  const Peer plain([](int connection) { say(connection, "HTTP/1.1 400 Bad Request\r\n\r\n"); });
  CHECK(reason(to("https" + plain.url().substr(4))) == "tls_failed");
}

TEST_CASE("an HTTP request is sent to no address that is not allowed, however it is spelt") {
  const Peer peer(answering("HTTP/1.1 200 OK\r\n\r\n"));
  for (const std::string host : {"127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "0",
                                 "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]"}) {
    CAPTURE(host);
    CHECK(reason(to(peer.url(host)), {.allow = is_public_address}) == "address_refused");
  }
  CHECK(peer.connections() == 0);
  CHECK(ask(to(peer.url("2130706433"))).status == 200);
}

TEST_CASE("of a name with many addresses only those are tried that are allowed") {
  std::string reached;
  const Peer peer([&](int connection) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(connection, reinterpret_cast<sockaddr*>(&address), &size);
    reached = std::to_string(ntohl(address.sin_addr.s_addr) & 0xFF);
    reached += hear(connection);
    say(connection, "HTTP/1.1 200 OK\r\n\r\n");
  });
  std::string seen;
  HttpsOptions options;
  options.known_addresses = {{"both.example", {"::1", "127.0.0.1", "127.0.0.2"}}};
  options.allow = [&](std::string_view address) {
    seen += " " + std::string(address);
    return address == "127.0.0.2";
  };
  CHECK(ask(to(peer.url("both.example")), options).status == 200);
  CHECK(reached.starts_with("2"));
  CHECK(has(reached, "\r\nHost: both.example:"));
  CHECK(has(seen, " 127.0.0.1"));
  CHECK(peer.connections() == 1);
  options.known_addresses = {{"both.example", {"::1", "127.0.0.1"}}};
  CHECK(reason(to(peer.url("both.example")), options) == "address_refused");
  options.allow = [](std::string_view) -> bool { throw std::runtime_error("not that either"); };
  CHECK(reason(to(peer.url("both.example")), options) != "answered");
  CHECK(peer.connections() == 1);
}

TEST_CASE("a server that hangs up on a long HTTP request raises no signal here") {
  const Peer peer([](int connection) {
    hear(connection);
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  });
  auto* const before = std::signal(SIGPIPE, SIG_DFL);  // ends the test program
  HttpRequest request = to(peer.url());
  request.method = "POST";
  request.body = std::string(20'000'000, 'x');
  CHECK(reason(request) == "connection_broken");
  sigset_t pending, blocked;
  sigpending(&pending);
  CHECK(sigismember(&pending, SIGPIPE) == 0);
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  CHECK(sigismember(&blocked, SIGPIPE) == 0);
  std::signal(SIGPIPE, before);
}

TEST_CASE("a file of authorities without certificates is refused when the HTTP client is opened") {
  const testing::ScratchFolder folder;
  const std::string file = folder.file("ca.pem");
  CHECK_THROWS_AS(open_https_client({.ca_file = file}), Error);
  std::ofstream(file) << "-----BEGIN PRIVATE KEY-----\n";
  CHECK_THROWS_AS(open_https_client({.ca_file = file}), Error);
  std::ofstream(file) << "-----BEGIN CERTIFICATE-----\n";
  CHECK(open_https_client({.ca_file = file}) != nullptr);
}
