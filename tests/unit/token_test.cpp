#include <doctest/doctest.h>

#include <string>
#include <variant>

#include <lms/error.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/seeded_random.hpp>
#include <lms/token.hpp>
#include <lms/value.hpp>

#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "support/keys.hpp"

using namespace lms;

namespace {

const std::string secret = "a key for tests, with more than 32 characters";

struct Office {
  explicit Office(TokenOptions options = with_secret()) : tokens(std::move(options), clock, random) {}

  static TokenOptions with_secret() {
    TokenOptions options;
    options.secret = secret;
    return options;
  }
  static TokenOptions with_key(std::string_view pem, TokenAlgorithm algorithm) {
    TokenOptions options;
    options.algorithm = algorithm;
    options.private_key = pem;
    return options;
  }

  testing::FakeClock clock;
  testing::SeededRandom random;
  Tokens tokens;
  UserId user{*Uuid::parse("018f3b5e-7a00-7000-8000-000000000001")};
};

bool takes(const Office& office, const std::string& token) {
  return std::holds_alternative<TokenClaims>(office.tokens.decode(token, TokenType::access));
}

/// A token with any header and payload, signed with the right key.
std::string signed_token(std::string_view header, std::string_view payload) {
  std::string text = to_base64url(header) + '.' + to_base64url(payload);
  return text + '.' + to_base64url(as_text(hmac_sha256(secret, text)));
}

std::string payload_of(std::string_view token) {
  const auto first = token.find('.'), last = token.rfind('.');
  return *from_base64url(token.substr(first + 1, last - first - 1));
}

TokenFault fault_of(const TokenVerdict& verdict) {
  REQUIRE(std::holds_alternative<TokenFault>(verdict));
  return std::get<TokenFault>(verdict);
}

}  // namespace

TEST_CASE("a token brings back what was put into it, whatever its type") {
  Office office;
  const SessionId session{*Uuid::parse("018f3b5e-7a00-7000-8000-00000000000a")};
  for (const TokenType type : {TokenType::access, TokenType::refresh, TokenType::password_reset,
                               TokenType::email_verification, TokenType::mfa_challenge}) {
    const auto issued = office.tokens.create(type, office.user, "instructor", session);
    const auto verdict = office.tokens.decode(issued.text, type);
    REQUIRE(std::holds_alternative<TokenClaims>(verdict));
    const auto& claims = std::get<TokenClaims>(verdict);
    CHECK(claims.subject == office.user);
    CHECK(claims.role == "instructor");
    CHECK(claims.id == issued.claims.id);
    CHECK(claims.session == session);
    CHECK(claims.expires_at - claims.issued_at == office.tokens.lifetime(type));
  }
}

