#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <lms/export.hpp>
#include <lms/spi/http_client.hpp>

namespace lms {

struct HttpsOptions {
  std::string ca_file;  ///< PEM file of the only authorities that may vouch for a server; empty: the system's
  std::chrono::milliseconds connect_timeout{10'000};  ///< within that of the request
  /// Which addresses may be connected to, each as text: `192.0.2.1`, `2001:db8::1`. It is asked about the very address
  /// that a connection is about to be made to, once the name is looked up, so a name cannot lead elsewhere afterwards,
  /// nor can other spellings of an address. Of a name with several addresses those that are allowed are tried. Empty:
  /// all. `is_public_address` is one for addresses that strangers give. Must be thread-safe.
  std::function<bool(std::string_view address)> allow = {};
  /// Addresses of names that the system is not asked for.
  std::map<std::string, std::vector<std::string>> known_addresses = {};
  std::string user_agent = "liblms";
};

/// Talks HTTP/1.1, each request over a connection of its own, with TLS 1.2 or later, the server's certificate and name
/// checked, for https. Goes through no proxy, whatever the environment says. Answers come as they were sent, compressed
/// ones too. Raises no SIGPIPE and installs no signal handler. `request_timeout` and `stop` end everything but a
/// look-up of a name that the system is busy with.
/// @throws Error invalid if `ca_file` holds no certificates.
LMS_API std::unique_ptr<HttpClient> open_https_client(HttpsOptions options = {});

}  // namespace lms
