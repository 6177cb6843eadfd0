#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <lms/testing/seeded_random.hpp>

#include "support/person.hpp"
#include "support/school.hpp"

using namespace lms;
using std::chrono::seconds;

namespace {

Settings limited() {
  Settings settings = test::School::quick_settings();
  settings.rate_limit_enabled = true;
  settings.rate_limit_penalties = false;
  settings.admin_email = "head@example.org";
  settings.admin_password = "a password of the head";
  return settings;
}

RateRule a_minute(std::int64_t limit) {
  return {.limit = limit, .window = seconds(60)};
}

test::Answered from(test::School& school, std::string address, std::string_view path, std::string_view token = {},
                    http::Method method = http::Method::get) {
  http::Request request;
  request.method = method;
  request.target = "/api/v1" + std::string(path);
  request.headers.add("Host", "localhost");
  if (!token.empty()) request.headers.add("Authorization", "Bearer " + std::string(token));
  request.peer = std::move(address);
  return school.send(std::move(request));
}

std::string header(const test::Answered& answered, std::string_view name) {
  const std::string* value = answered.headers.find(name);
  return value ? *value : "-";
}

std::string admin_token(test::School& school) {
  return std::get<Login>(school.lms.auth().login({"head@example.org", "a password of the head"}, {}))
      .tokens.access_token;
}

}  // namespace

TEST_CASE("a client may ask so often and no more, and is told where it stands") {
  Settings settings = limited();
  settings.rate_limit_requests = 3;
  test::School school(settings);
  for (const char* left : {"2", "1", "0"}) {
    const auto answered = school.get("/courses");
    CHECK(answered.status == 200);
    CHECK(header(answered, "X-RateLimit-Limit") == "3");
    CHECK(header(answered, "X-RateLimit-Remaining") == left);
    CHECK(header(answered, "X-RateLimit-Window") == "60");
    CHECK(header(answered, "RateLimit-Policy") == R"("default";q=3;w=60)");
    CHECK(header(answered, "RateLimit") == R"("default";r=)" + std::string(left) + ";t=68");
    CHECK(header(answered, "X-RateLimit-Reset") == "1767225668");
    CHECK(header(answered, "Retry-After") == "-");
  }
  const auto refused = school.get("/courses");
  CHECK(refused.status == 429);
  CHECK(refused.code() == "rate_limit_exceeded");
  CHECK(header(refused, "Retry-After") == "68");
  CHECK(header(refused, "X-RateLimit-Remaining") == "0");
  school.clock->advance(seconds(68));
  CHECK(school.get("/courses").status == 200);
}

TEST_CASE("every kind of request counts, probes do not") {
  Settings settings = limited();
  settings.rate_limit_requests = 4;
  test::School school(settings);
  CHECK(school.get("/nothing/here").status == 404);
  CHECK(school.get("/users/me", "a.bad.token").status == 401);
  CHECK(school.ask(http::Method::put, "/courses").status == 405);
  CHECK(school.get("/users/me").status == 401);
  for (const char* path : {"/nothing/here", "/users/me", "/courses"}) CHECK(school.get(path).status == 429);
  for (int i = 0; i < 20; ++i) {
    const auto probed = school.get("/health");
    CHECK(probed.status == 200);
    CHECK(header(probed, "X-RateLimit-Limit") == "-");
  }
}

TEST_CASE("a request that is first tried and then waited for counts once") {
  Settings settings = limited();
  settings.rate_limit_requests = 2;
  test::School school(settings);
  http::Request request;
  request.method = http::Method::post;
  request.target = "/api/v1/auth/logout";
  request.headers.add("Host", "localhost");
  request.headers.add("Authorization", "Bearer " + admin_token(school));
  request.peer = "127.0.0.1";
  CHECK_FALSE(school.lms.try_handle(request));
  CHECK(school.lms.handle(std::move(request)).status == 204);
  CHECK(header(school.get("/courses"), "X-RateLimit-Remaining") == "0");
}

