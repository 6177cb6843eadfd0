#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include <lms/backends/vault.hpp>
#include <lms/error.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/fake_http_client.hpp>
#include <lms/testing/log_recorder.hpp>

namespace {

using namespace lms;
using namespace std::chrono_literals;

const std::string token = "hvs.tokentokentoken";

VaultOptions options() {
  VaultOptions made;
  made.url = "https://vault.example:8200";
  made.token = token;
  return made;
}

std::string kv(const std::string& data) {
  return R"({"request_id":"1","lease_id":"","renewable":false,"lease_duration":0,"data":{"data":)" + data +
         R"(,"metadata":{"created_time":"2026-01-01T00:00:00Z","destroyed":false,"version":3}},"auth":null})";
}

/// Code and reason of the error that an answer of Vault becomes.
std::string refusal(int status, const std::string& body = R"({"errors":["hvs.echoed"]})") {
  testing::FakeHttpClient client;
  client.answer(status, body);
  try {
    read_vault_secret(client, options());
    return "read";
  } catch (const Error& error) {
    std::string said = error.what();
    for (const Fault& fault : error.faults()) said += fault.message;
    CHECK(said.find("hvs.") == std::string::npos);
    CHECK(said.find("hidden") == std::string::npos);
    return std::string(name(error.code())) + " " + error.reason();
  }
}

struct Kept {
  testing::FakeHttpClient client;
  testing::FakeClock clock;
  testing::LogRecorder log;
  VaultTokenLease lease{client, options(), clock, log};

  void look_up(int ttl, bool renewable = true) {
    client.answer(200, R"({"data":{"ttl":)" + std::to_string(ttl) + R"(,"renewable":)" +
                           (renewable ? "true" : "false") + R"(,"policies":["default","lms"]}})");
  }
  void renewed(int lease_duration) {
    client.answer(200, R"({"auth":{"client_token":")" + token + R"(","lease_duration":)" +
                           std::to_string(lease_duration) + R"(,"renewable":true}})");
  }
  void unreachable() { client.fail(unavailable("host_unreachable", "https://vault.example:8200: nobody is there")); }

  /// Seconds until the next call; -1 for none.
  std::int64_t keep() {
    const auto next = lease.keep();
    return next ? std::chrono::duration_cast<std::chrono::seconds>(*next - clock.now()).count() : -1;
  }
  std::size_t told(LogLevel level) const {
    std::size_t count = 0;
    for (const auto& line : log.lines()) {
      CHECK(line.category == "security");
      CHECK(to_json(Value(line.fields)).find(token) == std::string::npos);
      count += line.level == level ? 1 : 0;
    }
    return count;
  }
};

}  // namespace

TEST_CASE("a secret of Vault is read with its token, and its values become text") {
  testing::FakeHttpClient client;
  client.answer(200, kv(R"({"SECRET_KEY":"hidden","PORT":8001,"DEBUG":false,"ALLOWED_HOSTS":["a","b"]})"));
  VaultOptions asked = options();
  asked.mount = "kv/school";
  asked.path = "north/lms";
  const auto values = read_vault_secret(client, asked);
  CHECK(values.size() == 4);
  CHECK(values.at("SECRET_KEY") == "hidden");
  CHECK(values.at("PORT") == "8001");
  CHECK(values.at("DEBUG") == "false");
  CHECK(values.at("ALLOWED_HOSTS") == R"(["a","b"])");

  REQUIRE(client.requests().size() == 1);
  const HttpRequest request = client.requests().front();
  CHECK(request.method == "GET");
  CHECK(request.url == "https://vault.example:8200/v1/kv/school/data/north/lms");
  CHECK(request.headers[0] == std::pair<std::string, std::string>("X-Vault-Token", token));
  for (const auto& [name, value] : request.headers) CHECK(name != "X-Vault-Namespace");

  asked.name_space = "school";
  client.answer(200, kv("{}"));
  CHECK(read_vault_secret(client, asked).empty());
  CHECK(client.requests().back().headers.back() == std::pair<std::string, std::string>("X-Vault-Namespace", "school"));
}

