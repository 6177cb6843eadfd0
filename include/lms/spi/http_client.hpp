#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lms/export.hpp>

namespace lms {

/// Header fields in the order they stand.
using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string url;     ///< http or https, with a host, without user and password; sent as it stands
  HttpFields headers;  ///< without Host, Content-Length and whatever else belongs to the connection
  std::string body;
  std::chrono::milliseconds timeout{30'000};  ///< for everything, from the look-up of the name to the last byte
  std::size_t max_response = 1024 * 1024;     ///< bytes of the body; a longer answer is given up
  std::stop_token stop = {};                  ///< gives up when it is asked to stop
};

struct HttpResponse {
  int status = 0;
  HttpFields headers;
  std::string body;

  /// The first field of that name, blind to ASCII case; null if there is none.
  LMS_API const std::string* header(std::string_view name) const noexcept;
};

/// Asks other servers. Every answer is a response, whatever its status; redirects are not followed. Thread-safe.
class LMS_API HttpClient {
 public:
  virtual ~HttpClient();

  /// @throws Error invalid for a request that cannot be sent: an odd method, a URL that is none, a line break in a
  ///   header. unavailable if there is no answer: `host_unknown`, `host_unreachable`, `address_refused`, `tls_failed`,
  ///   `request_timeout`, `response_too_large`, `connection_broken`, `request_stopped`. The message names host and port
  ///   and the cause, and shows nothing else of the request, which may hold secrets.
  HttpResponse send(const HttpRequest& request);

 private:
  /// Gets only what can be sent.
  virtual HttpResponse perform(const HttpRequest& request) = 0;
};

/// Whether an address, in text and without brackets, is one of the public internet: not of this machine, a private
/// network, a link, a group, or kept for examples and trials. IPv4 in IPv6 (mapped, NAT64) counts as what it stands
/// for. What is no address is not public.
LMS_API bool is_public_address(std::string_view address);

}  // namespace lms
