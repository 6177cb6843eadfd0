#include "http/health.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <memory>
#include <utility>

#include "base/crypto.hpp"
#include "http/header_text.hpp"

namespace lms {

namespace {

constexpr std::string_view readable_by_prometheus = "text/plain; version=0.0.4; charset=utf-8";

struct Health {
  std::string status = "healthy";

  static const Schema& schema() {
    static const Schema schema = define<Health>("Health", "Whether the server answers.")
                                     .field("status", &Health::status, {.doc = "`healthy`", .example = "healthy"});
    return schema;
  }
};

/// How a part has answered.
struct Answered {
  bool ok = false;
  double milliseconds = 0;
};

class Monitor {
 public:
  explicit Monitor(HealthSources sources) : sources_(std::move(sources)), started_(sources_.clock.now()) {}

  const HealthSources& sources() const { return sources_; }
  /// Whether parts other than the storage may make a probe wait.
  bool waits() const { return sources_.parts.size() > 1; }

  /// The mean of so many pings; the first that fails is the last.
  Answered ask(const HealthPart& part, int pings) const {
    const auto before = std::chrono::steady_clock::now();
    try {
      for (int i = 0; i < pings; ++i) part.ping();
    } catch (const std::exception& error) {
      sources_.tell(part, error.what());
      return {};
    }
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - before;
    return {.ok = true, .milliseconds = std::round(took.count() / pings * 1'000) / 1'000};
  }

  /// `{status, database, redis}`: for everybody.
  http::Response readiness() const {
    bool ready = !sources_.is_stopping();
    Object parts;
    for (const HealthPart& part : sources_.parts) {
      const bool ok = ask(part, 1).ok;
      ready = ready && (ok || !part.needed);
      parts.append(part.name, ok ? "connected" : "unavailable");
    }
    Object body{{"status", ready ? "ready" : "not_ready"}};
    for (const auto& [name, state] : parts) body.append(name, state);
    return answer(ready, std::move(body));
  }

  /// `{status, timestamp}`, and with `details` what each part and the process are doing.
  http::Response report(bool details) const {
    constexpr int pings = 3;
    bool healthy = !sources_.is_stopping();
    Object checks;
    for (const HealthPart& part : sources_.parts) {
      const Answered answered = ask(part, details ? pings : 1);
      healthy = healthy && (answered.ok || !part.needed);
      Object check{{"status", answered.ok ? "ok" : "error"}, {"needed", part.needed}};
      if (answered.ok) check.append("latency_ms", answered.milliseconds);
      checks.append(part.name, std::move(check));
    }
    const Time now = sources_.clock.now();
    Object body{{"status", healthy ? "healthy" : "unhealthy"}};
    if (details) {
      checks.append("tasks", Object{{"status", "ok"}, {"active_tasks", sources_.active_tasks()}});
      checks.append("uptime", uptime(now));
      body.append("checks", std::move(checks));
      body.append("version", sources_.version);
    }
    body.append("timestamp", to_iso8601(now));
    return answer(healthy, std::move(body));
  }

  /// Whether the call may see numbers.
  bool may_see(const Call& call) const {
    const std::string& token = sources_.metrics_token;
    if (const auto bearer = bearer_token(call.request().headers);
        !token.empty() && bearer && constant_time_equal(*bearer, token))
      return true;
    return sources_.is_admin(call);
  }

 private:
  /// Has what a probe looks for, and the members of an error, as every 503.
  static http::Response answer(bool good, Object body) {
    if (good) return json_response(200, std::move(body));
    body.append("detail", "The school cannot do its work now.");
    body.append("code", "not_ready");
    http::Response response = json_response(503, std::move(body));
    response.headers.add("Retry-After", "1");
    return response;
  }

  /// `{"seconds": 90061, "human": "1d 1h"}`
  Object uptime(Time now) const {
    const std::int64_t seconds =
        std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(now - started_).count());
    const std::int64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
    const auto both = [](std::int64_t large, const char* unit, std::int64_t small, const char* part) {
      return std::to_string(large) + unit + " " + std::to_string(small) + part;
    };
    std::string human = std::to_string(seconds) + "s";
    if (minutes > 0) human = both(minutes, "m", seconds % 60, "s");
    if (hours > 0) human = both(hours, "h", minutes % 60, "m");
    if (days > 0) human = both(days, "d", hours % 24, "h");
    return {{"seconds", seconds}, {"human", std::move(human)}};
  }