TEST_CASE("clients are told apart by address, and those of IPv6 by network") {
  Settings settings = limited();
  settings.rate_limit_requests = 1;
  test::School school(settings);
  CHECK(from(school, "192.0.2.1", "/courses").status == 200);
  CHECK(from(school, "192.0.2.1", "/courses").status == 429);
  CHECK(from(school, "::ffff:192.0.2.1", "/courses").status == 429);
  CHECK(from(school, "192.0.2.2", "/courses").status == 200);
  CHECK(from(school, "2001:db8::1", "/courses").status == 200);
  CHECK(from(school, "2001:db8::ffff:1", "/courses").status == 429);
  CHECK(from(school, "2001:db8:0:1::1", "/courses").status == 200);
}

TEST_CASE("users count by themselves where the key mode says so, made-up tokens do not") {
  Settings settings = limited();
  settings.rate_limit_requests = 2;
  settings.rate_limit_key = RateLimitKey::user_or_ip;
  test::School school(settings);
  const std::string token = admin_token(school);
  CHECK(from(school, "192.0.2.1", "/users/me", token).status == 200);
  CHECK(from(school, "192.0.2.2", "/users/me", token).status == 200);
  CHECK(from(school, "192.0.2.3", "/users/me", token).status == 429);
  CHECK(from(school, "192.0.2.3", "/courses").status == 200);
  CHECK(from(school, "192.0.2.3", "/users/me", "lms_pat_made-up").status == 401);
  CHECK(from(school, "192.0.2.3", "/users/me", "lms_pat_another").status == 429);

  settings.rate_limit_key = RateLimitKey::user;
  settings.rate_limit_auth = a_minute(1);
  test::School by_user(settings);
  for (int i = 0; i < 5; ++i) CHECK(by_user.get("/courses").status == 200);
  CHECK(by_user.post("/auth/login", Object{{"email", "x@example.org"}, {"password", "wrong"}}).status == 401);
  CHECK(by_user.post("/auth/login", Object{{"email", "x@example.org"}, {"password", "wrong"}}).status == 429);
}

TEST_CASE("the rule of the longest path counts, in place of the default one and however the path is spelt") {
  Settings settings = limited();
  settings.rate_limit_auth = a_minute(2);
  settings.rate_limit_custom_rules = {{"/api/v1/courses", a_minute(50)}, {"/api/v1/courses/{id}", a_minute(7)}};
  test::School school(settings);
  CHECK(header(school.get("/courses"), "X-RateLimit-Limit") == "50");
  CHECK(header(school.get("/courses/absent"), "X-RateLimit-Limit") == "7");
  CHECK(header(school.get("/courses/absent/"), "X-RateLimit-Remaining") == "5");
  CHECK(header(school.get("/nothing"), "X-RateLimit-Limit") == "100");
  CHECK(header(school.get("/coursesofanother"), "X-RateLimit-Limit") == "100");
  const Object wrong{{"email", "x@example.org"}, {"password", "wrong"}};
  CHECK(header(school.post("/auth/login", wrong), "RateLimit-Policy") == R"("auth";q=2;w=60)");
  CHECK(school.post("/auth/login/", wrong).status == 401);
  CHECK(school.post("/auth/login", wrong).status == 429);
  CHECK(school.get("/courses").status == 200);
}

TEST_CASE("further scopes come on top, and the tightest is told") {
  Settings settings = limited();
  settings.rate_limit_global = a_minute(12);
  settings.rate_limit_address = a_minute(11);
  settings.anonymous_rate = a_minute(3);
  settings.user_rate = a_minute(6);
  settings.write_rate = a_minute(1);
  settings.rate_limit_roles = {{"admin", a_minute(5)}};
  test::School school(settings);
  const std::string token = admin_token(school);
  for (int i = 0; i < 3; ++i) CHECK(header(school.get("/courses"), "X-RateLimit-Limit") == "3");
  CHECK(school.get("/courses").status == 429);
  CHECK(header(school.get("/users/me", token), "RateLimit-Policy") == R"("role admin";q=5;w=60)");
  CHECK(school.ask(http::Method::patch, "/users/me", Object{{"full_name", "Head"}}, token).status == 200);
  const auto second = school.ask(http::Method::patch, "/users/me", Object{{"full_name", "Head"}}, token);
  CHECK(second.status == 429);
  CHECK(header(second, "RateLimit-Policy") == R"("write";q=1;w=60)");
  for (int i = 0; i < 3; ++i) CHECK(school.get("/users/me", token).status == 200);
  CHECK(school.get("/users/me", token).status == 429);
  for (int i = 0; i < 3; ++i) CHECK(from(school, "192.0.2.5", "/courses").status == 200);
  CHECK(header(from(school, "192.0.2.6", "/courses"), "RateLimit-Policy") == R"("global";q=12;w=60)");
  CHECK(from(school, "192.0.2.7", "/courses").status == 429);
}

