#include "http/cors.hpp"

#include <algorithm>

#include <lms/error.hpp>

#include "http/problem.hpp"

namespace lms {

namespace {

constexpr const char* request_headers =
    "Accept, Accept-Language, Authorization, Content-Language, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
    "X-Request-ID";
constexpr const char* answer_headers =
    "Accept, Allow, ETag, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-RateLimit-Limit, "
    "X-RateLimit-Remaining, X-RateLimit-Reset, X-RateLimit-Window, X-Request-ID, X-Response-Time";

}  // namespace

Cors::Cors(const Settings& settings)
    : origins_(settings.cors_origins),
      any_origin_(std::find(origins_.begin(), origins_.end(), "*") != origins_.end()),
      credentials_(settings.cors_allow_credentials) {
  if (any_origin_ && credentials_)
    throw invalid({"CORS_ALLOW_CREDENTIALS"},
                  "CORS_ALLOW_CREDENTIALS needs the origins named in CORS_ORIGINS, not `*`, which browsers refuse then",
                  "value_error.setting");
}

bool Cors::is_preflight(const http::Request& request) const {
  return !origins_.empty() && request.method == http::Method::options && request.headers.find("Origin") &&
         request.headers.find("Access-Control-Request-Method");
}

http::Response Cors::answer_preflight(const http::Request& request, const std::vector<http::Method>& methods) const {
  if (!allows(request.headers))
    throw Problem{.status = 403,
                  .reason = "origin_not_allowed",
                  .message = "Pages of this origin may not call the API. CORS_ORIGINS names those that may."};
  std::string names;
  for (const http::Method method : methods) names.append(names.empty() ? "" : ", ").append(http::name(method));
  return {.status = 204,
          .headers = {{"Access-Control-Allow-Methods", names},
                      {"Access-Control-Allow-Headers", request_headers},
                      {"Access-Control-Max-Age", "600"}},
          .body = {}};
}

void Cors::add_headers(const http::Request& request, http::Headers& answer) const {
  if (origins_.empty()) return;
  if (!any_origin_) answer.add("Vary", "Origin");
  if (!allows(request.headers)) return;
  answer.add("Access-Control-Allow-Origin", any_origin_ ? "*" : *request.headers.find("Origin"));
  if (credentials_) answer.add("Access-Control-Allow-Credentials", "true");
  if (request.method != http::Method::options) answer.add("Access-Control-Expose-Headers", answer_headers);
}

bool Cors::allows(const http::Headers& headers) const {
  const std::string* origin = headers.find("Origin");
  if (!origin || headers.count("Origin") > 1) return false;
  return any_origin_ || std::find(origins_.begin(), origins_.end(), *origin) != origins_.end();
}

}  // namespace lms
