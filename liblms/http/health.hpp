#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/health.hpp>
#include <lms/router.hpp>
#include <lms/spi/clock.hpp>
#include <lms/value.hpp>

namespace lms {

/// What the routes of health and metrics tell of, and to whom. Everything outlives the router.
struct HealthSources {
  std::vector<HealthPart> parts;  ///< the storage first
  std::function<bool()> is_stopping;
  const Clock& clock;
  std::string version;
  std::function<std::int64_t()> active_tasks;                           ///< jobs at work now
  std::function<std::optional<std::string>()> metrics;                  ///< their text; none if nothing is counted
  std::function<bool(const Call&)> is_admin;                            ///< whether the call has the token of an admin
  std::string metrics_token;                                            ///< lets in as an admin's does; empty: none
  std::function<void(const HealthPart&, std::string_view cause)> tell;  ///< that a part does not answer
};

/// For load balancers, container platforms and monitors: whether the process answers at all (`/health`,
/// `/health/live`, `/health/ping`), whether it can do its work (`/ready`, `/health/ready`, `/api/healthcheck`), and for
/// admins and the metrics token with which numbers (`/health/detailed`); and the metrics (`/metrics`,
/// `/health/metrics`).
void add_health_routes(Router& router, const HealthSources& sources);

}  // namespace lms
