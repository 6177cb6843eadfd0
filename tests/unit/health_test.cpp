#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <lms/error.hpp>
#include <lms/testing/fake_clock.hpp>

#include "support/health_sources.hpp"

using namespace lms;

namespace {

const Time start = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1};
const std::string metrics_token = "a token for monitors";

/// A school whose parts can be out.
struct Watched {
  Watched() {
    HealthSources sources = test::health_sources(clock);
    const auto made_of = [](std::string name, bool needed, const bool& out) {
      return HealthPart{.name = std::move(name), .needed = needed, .ping = [&out] {
                          if (out) throw std::runtime_error("it is out");
                        }};
    };
    sources.parts = {made_of("database", true, database_out), made_of("redis", false, redis_out)};
    sources.is_stopping = [this] { return stopping; };
    sources.active_tasks = [] { return 5; };
    sources.metrics = [] { return std::optional<std::string>("lms_things 1\n"); };
    sources.is_admin = [](const Call& call) {
      const std::string* field = call.request().headers.find("Authorization");
      return field && *field == "Bearer admin";
    };
    sources.metrics_token = metrics_token;
    sources.tell = [this](const HealthPart& part, std::string_view cause) {
      told.push_back(part.name + ": " + std::string(cause));
    };
    add_health_routes(router, sources);
  }

  http::Response ask(std::string_view path, const std::string& bearer = "") {
    const Router::Match match = router.match(http::Method::get, path);
    REQUIRE(match.route);
    http::Request request{.method = http::Method::get, .target = std::string(path), .headers = {}, .body = {}};
    if (!bearer.empty()) request.headers.add("Authorization", "Bearer " + bearer);
    Call call(request, Principal::anonymous());
    return match.route->handler(call);
  }
  std::string text(std::string_view path, const std::string& bearer = "") {
    return std::get<std::string>(ask(path, bearer).body);
  }
  Value json(std::string_view path, const std::string& bearer = "") { return parse_json(text(path, bearer)); }

  bool database_out = false, redis_out = false, stopping = false;
  std::vector<std::string> told;
  testing::FakeClock clock{start};
  Router router{"/api/v1"};
};

}  // namespace

TEST_CASE("whether it lives is told to anybody, whatever is out") {
  Watched school;
  school.database_out = school.stopping = true;
  for (const char* path : {"/health", "/health/", "/api/v1/health", "/health/ping", "/health/live"})
    CHECK(school.text(path) == R"({"status":"healthy"})");
}

TEST_CASE("it is ready as long as what it needs answers") {
  Watched school;
  for (const char* path : {"/ready", "/ready/", "/api/v1/ready", "/health/ready"}) {
    school.redis_out = school.database_out = false;
    CHECK(school.text(path) == R"({"status":"ready","database":"connected","redis":"connected"})");
    school.redis_out = true;
    CHECK(school.ask(path).status == 200);
    CHECK(school.text(path) == R"({"status":"ready","database":"connected","redis":"unavailable"})");
    school.database_out = true;
    const auto response = school.ask(path);
    CHECK(response.status == 503);
    CHECK(*response.headers.find("Retry-After") == "1");
    CHECK(school.json(path)["status"] == Value("not_ready"));
    CHECK(school.json(path)["database"] == Value("unavailable"));
    CHECK(school.json(path)["code"] == Value("not_ready"));
    CHECK(school.text(path).find("it is out") == std::string::npos);
  }
  CHECK(school.told.back() == "redis: it is out");
  school.database_out = false;
  CHECK(school.ask("/ready").status == 200);
  school.stopping = true;
  CHECK(school.ask("/ready").status == 503);
}

TEST_CASE("numbers of health are for admins and the metrics token") {
  Watched school;
  school.clock.advance(std::chrono::hours{25});
  CHECK(school.text("/api/healthcheck/") == R"({"status":"healthy","timestamp":"2026-01-02T01:00:00Z"})");
  for (const std::string& bearer : {std::string("admin"), metrics_token}) {
    for (const char* path : {"/api/healthcheck/", "/health/detailed"}) {
      const Value report = school.json(path, bearer);
      CHECK(report["status"] == Value("healthy"));
      CHECK(report["checks"]["database"]["status"] == Value("ok"));
      CHECK(report["checks"]["database"]["latency_ms"].is_number());
      CHECK(report["checks"]["tasks"]["active_tasks"] == Value(5));
      CHECK(report["checks"]["uptime"]["seconds"] == Value(90'000));
      CHECK(report["checks"]["uptime"]["human"] == Value("1d 1h"));
      CHECK(report["version"] == Value("1.2.3"));
    }
  }
  for (const char* bearer : {"", "student", "a token for monitor", "a token for monitorss"}) {
    CHECK(school.json("/api/healthcheck", bearer).as_object().size() == 2);
    for (const char* path : {"/health/detailed", "/metrics", "/health/metrics"}) {
      try {
        school.ask(path, bearer);
        FAIL("it was let in");
      } catch (const Error& error) {
        CHECK(error.reason() == "metrics_token_required");
      }
    }
  }
  school.database_out = true;
  CHECK(school.ask("/api/healthcheck").status == 503);
  CHECK(school.json("/api/healthcheck", "admin")["checks"]["database"]["status"] == Value("error"));
  CHECK(school.json("/api/healthcheck", "admin")["checks"]["redis"]["status"] == Value("ok"));
}

TEST_CASE("metrics are read by the token") {
  Watched school;
  const auto response = school.ask("/metrics", metrics_token);
  CHECK(std::get<std::string>(response.body) == "lms_things 1\n");
  CHECK(*response.headers.find("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(school.text("/health/metrics", "admin") == "lms_things 1\n");
}

TEST_CASE("without a token the metrics are open, and there may be none") {
  Router router("/api/v1");
  const testing::FakeClock clock{start};
  add_health_routes(router, test::health_sources(clock));
  const http::Request request{.method = http::Method::get, .target = "/metrics", .headers = {}, .body = {}};
  Call call(request, Principal::anonymous());
  try {
    router.match(http::Method::get, "/metrics").route->handler(call);
    FAIL("there are none");
  } catch (const Error& error) {
    CHECK(error.reason() == "no_metrics");
  }
}
