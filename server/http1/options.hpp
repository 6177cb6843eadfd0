#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace lms::http1 {

/// Where to listen, how many threads to use, and the limits that keep one client from holding what belongs to all.
struct Http1Options {
  std::string host = "127.0.0.1";  ///< a name, an IPv4 or an IPv6 address
  std::uint16_t port = 8000;       ///< 0: any that is free

  std::size_t io_threads = 2;        ///< event loops
  std::size_t waiting_threads = 32;  ///< for `Lane::waiting`
  std::size_t upload_threads = 16;   ///< for requests whose body streams: they wait for the client
  std::size_t heavy_threads = 2;     ///< for `Lane::heavy`
  std::size_t queue_length = 1024;   ///< requests waiting for a thread of one lane; more are answered with 503

  /// How many of the application's calls run at once, at most.
  std::size_t threads() const noexcept { return io_threads + waiting_threads + upload_threads + heavy_threads; }

  std::size_t max_connections = 10'000;
  std::size_t max_head_bytes = 32UL * 1024;  ///< request line and headers
  std::size_t max_header_count = 100;
  std::size_t max_target_bytes = 8UL * 1024;
  std::size_t buffer_bytes = 256UL * 1024;  ///< of a streamed body, and of answers not yet taken by the client

  std::chrono::milliseconds head_timeout{5'000};  ///< from a request's first byte to the end of its head
  std::chrono::milliseconds request_timeout{
      30'000};                                      ///< for its body, lengthened by what `min_bytes_per_second` grants
  std::chrono::milliseconds idle_timeout{15'000};   ///< between requests
  std::chrono::milliseconds write_timeout{10'000};  ///< a client that takes nothing for so long is cut off
  std::chrono::milliseconds linger_timeout{1'000};  ///< for the client to read the last answer and close
  std::size_t min_bytes_per_second = 4UL * 1024;    ///< slower clients, sending or receiving, run out of time
};

}  // namespace lms::http1
