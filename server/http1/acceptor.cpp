#include "http1/acceptor.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "http1/listener.hpp"

namespace lms::http1 {

namespace {

constexpr int pause_ms = 50;  // when the process has no descriptor or no memory left: who waits stays in the backlog

}  // namespace

Acceptor::Acceptor(FileDescriptor listener, Census& census, std::vector<Mailbox*> loops, std::string overloaded)
    : listener_(std::move(listener)),
      census_(census),
      loops_(std::move(loops)),
      overloaded_(std::move(overloaded)),
      stop_(eventfd(0, EFD_CLOEXEC)) {
  if (!stop_) throw std::system_error(errno, std::generic_category(), "Cannot make an eventfd");
  thread_ = std::thread([this] { work(); });
  pthread_setname_np(thread_.native_handle(), "lms-accept");
}

void Acceptor::stop() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_.get(), 1);
  thread_.join();
  listener_.reset();
}

void Acceptor::work() {
  std::array<pollfd, 2> watched{{{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}}};
  for (;;) {
    poll(watched.data(), watched.size(), -1);
    while (accept_one()) {
    }
    if (watched[0].revents != 0) return;  // who had come before is let in: closing the listener would refuse them
    const bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (exhausted && poll(watched.data(), 1, pause_ms) > 0) return;
  }
}

/// False, with errno, when there is nobody to accept or no way to.
bool Acceptor::accept_one() {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  FileDescriptor socket(
      accept4(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket) return errno == EINTR || errno == ECONNABORTED;
  std::optional<Census::Seat> seat = census_.enter();
  if (!seat) {
    send(socket.get(), overloaded_.data(), overloaded_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return true;
  }
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  loops_[next_loop_]->post(Arrival{std::move(socket), address_text(address), std::move(*seat)});
  next_loop_ = (next_loop_ + 1) % loops_.size();
  return true;
}

}  // namespace lms::http1
