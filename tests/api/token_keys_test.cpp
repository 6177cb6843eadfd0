#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "support/keys.hpp"
#include "support/school.hpp"

using namespace lms;
using test::Answered;
using test::School;

namespace {

Settings settings_with_key(std::string_view pem, TokenAlgorithm algorithm) {
  Settings settings = School::quick_settings();
  settings.secret_key.clear();
  settings.algorithm = algorithm;
  settings.jwt_private_key = pem;
  return settings;
}

Answered keys_of(School& school, const std::string& host = "localhost") {
  http::Request request;
  request.target = "/.well-known/jwks.json";
  request.headers.add("Host", host);
  request.headers.add("Authorization", "Bearer nonsense");  // it is open to everybody, and looks at no token
  request.peer = "127.0.0.1";
  return school.send(std::move(request));
}

int status_of_me(School& school, const std::string& token) {
  return school.get("/users/me", token).status;
}

}  // namespace

TEST_CASE("the public keys are where the standard has them, and no secret among them") {
  School by_secret;
  const Answered none = keys_of(by_secret);
  CHECK(none.status == 200);
  CHECK(none.body["keys"] == Value(Array{}));

  Settings settings = settings_with_key(test::ed25519_pem, TokenAlgorithm::eddsa);
  settings.jwt_previous_keys = test::rsa_pem;
  settings.allowed_hosts = {"localhost"};
  School school(settings);
  const Answered answer = keys_of(school);
  CHECK(answer.status == 200);
  CHECK(*answer.headers.find("Cache-Control") == "public, max-age=900");
  CHECK(answer.headers.count("Cache-Control") == 1);
  const Array& keys = answer.body["keys"].as_array();
  REQUIRE(keys.size() == 2);
  CHECK(keys[0]["kid"] == Value("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
  CHECK(keys[1]["kty"] == Value("RSA"));
  for (const Value& key : keys)
    for (const char* hidden : {"d", "p", "q", "dp", "dq", "qi", "k"}) CHECK_FALSE(key.as_object().contains(hidden));

  CHECK(keys_of(school, "elsewhere.example").status == 400);
  CHECK(parse_json(school.lms.openapi())["paths"].as_object().contains("/.well-known/jwks.json"));
}

TEST_CASE("people stay signed in while the school moves from a secret to a key and back") {
  const std::shared_ptr<Storage> storage = open_memory_storage();
  Settings settings = School::quick_settings();
  const std::string secret = settings.secret_key;
  School before(settings, storage);
  const std::string by_secret = before.signed_in("ada@example.org");

  settings = settings_with_key(test::rsa_pem, TokenAlgorithm::rs256);
  settings.secret_key_previous = {secret};
  School during(settings, storage);
  const std::string by_key =
      during.post("/auth/login", Object{{"email", "ada@example.org"}, {"password", School::password}})
          .text("access_token");
  CHECK(status_of_me(during, by_secret) == 200);
  CHECK(status_of_me(during, by_key) == 200);
  CHECK(status_of_me(before, by_key) == 401);

  settings = School::quick_settings();
  settings.jwt_previous_keys = test::rsa_public_pem;
  School after(settings, storage);
  CHECK(status_of_me(after, by_secret) == 200);
  CHECK(status_of_me(after, by_key) == 200);

  settings.jwt_previous_keys.clear();
  School at_last(settings, storage);
  CHECK(status_of_me(at_last, by_key) == 401);
}

TEST_CASE("the lifetimes of tokens are settings") {
  Settings settings = School::quick_settings();
  settings.password_reset_token_lifetime = std::chrono::minutes{7};
  settings.email_verification_token_lifetime = std::chrono::minutes{8};
  settings.mfa_challenge_token_lifetime = std::chrono::minutes{9};
  School school(settings);
  const Tokens& tokens = school.lms.auth().tokens();
  CHECK(tokens.lifetime(TokenType::password_reset) == std::chrono::minutes{7});
  CHECK(tokens.lifetime(TokenType::email_verification) == std::chrono::minutes{8});
  CHECK(tokens.lifetime(TokenType::mfa_challenge) == std::chrono::minutes{9});
}

TEST_CASE("a host with a key of the wrong kind is told so") {
  CHECK_THROWS_AS(School(settings_with_key(test::ed25519_public_pem, TokenAlgorithm::eddsa)), Error);
  CHECK_THROWS_AS(School(settings_with_key("", TokenAlgorithm::rs256)), Error);
}
