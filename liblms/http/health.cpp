#include "http/health.hpp"

#include <utility>

namespace lms {

namespace {

struct Health {
  std::string status = "healthy";

  static const Schema& schema() {
    static const Schema schema = define<Health>("Health", "Whether the server answers.")
                                     .field("status", &Health::status, {.doc = "`healthy`", .example = "healthy"});
    return schema;
  }
};

struct Readiness {
  std::string status = "ready";
  std::string database = "connected";

  static const Schema& schema() {
    static const Schema schema =
        define<Readiness>("Readiness", "Whether the server can do its work.")
            .field("status", &Readiness::status, {.doc = "`ready`", .example = "ready"})
            .field("database", &Readiness::database, {.doc = "`connected`", .example = "connected"});
    return schema;
  }
};

/// Has what a probe looks for, and the members of an error, as every 503.
http::Response not_ready() {
  auto response = json_response(503, Object{{"status", "not_ready"},
                                            {"database", "unavailable"},
                                            {"detail", "The school cannot do its work now."},
                                            {"code", "not_ready"}});
  response.headers.add("Retry-After", "1");
  return response;
}

Route probe(std::string path, std::string operation, std::string summary, bool absolute) {
  return {.method = http::Method::get,
          .path = std::move(path),
          .operation = std::move(operation),
          .tag = "health",
          .summary = std::move(summary),
          .allow = Anyone{},
          .absolute = absolute,
          .ignores_token = true,
          .unlimited = true,
          .any_host = true};
}

}  // namespace

void add_health_routes(Router& router, std::function<bool()> is_ready) {
  router.describe_tag("health", "For load balancers and container platforms.");
  for (const bool absolute : {true, false}) {
    if (!absolute && router.prefix().empty()) continue;
    const std::string suffix = absolute ? "AtRoot" : "";
    Route health = probe("/health", "getHealth" + suffix, "Whether the server answers", absolute);
    health.weight = Weight::none;
    health.output = &Health::schema();
    health.handler = [](Call&) { return ok(Health()); };
    router.add(std::move(health));

    Route ready = probe("/ready", "getReadiness" + suffix, "Whether the server can do its work", absolute);
    ready.output = &Readiness::schema();
    ready.errors = {{ErrorCode::unavailable, "not_ready", "The database does not answer, or the server is stopping."}};
    ready.handler = [is_ready](Call&) { return is_ready() ? ok(Readiness()) : not_ready(); };
    router.add(std::move(ready));
  }
}

}  // namespace lms
