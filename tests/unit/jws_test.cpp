#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <lms/error.hpp>
#include <lms/schema.hpp>
#include <lms/value.hpp>

#include "auth/jws.hpp"
#include "base/crypto.hpp"
#include "base/encoding.hpp"
#include "support/keys.hpp"

using namespace lms;

namespace {

const std::string secret = "a key for tests, with more than 32 characters";

SigningKey key_in(std::string_view pem) {
  return read_keys("test", pem).at(0);
}
JwsKey named(std::string_view pem) {
  SigningKey key = key_in(pem);
  std::string kid = key.thumbprint();
  return {std::move(key), std::move(kid)};
}

std::string signing_input(std::string_view header, std::string_view payload = "text") {
  return to_base64url(header) + '.' + to_base64url(payload);
}
std::string signed_by(std::string_view pem, std::string_view header) {
  const std::string text = signing_input(header);
  return text + '.' + to_base64url(key_in(pem).sign(text));
}
std::string signed_by_secret(std::string_view key, std::string_view header) {
  const std::string text = signing_input(header);
  return text + '.' + to_base64url(as_text(hmac_sha256(key, text)));
}

std::string payload_of(const std::variant<std::string, TokenFault>& opened) {
  const auto* payload = std::get_if<std::string>(&opened);
  REQUIRE_MESSAGE(payload, "refused as " << name_of(std::get<TokenFault>(opened)));
  return *payload;
}
std::string_view fault_of(const std::variant<std::string, TokenFault>& opened) {
  const auto* fault = std::get_if<TokenFault>(&opened);
  return fault ? name_of(*fault) : "taken";
}

}  // namespace

TEST_CASE("RFC 7515 A.1 is verified, its white space in the header included") {
  const std::string key =
      *from_base64url("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  const JwsKeyRing keys({JwsKey::hs256(key)});
  CHECK(payload_of(keys.open("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
                             "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
                             "cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")) ==
        "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}");
}

TEST_CASE("what the first key signs, every ring that has the key takes") {
  for (const JwsKey& key : {JwsKey::hs256(secret), named(test::ed25519_pem), named(test::rsa_pem)}) {
    const std::string token = JwsKeyRing({key}).sign("any text");
    CHECK(payload_of(JwsKeyRing({key}).open(token)) == "any text");
    CHECK(payload_of(JwsKeyRing({named(test::other_ed25519_pem), key}).open(token)) == "any text");
    CHECK(fault_of(JwsKeyRing({named(test::other_ed25519_pem)}).open(token)) == "unknown_key");
  }
}

TEST_CASE("an asymmetric key names itself, a secret does not") {
  const auto header = [](const JwsKey& key) { return *from_base64url(key.header()); };
  CHECK(header(JwsKey::hs256(secret)) == R"({"alg":"HS256","typ":"JWT"})");
  CHECK(header(named(test::ed25519_pem)) ==
        R"({"alg":"EdDSA","typ":"JWT","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"})");
  CHECK_THROWS_AS(JwsKeyRing({JwsKey(key_in(test::ed25519_pem), "")}), Error);
}

TEST_CASE("the algorithm is the key's, never the token's") {
  const std::string ed_kid = key_in(test::ed25519_pem).thumbprint();
  const std::string rsa_kid = key_in(test::rsa_pem).thumbprint();
  const JwsKeyRing keys({named(test::ed25519_pem), named(test::rsa_public_pem)});
  const auto header = [](std::string_view alg, const std::string& kid) {
    return R"({"alg":")" + std::string(alg) + R"(","kid":")" + kid + "\"}";
  };
  CHECK(payload_of(keys.open(signed_by(test::ed25519_pem, header("EdDSA", ed_kid)))) == "text");
  CHECK(payload_of(keys.open(signed_by(test::rsa_pem, header("RS256", rsa_kid)))) == "text");
  CHECK(fault_of(keys.open(signed_by(test::ed25519_pem, header("RS256", ed_kid)))) == "malformed");
  CHECK(fault_of(keys.open(signed_by(test::ed25519_pem, header("RS256", rsa_kid)))) == "bad_signature");
  CHECK(fault_of(keys.open(signed_by(test::ed25519_pem, header("EdDSA", "")))) == "unknown_key");
  CHECK(fault_of(keys.open(signed_by(test::ed25519_pem, header("EdDSA", "another")))) == "unknown_key");
  CHECK(fault_of(keys.open(signed_by(test::ed25519_pem, R"({"alg":"EdDSA"})"))) == "malformed");

  // A public key is known to everybody, and is no secret in any of the forms somebody could take it in.
  const std::string raw = *from_base64url(key_in(test::ed25519_pem).public_jwk().find("x")->as_string());
  const std::string modulus = *from_base64url(key_in(test::rsa_pem).public_jwk().find("n")->as_string());
  const std::string ed_pem(test::ed25519_public_pem), rsa_pem(test::rsa_public_pem);
  for (const std::string& known : {raw, modulus, ed_pem, rsa_pem}) {
    CHECK(fault_of(keys.open(signed_by_secret(known, R"({"alg":"HS256","typ":"JWT"})"))) == "unknown_key");
    CHECK(fault_of(keys.open(signed_by_secret(known, header("HS256", ed_kid)))) == "malformed");
    CHECK(fault_of(keys.open(signed_by_secret(known, header("HS256", rsa_kid)))) == "malformed");
  }
  CHECK_THROWS_AS(JwsKey::hs256(ed_pem), Error);
  CHECK_THROWS_AS(JwsKey::hs256("under thirty-two characters"), Error);
}

