#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include <lms/error.hpp>
#include <lms/fernet.hpp>
#include <lms/field_cipher.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/seeded_random.hpp>

#include "base/crypto.hpp"
#include "base/encoding.hpp"

using namespace lms;
using namespace std::chrono_literals;

namespace {

/// The key of the specification's examples.
const std::string spec_key = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
const std::string other_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const std::string third_key = "__________________________________________8=";
const Time spec_now = Time(499162800s);  // 1985-10-26T01:20:00-07:00

/// Gives the bytes 0, 1, 2 and so on.
class CountingRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> bytes) override {
    for (std::uint8_t& byte : bytes) byte = next_++;
  }

 private:
  std::uint8_t next_ = 0;
};

struct Office {
  explicit Office(const std::vector<std::string>& keys = {spec_key}, Time now = spec_now)
      : clock(now), fernet(keys, clock, random) {}

  testing::FakeClock clock;
  testing::SeededRandom random;
  Fernet fernet;
};

/// Any bytes as a token that the specification's key has signed.
std::string signed_token(std::string bytes) {
  const std::string key = *from_base64(std::string("cw/0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4="));
  bytes += as_text(hmac_sha256(key.substr(0, 16), bytes));
  std::string text = to_base64url(bytes);
  return text.append((4 - text.size() % 4) % 4, '=');
}

std::string head(std::uint64_t timestamp) {
  std::string bytes(1, '\x80');
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>((timestamp >> shift) & 0xFFU);
  return bytes + std::string(16, '\0');
}

/// The token of a text at a time of which no clock of ours has heard.
std::string token_at(std::uint64_t timestamp) {
  const std::string key = *from_base64(std::string("cw/0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4="));
  const auto encryption = as_bytes(key).subspan<16, 16>();
  return signed_token(head(timestamp) + aes128_cbc_encrypt(encryption, std::string(16, '\0'), "x"));
}

std::vector<Fault> faults_of(const std::vector<std::string>& keys) {
  try {
    Office office(keys);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid);
    return error.faults();
  }
  return {};
}

}  // namespace

// The next three have the values of generate.json, verify.json and invalid.json of https://github.com/fernet/spec.

TEST_CASE("Fernet makes the token of the specification") {
  testing::FakeClock clock(spec_now);
  CountingRandom random;
  const Fernet fernet({spec_key}, clock, random);
  CHECK(fernet.encrypt("hello") ==
        "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==");
}

TEST_CASE("Fernet reads the token of the specification") {
  const Office office({spec_key}, spec_now + 1s);
  CHECK(office.fernet.decrypt(
            "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4"
            "IwqDA==",
            60s) == "hello");
}

