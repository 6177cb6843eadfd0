#include <string>

#include <doctest/doctest.h>

#include <lms/testing/seeded_random.hpp>

#include "support/school.hpp"

using namespace lms;

namespace {

Settings with_front_end() {
  Settings settings = test::School::quick_settings();
  settings.cors_origins = {"https://learn.example.org", "http://localhost:3000"};
  return settings;
}

test::Answered ask(test::School& school, http::Method method, std::string path, http::Headers headers) {
  http::Request request;
  request.method = method;
  request.target = "/api/v1" + std::move(path);
  request.headers = std::move(headers);
  request.headers.add("Host", "localhost");
  request.peer = "127.0.0.1";
  return school.send(std::move(request));
}

http::Headers preflight(std::string origin, std::string method) {
  return {{"Origin", std::move(origin)},
          {"Access-Control-Request-Method", std::move(method)},
          {"Access-Control-Request-Headers", "authorization,content-type"}};
}

std::string header(const test::Answered& answered, std::string_view name) {
  const std::string* value = answered.headers.find(name);
  return value ? *value : "-";
}

}  // namespace

TEST_CASE("a page of an origin that was named may ask and read, whatever is answered") {
  test::School school(with_front_end());
  const auto asked = ask(school, http::Method::options, "/courses", preflight("https://learn.example.org", "POST"));
  CHECK(asked.status == 204);
  CHECK(header(asked, "Access-Control-Allow-Origin") == "https://learn.example.org");
  CHECK(header(asked, "Access-Control-Allow-Methods") == "GET, POST");
  CHECK(header(asked, "Access-Control-Allow-Headers").find("Authorization") != std::string::npos);
  CHECK(header(asked, "Access-Control-Max-Age") == "600");
  CHECK(header(asked, "Access-Control-Allow-Credentials") == "-");
  CHECK(header(asked, "Vary") == "Origin");
  for (const char* path : {"/courses", "/courses", "/users/me", "/nothing"}) {
    const auto answered = ask(school, http::Method::get, path, {{"Origin", "http://localhost:3000"}});
    CHECK(header(answered, "Access-Control-Allow-Origin") == "http://localhost:3000");
    CHECK(header(answered, "Access-Control-Expose-Headers").find("X-Request-ID") != std::string::npos);
    CHECK(header(answered, "Vary") == "Origin");
  }
}

TEST_CASE("a page of another origin is told no, and reads nothing") {
  test::School school(with_front_end());
  for (const char* origin :
       {"https://evil.example", "https://learn.example.org.evil.example", "https://learn.example.org:444",
        "http://learn.example.org", "https://LEARN.example.org", "null", "", "https://learn.example.org\t",
        "https://learn.example.org, https://evil.example"}) {
    CAPTURE(origin);
    const auto asked = ask(school, http::Method::options, "/courses", preflight(origin, "POST"));
    CHECK(asked.status == 403);
    CHECK(asked.code() == "origin_not_allowed");
    CHECK(header(asked, "Access-Control-Allow-Origin") == "-");
    const auto answered = ask(school, http::Method::get, "/courses", {{"Origin", origin}});
    CHECK(answered.status == 200);
    CHECK(header(answered, "Access-Control-Allow-Origin") == "-");
    CHECK(header(answered, "Vary") == "Origin");
  }
  const auto twice = ask(school, http::Method::get, "/courses",
                         {{"Origin", "https://learn.example.org"}, {"Origin", "https://learn.example.org"}});
  CHECK(header(twice, "Access-Control-Allow-Origin") == "-");
}

TEST_CASE("without CORS_ORIGINS nothing is said of it") {
  test::School school;
  const auto asked = ask(school, http::Method::options, "/courses", preflight("https://learn.example.org", "POST"));
  CHECK(asked.status == 204);
  CHECK(header(asked, "Allow") == "GET, HEAD, POST, OPTIONS");
  for (const auto& answered : {asked, ask(school, http::Method::get, "/courses", {{"Origin", "https://a.example"}})}) {
    CHECK(header(answered, "Access-Control-Allow-Origin") == "-");
    CHECK(header(answered, "Vary") == "-");
  }
}

TEST_CASE("any origin, or credentials, where the settings say so, but not both") {
  Settings settings = with_front_end();
  settings.cors_allow_credentials = true;
  test::School trusting(settings);
  CHECK(header(ask(trusting, http::Method::get, "/courses", {{"Origin", "http://localhost:3000"}}),
               "Access-Control-Allow-Credentials") == "true");
  settings.cors_origins = {"*"};
  CHECK_THROWS_AS(test::School{settings}, Error);
  settings.cors_allow_credentials = false;
  test::School open(settings);
  const auto answered = ask(open, http::Method::get, "/courses", {{"Origin", "https://anybody.example"}});
  CHECK(header(answered, "Access-Control-Allow-Origin") == "*");
  CHECK(header(answered, "Vary") == "-");

  testing::SeededRandom random;
  const auto faults = [&](EnvironmentVariables environment) {
    try {
      load_settings(environment, {}, random);
      return std::string();
    } catch (const Error& error) {
      return error.faults().at(0).message;
    }
  };
  CHECK(faults({{"CORS_ALLOWED_ORIGINS", "https://a.example,http://localhost:3000"}}).empty());
  CHECK(faults({{"CORS_ORIGINS", "*"}, {"CORS_ALLOW_CREDENTIALS", "true"}}).starts_with("CORS_ALLOW_CREDENTIALS"));
  for (const char* wrong :
       {"https://a.example/", "a.example", "https://A.example", "https://a.example/path", "ftp://a"})
    CHECK_MESSAGE(faults({{"CORS_ORIGINS", wrong}}).starts_with("CORS_ORIGINS"), wrong);
}

TEST_CASE("what a browser asks beforehand does not count as a request") {
  Settings settings = with_front_end();
  settings.rate_limit_enabled = true;
  settings.rate_limit_requests = 1;
  test::School school(settings);
  for (int i = 0; i < 5; ++i)
    CHECK(ask(school, http::Method::options, "/courses", preflight("https://learn.example.org", "GET")).status == 204);
  CHECK(ask(school, http::Method::get, "/courses", {{"Origin", "https://learn.example.org"}}).status == 200);
  const auto refused = ask(school, http::Method::get, "/courses", {{"Origin", "https://learn.example.org"}});
  CHECK(refused.status == 429);
  CHECK(header(refused, "Access-Control-Allow-Origin") == "https://learn.example.org");
}
