#pragma once

#include <pistache/reactor.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "http1/application.hpp"
#include "http1/connection.hpp"
#include "http1/lanes.hpp"
#include "http1/mailbox.hpp"
#include "http1/options.hpp"

namespace lms::http1 {

/// One event loop's share of the connections. Pistache's reactor makes a clone for each of its threads and tells it
/// which descriptors are ready; reading, writing and closing are ours alone.
class Transport final : public Pistache::Aio::Handler {
 public:
  Transport(Application& application, const Http1Options& options, Lanes& lanes);

  /// How other threads reach this loop.
  Mailbox& mailbox() noexcept { return *loop_.mailbox; }

  std::shared_ptr<Pistache::Aio::Handler> clone() const override;
  void registerPoller(Pistache::Polling::Epoll& poller) override;
  void onReady(const Pistache::Aio::FdSet& ready) override;
  void unregisterPoller(Pistache::Polling::Epoll&) {}  // asked for by Pistache 0.4, unknown to 0.0.5

 private:
  template <class Event>
  void touch(std::uint64_t id, Event event);
  void touch_all(void (Connection::*event)());

  void deliver(Message message);
  void deliver(Arrival arrival);
  void deliver(Answer answer);
  void deliver(Piece piece);
  void deliver(Appetite appetite);
  void deliver(Turn turn);
  void deliver(Drain);
  void deliver(Cut);
  void expire();
  void run_clock();

  std::vector<char> scratch_;
  Loop loop_;
  FileDescriptor clock_;
  bool clock_runs_ = false;
  Pistache::Polling::Epoll* poller_ = nullptr;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::uint64_t last_id_;
};

}  // namespace lms::http1
