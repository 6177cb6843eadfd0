#include "admin/rate_limit_routes.hpp"

namespace lms {

void add_rate_limit_routes(Router& router, RateLimits& limits) {
  using enum http::Method;
  const RouteError admin_required{ErrorCode::forbidden, "admin_required", "Only an admin may do this."};
  const std::vector<TextParameter> key{{"key", "A client: `ip:192.0.2.1`, `user:` and the id of a user."}};

  router.add({.method = get,
              .path = "/admin/rate-limits",
              .operation = "getRateLimits",
              .tag = "admin",
              .summary = "What the rate limiter has done since the start",
              .output = &RateLimitStatistics::schema(),
              .errors = {admin_required},
              .handler = [&](Call& call) { return ok(limits.statistics(call.who())); }});

  router.add({.method = get,
              .path = "/admin/rate-limits/{key}",
              .operation = "getRateLimitsOfClient",
              .tag = "admin",
              .summary = "Where a client stands under each rule it has asked under",
              .output_mode = Output::items,
              .output = &RateLimitStatus::schema(),
              .errors = {admin_required},
              .text_params = key,
              .handler = [&](Call& call) { return ok(limits.status(call.who(), call.path("key"))); }});

  router.add(
      {.method = del,
       .path = "/admin/rate-limits/{key}",
       .operation = "clearRateLimitsOfClient",
       .tag = "admin",
       .summary = "Forget what a client has asked, and let it in again",
       .output_mode = Output::nothing,
       .status = 204,
       .errors = {admin_required, {ErrorCode::not_found, "client_not_found", "Nothing is remembered of this client."}},
       .text_params = key,
       .handler = [&](Call& call) {
         limits.clear(call.who(), call.path("key"));
         return no_content();
       }});
}

}  // namespace lms
