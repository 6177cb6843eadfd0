#include "http1/connection.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/target.hpp"

using namespace lms;
using namespace lms::http1;

namespace {

/// Remembers every request it is asked to answer.
class Witness final : public Application {
 public:
  std::vector<std::string> seen;

  http::Plan plan(const http::Request& head) noexcept override {
    return {.lane = http::Lane::here, .streams = false, .max_body = head.target.starts_with("/big") ? 65536U : 4096U};
  }
  std::optional<http::Response> try_handle(http::Request& request) noexcept override {
    return handle(std::move(request));
  }
  http::Response handle(http::Request request) noexcept override {
    std::string text = std::to_string(static_cast<int>(request.method)) + ' ' + request.target + '\n';
    for (const auto& [name, value] : request.headers) text += name + ':' + value + '\n';
    if (const auto* body = std::get_if<std::string>(&request.body)) text += *body;
    seen.push_back(std::move(text));
    if (request.target.starts_with("/close")) return {200, {{"Connection", "close"}}, "closing"};
    if (request.target.starts_with("/nothing")) return {204, {}, ""};
    if (request.target.starts_with("/large")) return {200, {}, std::string(100'000, 'x')};
    return {200, {}, "fine"};
  }
  void handle(http::Request request, http::Answer answer, const Executor&) noexcept override {
    answer(handle(std::move(request)));
  }
  http::Response refuse(int status, std::string_view reason, std::string_view) noexcept override {
    return {status, {}, std::string(reason)};
  }
};

struct Outcome {
  std::vector<std::string> seen;
  std::string sent;
};

/// One connection, played by one thread.
class Play {
 public:
  Play() : lanes_(options_), scratch_(64 * 1024), census_(1) {}

  /// The client sends `pieces` one after another, then nothing more.
  Outcome run(const std::vector<std::string_view>& pieces) {
    std::array<int, 2> ends{};
    fuzz::promise(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0, "there is a socket");
    const FileDescriptor client(ends[0]);
    Witness witness;
    std::string sent;
    {
      auto mailbox = std::make_shared<Mailbox>();
      Loop loop{witness, options_, lanes_, mailbox, TimerWheel(now_), DateLine(), scratch_, now_};
      Connection connection(loop, 1, {FileDescriptor(ends[1]), "192.0.2.1", *census_.enter()});
      for (const std::string_view piece : pieces) {
        if (connection.closed()) break;
        if (!piece.empty()) static_cast<void>(::send(client.get(), piece.data(), piece.size(), MSG_NOSIGNAL));
        connection.on_readable();
        settle(connection, *mailbox, client, sent);
      }
      if (!connection.closed()) {
        shutdown(client.get(), SHUT_WR);
        connection.on_readable();
        settle(connection, *mailbox, client, sent);
      }
      fuzz::promise(connection.closed(), "a connection whose client is done ends");
      take(client, sent);
    }
    return {std::move(witness.seen), std::move(sent)};
  }

 private:
  void settle(Connection& connection, Mailbox& mailbox, const FileDescriptor& client, std::string& sent) {
    for (bool moved = true; moved && !connection.closed();) {
      moved = take(client, sent);
      if (moved) connection.on_writable();
      pollfd mail{mailbox.descriptor(), POLLIN, 0};
      if (poll(&mail, 1, 0) <= 0) continue;
      moved = true;
      for (Message& message : mailbox.collect())
        if (const auto* turn = std::get_if<Turn>(&message); turn && !connection.closed()) connection.on_turn();
    }
  }

  static bool take(const FileDescriptor& client, std::string& sent) {
    std::array<char, 64 * 1024> buffer;
    const ssize_t size = recv(client.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size <= 0) return false;
    sent.append(buffer.data(), static_cast<std::size_t>(size));
    return true;
  }

  Http1Options options_{.io_threads = 1, .waiting_threads = 1, .upload_threads = 1, .heavy_threads = 1};
  Lanes lanes_;
  std::vector<char> scratch_;
  Census census_;
  SteadyTime now_ = std::chrono::steady_clock::now();
};

/// How many whole answers there are; every answer of the Witness has a Content-Length, but 204 and those to HEAD.
void check_answers(const Outcome& outcome) {
  std::string_view rest = outcome.sent;
  std::size_t final_answers = 0;
  while (!rest.empty()) {
    fuzz::promise(rest.starts_with("HTTP/1.1 "), "an answer begins where the last one ends");
    const int status = std::atoi(std::string(rest.substr(9, 3)).c_str());
    const std::size_t end = rest.find("\r\n\r\n");
    fuzz::promise(end != std::string_view::npos, "a head is complete");
    const std::string_view head = rest.substr(0, end);
    rest.remove_prefix(end + 4);
    if (status == 100) continue;
    ++final_answers;
    const std::size_t field = head.find("Content-Length: ");
    const std::size_t length = field == std::string_view::npos
                                   ? 0
                                   : std::strtoull(std::string(head.substr(field + 16, 20)).c_str(), nullptr, 10);
    if (rest.starts_with("HTTP/1.1 ") || rest.empty()) continue;  // to HEAD
    fuzz::promise(rest.size() >= length, "a body is as long as its head says");
    rest.remove_prefix(length);
  }
  fuzz::promise(final_answers <= outcome.seen.size() + 1, "nobody is answered who did not ask, but by one refusal");
  fuzz::promise(final_answers >= outcome.seen.size(), "everybody is answered");
}

}  // namespace

/// The first byte says how many cuts there are, the next ones where; the rest is what the client sends. Cut in pieces
/// it means the same as in one.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Play play;
  const std::size_t cuts = size == 0 ? 0 : std::min<std::size_t>(data[0] % 8, size - 1);
  const std::string_view bytes = size == 0 ? std::string_view() : fuzz::text_of(data, size).substr(1 + cuts);

  std::vector<std::size_t> places;
  for (std::size_t i = 1; i <= cuts; ++i) places.push_back(data[i] * bytes.size() / 255);
  std::sort(places.begin(), places.end());
  std::vector<std::string_view> pieces;
  std::size_t from = 0;
  for (const std::size_t place : places) {
    pieces.push_back(bytes.substr(from, place - from));
    from = place;
  }
  pieces.push_back(bytes.substr(from));

  const Outcome whole = play.run({bytes});
  const Outcome cut = play.run(pieces);
  fuzz::promise(whole.seen == cut.seen, "requests are the same however they are cut");
  check_answers(whole);
  check_answers(cut);
  return 0;
}