TEST_CASE("a header brings no key along, asks for nothing special and is written in one way only") {
  const std::string kid = key_in(test::ed25519_pem).thumbprint();
  const JwsKeyRing keys({JwsKey::hs256(secret), named(test::ed25519_pem)});
  const std::string jwk = to_json(key_in(test::ed25519_pem).public_jwk());
  const std::string named_header = R"({"alg":"EdDSA","kid":")" + kid + '"';
  CHECK(payload_of(keys.open(signed_by(test::ed25519_pem, named_header + "}"))) == "text");
  CHECK(payload_of(keys.open(signed_by(test::ed25519_pem, named_header + R"(,"cty":"text"})"))) == "text");
  CHECK(payload_of(keys.open(signed_by_secret(secret, R"({ "typ" : "JWT" , "alg" : "HS256" })"))) == "text");
  for (const std::string more : {R"(,"crit":["exp"])", R"(,"crit":[],"b64":true)", R"(,"jku":"https://example.org/k")",
                                 R"(,"x5u":"https://example.org/k")", R"(,"x5c":[])", R"(,"jwk":null)"}) {
    CAPTURE(more);
    CHECK(fault_of(keys.open(signed_by(test::ed25519_pem, named_header + more + "}"))) == "malformed");
    CHECK(fault_of(keys.open(signed_by_secret(secret, R"({"alg":"HS256")" + more + "}"))) == "malformed");
  }
  CHECK(fault_of(keys.open(signed_by(test::ed25519_pem, named_header + R"(,"jwk":)" + jwk + "}"))) == "malformed");
  CHECK(fault_of(keys.open(signed_by(test::other_ed25519_pem, named_header + R"(,"jwk":)" + jwk + "}"))) ==
        "malformed");
  for (const char* header :
       {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"hs256"})", R"({"alg":"HS384"})", R"({"alg":["HS256"]})",
        R"({"alg":"HS256","alg":"HS256"})", R"({"alg":"HS256","kid":null})", R"({"alg":"HS256","kid":7})",
        R"({"kid":"a"})", R"(["HS256"])", R"("HS256")", "", "null", R"({"alg":"HS256"} x)"}) {
    CAPTURE(header);
    CHECK(fault_of(keys.open(signed_by_secret(secret, header))) == "malformed");
  }
  CHECK(fault_of(keys.open(signed_by_secret(secret, R"({"alg":"HS256","kid":""})"))) == "unknown_key");
}

TEST_CASE("base64url has one spelling, and a token three parts") {
  const JwsKeyRing keys({JwsKey::hs256(secret)});
  const std::string token = keys.sign("four");  // its payload's last character has bits that mean nothing
  CHECK(payload_of(keys.open(token)) == "four");
  const auto resigned = [&](const std::string& text) {
    return text + '.' + to_base64url(as_text(hmac_sha256(secret, text)));
  };
  const std::string input = token.substr(0, token.rfind('.'));
  CHECK(payload_of(keys.open(resigned(input))) == "four");
  std::string other_bits = input;
  other_bits.back() = static_cast<char>(other_bits.back() + 1);
  CHECK(fault_of(keys.open(resigned(other_bits))) == "malformed");
  for (const std::string& odd : {input + "==", input + "\n", input + " ", "+" + input, input + "/"})
    CHECK(fault_of(keys.open(resigned(odd))) == "malformed");
  for (const std::string& odd : {std::string(), std::string("."), std::string(".."), input, input + ".", token + ".",
                                 token + ".a", "." + token, token + "=", token + "\n"})
    CHECK(fault_of(keys.open(odd)) != "taken");
}

TEST_CASE("several secrets verify, the first one signs") {
  const std::string former = "the former key of these tests, also long enough",
                    oldest = "the oldest key, long enough too, surely";
  const JwsKeyRing keys({JwsKey::hs256(secret), JwsKey::hs256(former), JwsKey::hs256(oldest)});
  for (const std::string& each : {secret, former, oldest})
    CHECK(payload_of(keys.open(JwsKeyRing({JwsKey::hs256(each)}).sign("text"))) == "text");
  CHECK(keys.sign("text") == JwsKeyRing({JwsKey::hs256(secret)}).sign("text"));
  CHECK(fault_of(keys.open(JwsKeyRing({JwsKey::hs256("a key that is none of theirs, though long")}).sign("text"))) ==
        "bad_signature");
}

TEST_CASE("public keys are told without anything that is private") {
  const JwsKeyRing keys({JwsKey::hs256(secret), named(test::ed25519_pem), named(test::rsa_pem)});
  const Array told = keys.public_keys();
  REQUIRE(told.size() == 2);
  CHECK(to_json(told[0]) ==
        R"({"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","alg":"EdDSA",)"
        R"("kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","use":"sig"})");
  std::vector<std::string> names;
  for (const auto& [name, value] : told[1].as_object()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"e", "kty", "n", "alg", "kid", "use"});
  CHECK(told[1]["e"] == Value("AQAB"));
  CHECK(told[1]["n"].as_string().starts_with("ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp"));
}

TEST_CASE("two keys of one name make no ring") {
  const std::string other = "another key for tests, with more than 32 characters";
  CHECK_THROWS_AS(JwsKeyRing({JwsKey::hs256(secret, "a", "one"), JwsKey::hs256(other, "b", "one")}), Error);
  CHECK_THROWS_AS(JwsKeyRing({}), Error);
}
