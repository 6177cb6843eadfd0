#pragma once

#include <string>
#include <vector>

#include <lms/http.hpp>
#include <lms/settings.hpp>

namespace lms {

/// Which pages of other origins may ask, as browsers want it said (the CORS protocol of the Fetch standard).
/// Thread-safe.
class Cors {
 public:
  /// @throws Error invalid if any origin may ask with credentials, which browsers refuse.
  explicit Cors(const Settings& settings);

  /// Whether a browser asks, before a request, if it may be sent. Never where no origin is allowed at all.
  bool is_preflight(const http::Request& request) const;
  /// The answer to that, for a path with these methods. @throws Problem 403 for an origin that may not ask.
  http::Response answer_preflight(const http::Request& request, const std::vector<http::Method>& methods) const;
  /// Adds what lets a page of the request's origin read the answer, if it may.
  void add_headers(const http::Request& request, http::Headers& answer) const;

 private:
  bool allows(const http::Headers& headers) const;

  std::vector<std::string> origins_;
  bool any_origin_;
  bool credentials_;
};

}  // namespace lms