TEST_CASE("Fernet refuses the tokens that the specification calls invalid") {
  struct Case {
    const char* what;
    const char* token;
    std::chrono::seconds now;
  };
  for (const auto& [what, token, now] : {
           Case{"incorrect mac",
                "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==",
                1s},
           Case{"too short", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==", 1s},
           Case{"invalid base64",
                "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
                1s},
           Case{"payload size not multiple of block size",
                "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm", 1s},
           Case{"payload padding error",
                "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
                1s},
           Case{"far-future TS (unacceptable clock skew)",
                "gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==",
                1s},
           Case{"expired TTL",
                "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
                91s},
           Case{"incorrect IV (causes padding error)",
                "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
                1s},
       }) {
    CAPTURE(what);
    const Office office({spec_key}, spec_now + now);
    CHECK_FALSE(office.fernet.decrypt(token, 60s));
  }
}

TEST_CASE("tokens that Python's cryptography has made are read") {
  const Office office;
  CHECK(office.fernet.decrypt(
            "gAAAAABpVbkAAAAAAAAAAAAAAAAAAAAAAGB7lnRSRupjKVwIhlcSEpLOtd9K8M-arhk9xuc9KRqB_lhAanJR0TueZ558PhHa"
            "Pg==") == "Ada");
  CHECK(office.fernet.decrypt(
            "gAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAG8fBjZFQ_nFMMy3I3_0HaUj15bWOcQHPKRQwXi7_hGuwzDhmlmOXbG7nfZyigoo"
            "pw==") == "");
}

TEST_CASE("texts of all lengths and bytes come back, each in a token of its own") {
  const Office office;
  std::string text;
  for (int length = 0; length <= 70; ++length) {
    CAPTURE(length);
    const std::string token = office.fernet.encrypt(text);
    CHECK(token.starts_with("gAAAAA"));
    CHECK(token.size() % 4 == 0);
    CHECK(token != office.fernet.encrypt(text));
    CHECK(office.fernet.decrypt(token) == text);
    text += static_cast<char>(length * 37);
  }
  const std::string long_text(3'000'001, 'x');
  CHECK(office.fernet.decrypt(office.fernet.encrypt(long_text)) == long_text);
}

TEST_CASE("a token that was changed anywhere is none") {
  const Office office;
  const std::string token = office.fernet.encrypt("the head of this school");
  for (std::size_t i = 0; i < token.size(); ++i)
    for (const char c : {'A', 'B', '_', '=', '+', '\n', '\0'}) {
      std::string spoiled = token;
      if (spoiled[i] == c) continue;
      spoiled[i] = c;
      if (office.fernet.decrypt(spoiled)) FAIL_CHECK(spoiled);
      if (office.fernet.is_current(spoiled)) FAIL_CHECK(spoiled);
      if (office.fernet.rotate(spoiled)) FAIL_CHECK(spoiled);
    }
  for (std::size_t length = 0; length < token.size(); ++length)
    if (office.fernet.decrypt(token.substr(0, length))) FAIL_CHECK(length);
  for (const std::string& around : {token + "=", token + "\n", " " + token, token + token, token + "AAAA"})
    CHECK_FALSE(office.fernet.decrypt(around));
}

TEST_CASE("a signature alone makes no token") {
  const Office office;
  CHECK(office.fernet.decrypt(token_at(499162800)) == "x");
  CHECK_FALSE(office.fernet.decrypt(signed_token("")));
  CHECK_FALSE(office.fernet.decrypt(signed_token(head(499162800))));
  CHECK_FALSE(office.fernet.decrypt(signed_token(head(499162800) + std::string(15, 'x'))));
  CHECK_FALSE(office.fernet.decrypt(signed_token(head(499162800) + std::string(16, 'x'))));  // no padding
  std::string of_another_version = head(499162800) + std::string(16, 'x');
  of_another_version[0] = '\x81';
  CHECK_FALSE(office.fernet.decrypt(signed_token(of_another_version)));
}

TEST_CASE("with a time to live a token ends after it, and counts a minute early at most") {
  Office office;
  const std::string token = office.fernet.encrypt("x");
  const auto lives_at = [&](std::chrono::seconds after, std::chrono::seconds ttl) {
    office.clock.set(spec_now + after);
    return office.fernet.decrypt(token, ttl).has_value();
  };
  CHECK(lives_at(0s, 0s));
  CHECK(lives_at(60s, 60s));
  CHECK_FALSE(lives_at(61s, 60s));
  CHECK(lives_at(-60s, 60s));
  CHECK_FALSE(lives_at(-61s, 60s));
  CHECK(lives_at(1'000'000s, std::chrono::seconds::max()));
  CHECK(office.fernet.decrypt(token) == "x");  // without one it has no end
}

TEST_CASE("times that no clock shows do no harm") {
  Office office;
  for (const std::uint64_t time :
       {std::numeric_limits<std::uint64_t>::max(), std::uint64_t{1} << 63U, (std::uint64_t{1} << 63U) - 1}) {
    CHECK(office.fernet.decrypt(token_at(time)) == "x");
    CHECK_FALSE(office.fernet.decrypt(token_at(time), 60s));
  }
  CHECK_FALSE(office.fernet.decrypt(token_at(0), 60s));
  office.clock.set(Time(-5s));
  CHECK(office.fernet.decrypt(office.fernet.encrypt("x"), 60s) == "x");
}

TEST_CASE("the first key encrypts and each decrypts") {
  const Office old_office({spec_key});
  const Office office({other_key, spec_key});
  const Office new_office({other_key});
  const std::string old_token = old_office.fernet.encrypt("x");
  const std::string token = office.fernet.encrypt("x");
  CHECK(office.fernet.decrypt(old_token) == "x");
  CHECK(office.fernet.decrypt(token) == "x");
  CHECK(new_office.fernet.decrypt(token) == "x");
  CHECK_FALSE(new_office.fernet.decrypt(old_token));
  CHECK_FALSE(old_office.fernet.decrypt(token));
  CHECK(office.fernet.is_current(token));
  CHECK_FALSE(office.fernet.is_current(old_token));
}

TEST_CASE("a token is brought under the first key and keeps its time") {
  const Office old_office({spec_key});
  Office office({other_key, spec_key});
  const Office new_office({other_key}, spec_now + 1h);
  const std::string old_token = old_office.fernet.encrypt("x");
  office.clock.advance(1h);
  const auto rotated = office.fernet.rotate(old_token);
  REQUIRE(rotated);
  CHECK(office.fernet.is_current(*rotated));
  CHECK(new_office.fernet.decrypt(*rotated) == "x");
  CHECK_FALSE(new_office.fernet.decrypt(*rotated, 59min));
  CHECK(new_office.fernet.decrypt(*rotated, 60min) == "x");
  CHECK(office.fernet.rotate(*rotated) != *rotated);
  CHECK_FALSE(Office({third_key}).fernet.rotate(old_token));
}

TEST_CASE("keys that were made are keys") {
  testing::SeededRandom random;
  const std::string key = Fernet::generate_key(random);
  CHECK(Fernet::is_key(key));
  CHECK(key.size() == 44);
  CHECK(key != Fernet::generate_key(random));
  CHECK(Office({key}).fernet.decrypt(Office({key}).fernet.encrypt("x")) == "x");
}

TEST_CASE("what is no key is told by its place and never shown") {
  for (const char* text :
       {"", "x", "your-encryption-key-here", "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4",
        "cw/0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4=", "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=\n",
        "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e5=", "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4Q=="}) {
    CAPTURE(text);
    CHECK_FALSE(Fernet::is_key(text));
    const auto faults = faults_of({spec_key, text, third_key, text});
    REQUIRE(faults.size() == 2);
    CHECK(faults[0].message.starts_with("key 2 of 4 is no Fernet key"));
    CHECK(faults[1].message.starts_with("key 4 of 4 is no Fernet key"));
    CHECK(faults[0].message.find("generate-key") != std::string::npos);
    if (std::string(text).size() > 1) CHECK(faults[0].message.find(text) == std::string::npos);
  }
  CHECK(faults_of({}).size() == 1);
  CHECK(faults_of({spec_key, other_key, third_key}).empty());
}

TEST_CASE("without keys a cipher names the setting that lacks") {
  FieldCipher cipher;
  CHECK_FALSE(cipher.has_keys());
  try {
    cipher.fernet();
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::unavailable);
    CHECK(error.reason() == "encryption_key_missing");
    CHECK(std::string(error.what()).find("ENCRYPTION_KEY") != std::string::npos);
    CHECK(std::string(error.what()).find("generate-key") != std::string::npos);
  }
  testing::FakeClock clock;
  testing::SeededRandom random;
  cipher.use(std::make_shared<const Fernet>(std::vector{spec_key}, clock, random));
  CHECK(cipher.has_keys());
  CHECK(cipher.fernet()->decrypt(cipher.fernet()->encrypt("x")) == "x");
}