TEST_CASE("the adaptive profile fills what is empty") {
  Settings settings = limited();
  settings.rate_limit_profile = RateLimitProfile::adaptive;
  settings.rate_limit_requests = 100'000;
  settings.write_rate = a_minute(7);
  CHECK(header(test::School(settings).get("/courses"), "RateLimit-Policy") == R"("anonymous";q=100;w=3600)");
  test::School school(settings);
  const std::string token = admin_token(school);
  CHECK(header(school.get("/users/me", token), "RateLimit-Policy") == R"("user";q=1000;w=3600)");
  CHECK(header(school.ask(http::Method::patch, "/users/me", Object{{"full_name", "A"}}, token), "X-RateLimit-Limit") ==
        "7");
  settings.debug = true;
  CHECK(header(test::School(settings).get("/courses"), "X-RateLimit-Limit") == "1000");
}

TEST_CASE("some addresses are not limited, and nothing is when it is switched off") {
  Settings settings = limited();
  settings.rate_limit_requests = 1;
  settings.rate_limit_allowed_ips = {"10.0.0.0/8"};
  test::School school(settings);
  for (int i = 0; i < 5; ++i) {
    const auto answered = from(school, "10.1.2.3", "/courses");
    CHECK(answered.status == 200);
    CHECK(header(answered, "RateLimit") == "-");
  }
  settings.rate_limit_enabled = false;
  test::School open(settings);
  for (int i = 0; i < 5; ++i) CHECK(open.get("/courses").status == 200);
}

TEST_CASE("what a stranger writes into X-Forwarded-For changes nothing") {
  Settings settings = limited();
  settings.rate_limit_requests = 1;
  test::School school(settings);
  for (int i = 0; i < 3; ++i) {
    http::Request request;
    request.target = "/api/v1/courses";
    request.headers = {{"Host", "localhost"}, {"X-Forwarded-For", "198.51.100." + std::to_string(i)}};
    request.peer = "192.0.2.1";
    CHECK(school.send(std::move(request)).status == (i == 0 ? 200 : 429));
  }
}

TEST_CASE("a client that breaks the rule is kept out, once told to the log") {
  Settings settings = limited();
  settings.rate_limit_penalties = true;
  settings.rate_limit_custom_rules = {{"/api/v1/courses", {.limit = 1, .window = seconds(1)}}};
  test::School school(settings);
  CHECK(school.get("/courses").status == 200);
  for (int i = 0; i < 10; ++i) CHECK(school.get("/courses").status == 429);
  CHECK(school.get("/auth/sessions").status == 429);
  const auto lines = school.log->lines();
  CHECK(std::count_if(lines.begin(), lines.end(),
                      [](const auto& line) { return line.message == "rate limit broken"; }) == 1);
}

