#pragma once

#include <string>
#include <vector>

#include <lms/http.hpp>

#include "base/ip_networks.hpp"

namespace lms {

/// Where a request comes from, seen through proxies. Thread-safe.
///
/// Only a trusted proxy is believed what it says of its own peer. `X-Forwarded-For` counts if it is there, `Forwarded`
/// (RFC 7239) otherwise: a proxy has to set or remove both.
class TrustedProxies {
 public:
  /// Addresses (`10.0.0.1`, `::1`) and ranges (`10.0.0.0/8`). @throws Error invalid for anything else.
  explicit TrustedProxies(const std::vector<std::string>& ranges);

  /// The address of the nearest hop that is no trusted proxy; the peer itself if it is none, or where a proxy sent
  /// something unreadable.
  std::string client_address(const http::Request& request) const;
  /// Whether the client speaks TLS: to us, or to a trusted proxy that says so (`X-Forwarded-Proto`, `proto=`).
  bool is_secure(const http::Request& request) const;

 private:
  bool trusts_peer(const http::Request& request) const;

  IpNetworks networks_;
};

}  // namespace lms
