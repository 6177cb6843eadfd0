#include <doctest/doctest.h>

#include <lms/error.hpp>
#include <lms/testing/seeded_random.hpp>
#include <lms/totp.hpp>

#include "base/encoding.hpp"

using namespace lms;

namespace {

/// `12345678901234567890`, the secret of RFC 6238's appendix B.
constexpr std::string_view secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

Time at(std::int64_t seconds) {
  return Time(std::chrono::seconds(seconds));
}

std::string code_at(std::int64_t seconds) {
  return totp::code(secret, totp::step_at(at(seconds)));
}

}  // namespace

TEST_CASE("one-time passwords are those of RFC 6238") {
  CHECK(code_at(59) == "287082");
  CHECK(code_at(1111111109) == "081804");
  CHECK(code_at(1111111111) == "050471");
  CHECK(code_at(1234567890) == "005924");
  CHECK(code_at(2000000000) == "279037");
  CHECK(code_at(20000000000) == "353130");
}

TEST_CASE("a code is taken one step early and late, and no further") {
  const auto step_of_code_at = [](std::int64_t code_seconds, std::int64_t now) {
    return totp::verify(secret, code_at(code_seconds), at(now));
  };
  CHECK(step_of_code_at(1000, 1000) == totp::step_at(at(1000)));
  CHECK(step_of_code_at(970, 1000) == totp::step_at(at(970)));
  CHECK(step_of_code_at(1030, 1000) == totp::step_at(at(1030)));
  CHECK_FALSE(step_of_code_at(930, 1000));
  CHECK_FALSE(step_of_code_at(1070, 1000));
}

TEST_CASE("a step that was used, and those before it, are over") {
  const totp::Step present = totp::step_at(at(1000));
  CHECK(totp::verify(secret, code_at(1000), at(1000), present - 1) == present);
  CHECK_FALSE(totp::verify(secret, code_at(1000), at(1000), present));
  CHECK_FALSE(totp::verify(secret, code_at(970), at(1000), present));
  CHECK(totp::verify(secret, code_at(1030), at(1000), present) == present + 1);
}

TEST_CASE("what is no code of six digits is none of this account") {
  for (const char* text : {"", "28708", "2870820", "28708a", " 87082", "２８７０８２"})
    CHECK_FALSE(totp::verify(secret, text, at(59)));
  CHECK(totp::verify(secret, "287082", at(59)));
}

TEST_CASE("a secret is Base32 of 80 bits at least") {
  for (const char* text : {"", "GEZDGNBV", "gezdgnbvgy3tqojq", "GEZDGNBVGY3TQOJ1", "GEZDGNBVGY3TQOJQA"})
    CHECK_THROWS_AS(totp::code(text, 1), Error);
  CHECK_NOTHROW(totp::code("GEZDGNBVGY3TQOJQ", 1));
}

TEST_CASE("secrets are random, 160 bits long, and usable as they are") {
  testing::SeededRandom random;
  const std::string one = totp::make_secret(random), other = totp::make_secret(random);
  CHECK(one != other);
  CHECK(from_base32(one)->size() == 20);
  CHECK(totp::verify(one, totp::code(one, totp::step_at(at(59))), at(59)));
}

TEST_CASE("the URI for authenticator apps names school and account") {
  CHECK(totp::uri({"Escola Música", "ada+x@example.org", std::string(secret)}) ==
        "otpauth://totp/Escola%20M%C3%BAsica:ada%2Bx%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        "&issuer=Escola%20M%C3%BAsica&algorithm=SHA1&digits=6&period=30");
  CHECK(totp::uri({"", "ada", std::string(secret)}).starts_with("otpauth://totp/ada?secret="));
}

TEST_CASE("a URI is read as it was written, and as others write it") {
  const auto back = totp::parse_uri(totp::uri({"A & B: school", "ada@example.org", std::string(secret)}));
  REQUIRE(back);
  CHECK(back->issuer == "A & B: school");
  CHECK(back->secret == secret);

  const auto foreign =
      totp::parse_uri("otpauth://totp/ACME%20Co:%20john@example.com?secret=gezd%20gnbv%20gy3t%20qojq==");
  REQUIRE(foreign);
  CHECK(foreign->issuer == "ACME Co");
  CHECK(foreign->name == "john@example.com");
  CHECK(foreign->secret == "GEZDGNBVGY3TQOJQ");
}

TEST_CASE("a URI for other codes, or none, is refused") {
  const std::string good = "otpauth://totp/a?secret=" + std::string(secret);
  CHECK(totp::parse_uri(good));
  for (const std::string& text :
       {std::string(), std::string("otpauth://totp/a"), std::string("otpauth://totp/a?secret="),
        std::string("otpauth://hotp/a?secret=") + std::string(secret), good + "&digits=8", good + "&period=60",
        good + "&algorithm=SHA256", std::string("otpauth://totp/%zz?secret=") + std::string(secret),
        good + "&issuer=%f", good + "&issuer=" + std::string(3'000, 'a')})
    CHECK_MESSAGE(!totp::parse_uri(text), text);
}

TEST_CASE("Base32 is that of RFC 4648, without padding") {
  constexpr std::pair<std::string_view, std::string_view> pairs[] = {{"", ""},
                                                                     {"f", "MY"},
                                                                     {"fo", "MZXQ"},
                                                                     {"foo", "MZXW6"},
                                                                     {"foob", "MZXW6YQ"},
                                                                     {"fooba", "MZXW6YTB"},
                                                                     {"foobar", "MZXW6YTBOI"}};
  for (const auto& [bytes, text] : pairs) {
    CHECK(to_base32(bytes) == text);
    CHECK(from_base32(text) == bytes);
  }
  for (const char* text : {"M", "MZX", "MZXW6Y", "MZ", "my", "MY======", "M1", "MZXW6YR"})
    CHECK_FALSE(from_base32(text));
}