TEST_CASE("admins see where a client stands, and let it in again") {
  Settings settings = limited();
  settings.rate_limit_requests = 3;
  settings.rate_limit_penalties = true;
  test::School school(settings);
  const std::string token = admin_token(school);
  const std::string path = "/admin/rate-limits/ip:192.0.2.1";
  for (int i = 0; i < 5; ++i) from(school, "192.0.2.1", "/courses");

  const auto standing = from(school, "10.0.0.1", path, token);
  REQUIRE(standing.status == 200);
  const Value& row = standing.body["items"].as_array().at(0);
  CHECK(row["rule"] == Value("default"));
  CHECK(row["limit"] == Value(3));
  CHECK(row["remaining"] == Value(0));
  CHECK(row["violations"] == Value(1));
  CHECK(row["blocked_for"] == Value(1));

  const auto numbers = from(school, "10.0.0.2", "/admin/rate-limits", token);
  CHECK(numbers.body["enabled"] == Value(true));
  CHECK(numbers.number("allowed") == 5);
  CHECK(numbers.number("refused") == 2);

  CHECK(from(school, "10.0.0.3", path, token, http::Method::del).status == 204);
  CHECK(from(school, "192.0.2.1", "/courses").status == 200);
  const auto unknown = from(school, "10.0.0.4", "/admin/rate-limits/ip:192.0.2.99", token, http::Method::del);
  CHECK(unknown.status == 404);
  CHECK(unknown.code() == "client_not_found");
  for (const char* wrong : {"192.0.2.1", "ip:nonsense", "user:", "user:ada"}) {
    CHECK(from(school, "10.0.0.5", "/admin/rate-limits/" + std::string(wrong), token).status == 422);
    school.lms.rate_limits().clear(Principal::system(), "ip:10.0.0.5");
  }
  CHECK(from(school, "10.0.0.6", path).status == 401);
}

TEST_CASE("admin operations may be kept to some addresses") {
  Settings settings = limited();
  settings.rate_limit_enabled = false;
  settings.admin_allowed_ips = {"10.0.0.0/8", "2001:db8::/32"};
  test::School school(settings);
  const std::string token = admin_token(school);
  CHECK(from(school, "10.1.2.3", "/admin/jobs", token).status == 200);
  CHECK(from(school, "2001:db8::1", "/admin/jobs", token).status == 200);
  const auto refused = from(school, "192.0.2.1", "/admin/jobs", token);
  CHECK(refused.status == 403);
  CHECK(refused.code() == "address_not_allowed");
  CHECK(from(school, "192.0.2.1", "/users/me", token).status == 200);
}

TEST_CASE("rates in settings are read, and nonsense is named") {
  testing::SeededRandom random;
  const auto loaded = [&](EnvironmentVariables environment) {
    environment["SECRET_KEY"] = "a key for tests, with more than 32 characters";
    return load_settings(environment, {}, random);
  };
  const Settings settings = loaded({{"RATE_LIMIT_AUTH", "5 per minute"},
                                    {"RATE_LIMIT_REQUESTS_PER_MINUTE", "70"},
                                    {"RATE_LIMIT_CUSTOM_RULES",
                                     R"({"/api/v1/courses": "9/hour",
                                         "/api/v1/users": {"limit": 4, "window": 10, "algorithm": "token_bucket", "burst": 8}})"}})
                                .settings;
  CHECK(settings.rate_limit_auth == a_minute(5));
  CHECK(settings.rate_limit_requests == 70);
  REQUIRE(settings.rate_limit_custom_rules.size() == 2);
  CHECK(settings.rate_limit_custom_rules[1].rule ==
        RateRule{.limit = 4, .window = seconds(10), .algorithm = RateAlgorithm::token_bucket, .burst = 8});
  for (const auto& [name, value] :
       EnvironmentVariables{{"RATE_LIMIT_AUTH", "lots"},
                            {"RATE_LIMIT_PER_MINUTE", "0"},
                            {"ANON_THROTTLE_RATE", "5/fortnight"},
                            {"RATE_LIMIT_ALLOWED_IPS", "everywhere"},
                            {"RATE_LIMIT_KEY_MODE", "cookie"},
                            {"RATE_LIMIT_ROLES", "{\"admin\": 5}"},
                            {"RATE_LIMIT_CUSTOM_RULES", "{\"/api\": {\"limit\": 5, \"burst\": 2}}"}}) {
    try {
      loaded({{name, value}});
      FAIL_CHECK(name);
    } catch (const Error& error) {
      CHECK(error.faults().at(0).message.find(name) != std::string::npos);
    }
  }
}
