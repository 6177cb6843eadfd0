#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "http1/application.hpp"
#include "http1/options.hpp"

namespace lms::http1 {

/// An HTTP/1 server: listens, and asks the application for every answer. TLS is left to a proxy before it.
/// Installs no signal handler and never raises SIGPIPE. The calls are made by one thread.
class Server {
 public:
  /// Listens; who connects waits until `start`. The application must outlive the server.
  /// @throws std::system_error whose `what()` is one line for the operator: host, port and cause.
  Server(Application& application, Http1Options options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// The port listened on.
  std::uint16_t port() const noexcept;
  /// Starts the threads. Call once.
  void start();
  /// Takes no new clients, closes idle connections, and waits for the requests under way, which are answered with
  /// `Connection: close`. Whether all were done before the deadline; call `stop` in either case.
  bool drain(std::chrono::milliseconds deadline);
  /// Cuts off what is left and joins the threads, once the handlers that still run have returned.
  void stop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lms::http1
