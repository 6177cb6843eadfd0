#include "http1/server.hpp"

#include <pistache/reactor.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "http1/acceptor.hpp"
#include "http1/census.hpp"
#include "http1/lanes.hpp"
#include "http1/listener.hpp"
#include "http1/response_head.hpp"
#include "http1/transport.hpp"

namespace lms::http1 {

namespace {

/// The whole answer to a client that finds all connections taken.
std::string overloaded_answer(Application& application) {
  http::Response response = application.refuse(503, "overloaded", "The server is busy; try again in a moment.");
  response.headers.set("Retry-After", "1");
  const auto* body = std::get_if<std::string>(&response.body);
  const Delivery delivery{Framing::length, body ? body->size() : 0, true, false};
  return render_head(response, delivery, "") + (body ? *body : "");
}

}  // namespace

/// In the order they are needed: what comes later uses what comes before.
struct Server::Parts {
  Parts(Application& served, Http1Options wanted)
      : application(served),
        options(std::move(wanted)),
        listener(listen_on(options.host, options.port)),
        port(bound_port(listener)),
        census(options.max_connections) {}

  Application& application;
  const Http1Options options;
  FileDescriptor listener;
  const std::uint16_t port;
  Census census;
  std::optional<Lanes> lanes;
  std::shared_ptr<Pistache::Aio::Reactor> reactor;
  std::vector<std::shared_ptr<Transport>> transports;
  std::optional<Acceptor> acceptor;
};

Server::Server(Application& application, Http1Options options)
    : parts_(std::make_unique<Parts>(application, std::move(options))) {}

Server::~Server() {
  stop();
}

std::uint16_t Server::port() const noexcept {
  return parts_->port;
}

void Server::start() {
  Parts& p = *parts_;
  p.lanes.emplace(p.options);
  p.reactor = Pistache::Aio::Reactor::create();
  p.reactor->init(Pistache::Aio::AsyncContext(std::max<std::size_t>(p.options.io_threads, 1), "lms-io"));
  const auto key = p.reactor->addHandler(std::make_shared<Transport>(p.application, p.options, *p.lanes));
  std::vector<Mailbox*> loops;
  for (const auto& handler : p.reactor->handlers(key)) {
    p.transports.push_back(std::static_pointer_cast<Transport>(handler));
    loops.push_back(&p.transports.back()->mailbox());
  }
  p.reactor->run();
  p.acceptor.emplace(std::move(p.listener), p.census, std::move(loops), overloaded_answer(p.application));
}

bool Server::drain(std::chrono::milliseconds deadline) {
  Parts& p = *parts_;
  if (!p.acceptor) return true;
  p.acceptor->stop();
  for (const auto& transport : p.transports) transport->mailbox().post(Drain{});
  return p.census.wait_until_empty(deadline);
}

void Server::stop() {
  Parts& p = *parts_;
  p.listener.reset();
  p.acceptor.reset();
  for (const auto& transport : p.transports) transport->mailbox().post(Cut{});
  if (p.lanes) p.lanes->stop();
  if (p.reactor) p.reactor->shutdown();
  p.reactor.reset();
  p.transports.clear();
}

}  // namespace lms::http1