  const HealthSources sources_;
  const Time started_;
};

Error token_needed() {
  return unauthenticated("metrics_token_required", "Send the metrics token, or that of an admin.");
}

Route probe(std::string path, std::string operation, std::string summary) {
  return {.method = http::Method::get,
          .path = std::move(path),
          .operation = std::move(operation),
          .tag = "health",
          .summary = std::move(summary),
          .allow = Anyone{},
          .output_mode = Output::free,
          .absolute = true,
          .ignores_token = true,
          .unlimited = true,
          .any_host = true};
}

Route alive(std::string path, std::string operation, std::string summary) {
  Route route = probe(std::move(path), std::move(operation), std::move(summary));
  route.weight = Weight::none;
  route.output_mode = Output::one;
  route.output = &Health::schema();
  route.handler = [](Call&) { return ok(Health()); };
  return route;
}

}  // namespace

void add_health_routes(Router& router, const HealthSources& sources) {
  const auto monitor = std::make_shared<const Monitor>(sources);
  const Weight asks = monitor->waits() ? Weight::wait : Weight::read;
  const RouteError not_ready{ErrorCode::unavailable, "not_ready",
                             "Something that the school needs does not answer, or the server is stopping."};
  const RouteError token_missing{ErrorCode::unauthenticated, "metrics_token_required",
                                 "The metrics token, or an admin's, is missing."};
  router.describe_tag("health", "For load balancers, container platforms and monitors.");

  const auto add_ready = [&](Route route) {
    route.weight = asks;
    route.errors = {not_ready};
    route.handler = [monitor](Call&) { return monitor->readiness(); };
    router.add(std::move(route));
  };
  const auto add_metrics = [&](Route route, bool always_guarded) {
    route.weight = Weight::wait;
    route.errors = {token_missing, {ErrorCode::not_found, "no_metrics", "This school counts nothing."}};
    route.handler = [monitor, always_guarded](Call& call) {
      const bool is_guarded = always_guarded || !monitor->sources().metrics_token.empty();
      if (is_guarded && !monitor->may_see(call)) throw token_needed();
      auto text = monitor->sources().metrics();
      if (!text) throw not_found("no_metrics", "This school counts nothing.");
      return http::Response{
          .status = 200, .headers = {{"Content-Type", std::string(readable_by_prometheus)}}, .body = *std::move(text)};
    };
    router.add(std::move(route));
  };

  router.add(alive("/health", "getHealthAtRoot", "Whether the server answers"));
  router.add(alive("/health/ping", "ping", "Whether the server answers, for load balancers"));
  router.add(alive("/health/live", "getLiveness", "Whether the server answers, for container platforms"));
  add_ready(probe("/ready", "getReadinessAtRoot", "Whether the server can do its work"));
  add_ready(probe("/health/ready", "getReadinessForPlatforms", "Whether the server can do its work"));
  if (!router.prefix().empty()) {
    Route health = alive("/health", "getHealth", "Whether the server answers");
    health.absolute = false;
    router.add(std::move(health));
    Route ready = probe("/ready", "getReadiness", "Whether the server can do its work");
    ready.absolute = false;
    add_ready(std::move(ready));
  }

  Route check =
      probe("/api/healthcheck", "getHealthCheck", "Whether the server can do its work, with numbers for admins");
  check.weight = Weight::wait;
  check.errors = {not_ready};
  check.handler = [monitor](Call& call) { return monitor->report(monitor->may_see(call)); };
  router.add(std::move(check));

  Route detailed = probe("/health/detailed", "getDetailedHealth", "How the parts of the school answer");
  detailed.weight = Weight::wait;
  detailed.errors = {not_ready, token_missing};
  detailed.handler = [monitor](Call& call) {
    if (!monitor->may_see(call)) throw token_needed();
    return monitor->report(true);
  };
  router.add(std::move(detailed));

  add_metrics(probe("/metrics", "getMetrics", "Numbers for Prometheus"), false);
  add_metrics(
      probe("/health/metrics", "getMetricsForAdmins", "Numbers for Prometheus, for admins and the metrics token"),
      true);
}

}  // namespace lms