TEST_CASE("what Vault answers instead of a secret is told by its meaning, without its words") {
  CHECK(refusal(403) == "forbidden vault_refused");
  CHECK(refusal(400) == "forbidden vault_refused");
  CHECK(refusal(404) == "not_found vault_secret_missing");
  CHECK(refusal(404, R"({"data":{"data":null,"metadata":{"deletion_time":"2026-01-01T00:00:00Z"}}})") ==
        "not_found vault_secret_missing");
  for (const int status : {307, 412, 429, 500, 502, 503}) CHECK(refusal(status) == "unavailable vault_unavailable");
  for (const std::string body : {"", "<html>", "{}", R"({"data":{"SECRET_KEY":"hidden of version 1"}})"})
    CHECK(refusal(200, body).starts_with("invalid "));
  for (const std::string value : {"null", R"({"a":"hidden"})"})
    CHECK(refusal(200, kv(R"({"PORT":)" + value + "}")).starts_with("invalid "));
}

TEST_CASE("a Vault token is renewed before half of its lease is over") {
  Kept kept;
  kept.look_up(3600);
  CHECK(kept.keep() == 1200);
  CHECK(kept.keep() == 1200);
  CHECK(kept.client.requests().size() == 1);
  kept.clock.advance(1200s);
  kept.renewed(3600);
  CHECK(kept.keep() == 1200);
  kept.clock.advance(1200s);
  kept.renewed(7200);
  CHECK(kept.keep() == 2400);
  const auto requests = kept.client.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].method + " " + requests[0].url == "GET https://vault.example:8200/v1/auth/token/lookup-self");
  CHECK(requests[1].method + " " + requests[1].url == "POST https://vault.example:8200/v1/auth/token/renew-self");
  CHECK(kept.log.lines().empty());
}

TEST_CASE("a Vault token that never ends or cannot be renewed is left alone") {
  Kept root;
  root.look_up(0);
  CHECK(root.keep() == -1);
  CHECK(root.log.lines().empty());
  Kept batch;
  batch.look_up(3600, false);
  CHECK(batch.keep() == -1);
  CHECK(batch.log.has(LogLevel::warning, "the Vault token cannot be renewed"));
  CHECK(Value(batch.log.lines().at(0).fields)["ends_at"] == Value("2026-01-01T01:00:00Z"));
}

TEST_CASE("a Vault that is away is told of once, and asked again until the lease is over") {
  Kept kept;
  kept.unreachable();
  CHECK(kept.keep() == 60);
  kept.unreachable();
  CHECK(kept.keep() == 60);
  CHECK(kept.told(LogLevel::warning) == 1);
  kept.look_up(300);
  CHECK(kept.keep() == 100);
  CHECK(kept.told(LogLevel::info) == 1);

  kept.clock.advance(100s);
  kept.unreachable();
  CHECK(kept.keep() == 20);
  CHECK(kept.keep() == 20);
  kept.clock.advance(195s);
  kept.client.answer(503);
  CHECK(kept.keep() == 1);
  CHECK(kept.told(LogLevel::warning) == 2);
  kept.clock.advance(5s);
  kept.unreachable();
  CHECK(kept.keep() == -1);
  CHECK(kept.told(LogLevel::error) == 1);
}

TEST_CASE("a Vault token that is no longer good is told of and not used again") {
  Kept kept;
  kept.look_up(3600);
  kept.keep();
  kept.clock.advance(1200s);
  kept.client.answer(403);
  CHECK(kept.keep() == -1);
  CHECK(kept.log.has(LogLevel::error, "the Vault token can no longer be renewed"));
}

TEST_CASE("a Vault token that has reached its greatest age is told of") {
  Kept kept;
  kept.look_up(3600);
  kept.keep();
  kept.clock.advance(1200s);
  kept.renewed(3000);
  CHECK(kept.keep() == 1000);
  kept.clock.advance(1000s);
  kept.renewed(2000);
  CHECK(kept.keep() == -1);
  CHECK(kept.log.has(LogLevel::warning, "renewing the Vault token no longer prolongs it"));
}

TEST_CASE("a Vault lease that is asked to stop says nothing") {
  Kept kept;
  std::stop_source stop;
  stop.request_stop();
  kept.client.fail(unavailable("request_stopped", "given up"));
  CHECK_FALSE(kept.lease.keep(stop.get_token()));
  CHECK(kept.log.lines().empty());
}
