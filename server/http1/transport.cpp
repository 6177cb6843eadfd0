#include "http1/transport.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>
#include <variant>

namespace lms::http1 {

namespace {

using Pistache::Polling::NotifyOn;

constexpr std::size_t scratch_bytes = 64UL * 1024;
// The reactor's events carry a number. Ours is the descriptor for mailbox and clock, an id above all descriptors for
// connections: it is never used twice, so an event that comes late finds nobody.
constexpr std::uint64_t ids_above = std::uint64_t{1} << 32;

SteadyTime steady_now() noexcept {
  return std::chrono::steady_clock::now();
}

}  // namespace

Transport::Transport(Application& application, const Http1Options& options, Lanes& lanes)
    : scratch_(scratch_bytes),
      loop_{application, options,  lanes,       std::make_shared<Mailbox>(), TimerWheel(steady_now()),
            DateLine(),  scratch_, steady_now()},
      clock_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      last_id_(ids_above) {
  if (!clock_) throw std::system_error(errno, std::generic_category(), "Cannot make a timer");
}

std::shared_ptr<Pistache::Aio::Handler> Transport::clone() const {
  return std::make_shared<Transport>(loop_.application, loop_.options, loop_.lanes);
}

void Transport::registerPoller(Pistache::Polling::Epoll& poller) {
  poller_ = &poller;
  for (const int descriptor : {loop_.mailbox->descriptor(), clock_.get()}) {
    poller.addFd(descriptor, Pistache::Flags<NotifyOn>(NotifyOn::Read),
                 Pistache::Polling::Tag(static_cast<std::uint64_t>(descriptor)));
  }
}

void Transport::onReady(const Pistache::Aio::FdSet& ready) {
  loop_.now = steady_now();
  bool mail = false;
  for (const auto& entry : ready) {
    const std::uint64_t id = entry.getTag().value();
    if (id == static_cast<std::uint64_t>(loop_.mailbox->descriptor())) {
      mail = true;
    } else if (id == static_cast<std::uint64_t>(clock_.get())) {
      expire();
    } else {
      touch(id, [&](Connection& connection) {
        if (entry.isHangup()) return connection.on_hangup();
        if (entry.isReadable()) return connection.on_readable();
        connection.on_writable();
      });
    }
  }
  if (mail) {
    for (Message& message : loop_.mailbox->collect()) deliver(std::move(message));
  }
  run_clock();
}

/// The one way to a connection: whatever goes wrong there costs that connection only.
template <class Event>
void Transport::touch(std::uint64_t id, Event event) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  try {
    event(connection);
  } catch (...) {  // out of memory, for one
    connection.cut();
  }
  if (connection.closed()) connections_.erase(found);
}

void Transport::touch_all(void (Connection::*event)()) {
  std::vector<std::uint64_t> ids;
  ids.reserve(connections_.size());
  for (const auto& [id, connection] : connections_) ids.push_back(id);
  for (const std::uint64_t id : ids) {
    touch(id, [&](Connection& connection) { (connection.*event)(); });
  }
}

void Transport::deliver(Message message) {
  std::visit([this](auto&& content) { deliver(std::forward<decltype(content)>(content)); }, std::move(message));
}

void Transport::deliver(Arrival arrival) {
  const std::uint64_t id = ++last_id_;
  const int socket = arrival.socket.get();
  try {
    connections_.emplace(id, std::make_unique<Connection>(loop_, id, std::move(arrival)));
    poller_->addFd(socket, Pistache::Flags<NotifyOn>(NotifyOn::Read | NotifyOn::Write | NotifyOn::Shutdown),
                   Pistache::Polling::Tag(id), Pistache::Polling::Mode::Edge);
  } catch (const std::exception&) {  // no memory, or no room in the kernel
    connections_.erase(id);
  }
}

void Transport::deliver(Answer answer) {
  touch(answer.ticket.connection, [&](Connection& connection) { connection.on_answer(std::move(answer)); });
}

void Transport::deliver(Piece piece) {
  touch(piece.ticket.connection, [&](Connection& connection) { connection.on_piece(std::move(piece)); });
}

void Transport::deliver(Appetite appetite) {
  touch(appetite.ticket.connection, [&](Connection& connection) { connection.on_appetite(appetite.ticket); });
}

void Transport::deliver(Turn turn) {
  touch(turn.ticket.connection, [](Connection& connection) { connection.on_turn(); });
}

void Transport::deliver(Drain) {
  loop_.draining = true;
  touch_all(&Connection::drain);
}

void Transport::deliver(Cut) {
  touch_all(&Connection::cut);
}

void Transport::expire() {
  std::uint64_t ticks = 0;
  if (::read(clock_.get(), &ticks, sizeof ticks) < 0) return;
  for (const std::uint64_t id : loop_.wheel.expire(loop_.now)) {
    touch(id, [](Connection& connection) { connection.on_deadline(); });
  }
}

/// The clock ticks while there are deadlines; an idle server sleeps.
void Transport::run_clock() {
  if (clock_runs_ == !loop_.wheel.empty()) return;
  clock_runs_ = !clock_runs_;
  itimerspec period{};
  if (clock_runs_) {
    period.it_interval.tv_nsec = std::chrono::nanoseconds(TimerWheel::tick).count();
    period.it_value = period.it_interval;
  }
  timerfd_settime(clock_.get(), 0, &period, nullptr);
}

}  // namespace lms::http1