TEST_CASE("the claims have the names of the standard, in whole seconds") {
  Office office;
  const Value payload = parse_json(payload_of(office.tokens.create_access_token(office.user, "student")));
  CHECK(payload["sub"] == Value("018f3b5e-7a00-7000-8000-000000000001"));
  CHECK(payload["role"] == Value("student"));
  CHECK(payload["typ"] == Value("access"));
  CHECK(payload["iat"] == Value(1'767'225'600));
  CHECK(payload["exp"] == Value(1'767'225'600 + 15 * 60));
  CHECK(payload["jti"].as_string().size() == 22);
  CHECK(payload["iss"].is_null());
}

TEST_CASE("a token is good until the second it expires, and for the leeway after it") {
  Office strict;
  const std::string token = strict.tokens.create_access_token(strict.user, "student");
  strict.clock.advance(std::chrono::minutes{15} - std::chrono::microseconds{1});
  CHECK(std::holds_alternative<TokenClaims>(strict.tokens.decode(token, TokenType::access)));
  strict.clock.advance(std::chrono::microseconds{1});
  CHECK(fault_of(strict.tokens.decode(token, TokenType::access)) == TokenFault::expired);

  TokenOptions options = Office::with_secret();
  options.leeway = std::chrono::seconds{30};
  Office lenient(options);
  lenient.clock.advance(std::chrono::minutes{15} + std::chrono::seconds{29});
  CHECK(std::holds_alternative<TokenClaims>(lenient.tokens.decode(token, TokenType::access)));
  lenient.clock.advance(std::chrono::seconds{1});
  CHECK(fault_of(lenient.tokens.decode(token, TokenType::access)) == TokenFault::expired);
}

TEST_CASE("a token from the future is refused") {
  Office office;
  office.clock.advance(std::chrono::hours{1});
  const std::string token = office.tokens.create_access_token(office.user, "student");
  office.clock.advance(-std::chrono::hours{1});
  CHECK(fault_of(office.tokens.decode(token, TokenType::access)) == TokenFault::not_yet_valid);
}

TEST_CASE("a token of one type is no token of another") {
  Office office;
  const std::string refresh = office.tokens.create_refresh_token(office.user);
  CHECK(fault_of(office.tokens.decode(refresh, TokenType::access)) == TokenFault::wrong_type);
  CHECK(fault_of(office.tokens.decode(office.tokens.create_mfa_challenge_token(office.user), TokenType::access)) ==
        TokenFault::wrong_type);
}

TEST_CASE("no algorithm but HS256 is accepted, however it is spelled") {
  Office office;
  const std::string payload = payload_of(office.tokens.create_access_token(office.user, "student"));
  CHECK(std::holds_alternative<TokenClaims>(
      office.tokens.decode(signed_token(R"({"typ":"JWT","alg":"HS256"})", payload), TokenType::access)));
  for (const char* header : {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"hs256"})", R"({"alg":"HS384"})",
                             R"({"alg":"RS256"})", R"({"alg":["HS256"]})", R"({"alg":null})", R"({})", R"("HS256")",
                             R"({"alg":"HS256","alg":"none"})", R"({"alg":"HS256","crit":["exp"]})"}) {
    CAPTURE(header);
    CHECK(fault_of(office.tokens.decode(signed_token(header, payload), TokenType::access)) == TokenFault::malformed);
  }
  const std::string unsigned_token = to_base64url(R"({"alg":"none"})") + '.' + to_base64url(payload) + '.';
  CHECK(fault_of(office.tokens.decode(unsigned_token, TokenType::access)) == TokenFault::malformed);
}

TEST_CASE("a changed byte anywhere spoils a token") {
  Office office;
  const std::string token = office.tokens.create_access_token(office.user, "student");
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CAPTURE(i);
    CHECK(std::holds_alternative<TokenFault>(office.tokens.decode(changed, TokenType::access)));
  }
  for (const std::string& odd : {std::string(), std::string("."), std::string(".."), token + ".", "." + token,
                                 token + "=", std::string(5'000, 'A'), token.substr(0, token.rfind('.'))}) {
    CAPTURE(odd);
    CHECK(std::holds_alternative<TokenFault>(office.tokens.decode(odd, TokenType::access)));
  }
}

TEST_CASE("a claim that is missing or of another type makes a token malformed") {
  Office office;
  const Value good = parse_json(payload_of(office.tokens.create_access_token(office.user, "student")));
  for (const char* name : {"sub", "jti", "typ", "iat", "exp"}) {
    CAPTURE(name);
    Object without = good.as_object();
    without.erase(name);
    CHECK(fault_of(office.tokens.decode(signed_token(R"({"alg":"HS256"})", to_json(without)), TokenType::access)) ==
          TokenFault::malformed);
    Object other = good.as_object();
    other.set(name, Array{});
    CHECK(fault_of(office.tokens.decode(signed_token(R"({"alg":"HS256"})", to_json(other)), TokenType::access)) ==
          TokenFault::malformed);
  }
  Object endless = good.as_object();
  endless.set("exp", INT64_MAX);
  CHECK(fault_of(office.tokens.decode(signed_token(R"({"alg":"HS256"})", to_json(endless)), TokenType::access)) ==
        TokenFault::malformed);
}

TEST_CASE("issuer and audience are checked when they are configured") {
  TokenOptions options = Office::with_secret();
  options.issuer = "https://school.example";
  options.audience = "lms";
  Office office(options);
  const std::string token = office.tokens.create_access_token(office.user, "student");
  CHECK(std::holds_alternative<TokenClaims>(office.tokens.decode(token, TokenType::access)));

  Office plain;
  CHECK(fault_of(office.tokens.decode(plain.tokens.create_access_token(plain.user, "student"), TokenType::access)) ==
        TokenFault::wrong_issuer);
  Object claims = parse_json(payload_of(token)).as_object();
  claims.set("aud", Array{"other", "lms"});
  CHECK(std::holds_alternative<TokenClaims>(
      office.tokens.decode(signed_token(R"({"alg":"HS256"})", to_json(claims)), TokenType::access)));
  claims.set("aud", Array{"other"});
  CHECK(fault_of(office.tokens.decode(signed_token(R"({"alg":"HS256"})", to_json(claims)), TokenType::access)) ==
        TokenFault::wrong_audience);
}

TEST_CASE("a short key is refused") {
  TokenOptions options;
  options.secret = "too short";
  testing::FakeClock clock;
  testing::SeededRandom random;
  CHECK_THROWS_AS(Tokens(options, clock, random), Error);
}

TEST_CASE("tokens are signed and read under every algorithm") {
  for (const TokenOptions& options : {Office::with_key(test::ed25519_pem, TokenAlgorithm::eddsa),
                                      Office::with_key(test::rsa_pem, TokenAlgorithm::rs256),
                                      Office::with_key(test::rsa_pkcs1_pem, TokenAlgorithm::rs256)}) {
    Office office(options);
    const std::string token = office.tokens.create_access_token(office.user, "student");
    CHECK(takes(office, token));
    for (std::size_t i = 0; i < token.size(); i += 5) {
      std::string changed = token;
      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      CAPTURE(i);
      CHECK_FALSE(takes(office, changed));
    }
    office.clock.advance(std::chrono::minutes{15});
    CHECK(fault_of(office.tokens.decode(token, TokenType::access)) == TokenFault::expired);
  }
}

TEST_CASE("from HS256 to EdDSA and back, no token is lost before its time") {
  Office first;
  const std::string by_secret = first.tokens.create_access_token(first.user, "student");

  TokenOptions options = Office::with_key(test::ed25519_pem, TokenAlgorithm::eddsa);
  options.previous_secrets = {secret};
  Office second(options);
  const std::string by_key = second.tokens.create_access_token(second.user, "student");
  CHECK(takes(second, by_secret));
  CHECK(takes(second, by_key));
  CHECK_FALSE(takes(first, by_key));

  for (const std::string_view pem : {test::ed25519_pem, test::ed25519_public_pem}) {
    options = Office::with_secret();
    options.previous_keys = pem;
    Office third(options);
    CHECK(takes(third, by_secret));
    CHECK(takes(third, by_key));
    CHECK(takes(first, third.tokens.create_access_token(third.user, "student")));
  }
}

TEST_CASE("under EdDSA and RS256 a secret verifies nothing unless it is named as a previous one") {
  Office plain;
  const std::string by_secret = plain.tokens.create_access_token(plain.user, "student");
  for (TokenOptions options : {Office::with_key(test::ed25519_pem, TokenAlgorithm::eddsa),
                               Office::with_key(test::rsa_pem, TokenAlgorithm::rs256)}) {
    options.secret = secret;
    Office office(options);
    CHECK(fault_of(office.tokens.decode(by_secret, TokenType::access)) == TokenFault::unknown_key);
  }
}

TEST_CASE("secrets and keys are changed without losing tokens") {
  const std::string other = "another key for tests, with more than 32 characters";
  Office old;
  TokenOptions options;
  options.secret = other;
  options.previous_secrets = {secret};
  Office office(options);
  CHECK(takes(office, old.tokens.create_access_token(old.user, "student")));
  CHECK(fault_of(old.tokens.decode(office.tokens.create_access_token(office.user, "student"), TokenType::access)) ==
        TokenFault::bad_signature);

  // The present key may stand among the others as well.
  options = Office::with_key(test::other_ed25519_pem, TokenAlgorithm::eddsa);
  options.previous_keys = std::string(test::ed25519_public_pem) + std::string(test::other_ed25519_public_pem) +
                          std::string(test::rsa_public_pem);
  Office next(options);
  Office former(Office::with_key(test::ed25519_pem, TokenAlgorithm::eddsa));
  Office oldest(Office::with_key(test::rsa_pem, TokenAlgorithm::rs256));
  CHECK(takes(next, former.tokens.create_access_token(former.user, "student")));
  CHECK(takes(next, oldest.tokens.create_access_token(oldest.user, "student")));
  const Value set = parse_json(next.tokens.jwks());
  REQUIRE(set["keys"].as_array().size() == 3);
  CHECK(set["keys"].as_array()[0]["x"] ==
        parse_json(Office(Office::with_key(test::other_ed25519_pem, TokenAlgorithm::eddsa)).tokens.jwks())["keys"]
            .as_array()[0]["x"]);
  CHECK(set["keys"].as_array()[2]["kty"] == Value("RSA"));
  CHECK(old.tokens.jwks() == R"({"keys":[]})");
}

TEST_CASE("keys that cannot sign or verify are refused when the tokens are set up") {
  testing::FakeClock clock;
  testing::SeededRandom random;
  TokenOptions bad_key = Office::with_key(test::ed25519_public_pem, TokenAlgorithm::eddsa);
  TokenOptions no_key = Office::with_key("", TokenAlgorithm::rs256);
  TokenOptions bad_previous = Office::with_secret();
  bad_previous.previous_keys = "no key";
  TokenOptions short_previous = Office::with_secret();
  short_previous.previous_secrets = {"too short"};
  TokenOptions public_secret;
  public_secret.secret = test::rsa_public_pem;
  for (const TokenOptions& options : {bad_key, no_key, bad_previous, short_previous, public_secret})
    CHECK_THROWS_AS(Tokens(options, clock, random), Error);
}
