#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <lms/error.hpp>
#include <lms/signature.hpp>
#include <lms/testing/seeded_random.hpp>

using namespace lms;
using namespace std::chrono_literals;
using Verdict = SignatureVerdict;

namespace {

const SigningSecrets one({"whsec_test"});
const SigningSecrets old_one({"whsec_old"});
const SigningSecrets both({"whsec_test", "whsec_old"});

std::vector<Fault> faults_of(const auto& make) {
  try {
    make();
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid);
    return error.faults();
  }
  return {};
}

}  // namespace

// --- secrets ---

TEST_CASE("nobody signs or verifies with an empty secret") {
  CHECK(faults_of([] { SigningSecrets({}); }).size() == 1);
  const auto faults = faults_of([] { SigningSecrets({"a", ""}); });
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].loc == Path{"secrets", std::size_t{1}});
  CHECK(faults_of([] { SigningSecrets::standard_webhooks({}); }).size() == 1);
  CHECK(faults_of([] { SigningSecrets::standard_webhooks({""}); }).size() == 1);
  CHECK(faults_of([] { SigningSecrets::standard_webhooks({"whsec_"}); }).size() == 1);
}

TEST_CASE("a secret of Standard Webhooks is base64, and is never shown") {
  for (const char* text : {"whsec_no base64", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_a-_b"}) {
    const auto faults = faults_of([&] { SigningSecrets::standard_webhooks({text}); });
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].message.find(text) == std::string::npos);
  }
  CHECK(SigningSecrets::standard_webhooks({"whsec_AAEC"}).signing() == std::string("\0\1\2", 3));
  CHECK(SigningSecrets::standard_webhooks({"AAEC"}).signing() == std::string("\0\1\2", 3));
}

TEST_CASE("a secret that was made has 32 bytes") {
  testing::SeededRandom random;
  const std::string secret = generate_webhook_secret(random);
  CHECK(secret.starts_with("whsec_"));
  CHECK(SigningSecrets::standard_webhooks({secret}).signing().size() == 32);
  CHECK(secret != generate_webhook_secret(random));
}

// --- sha256=<hex> ---

TEST_CASE("the example of GitHub's documentation is signed and verified") {
  const SigningSecrets secrets({"It's a Secret to Everybody"});
  const std::string signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  CHECK(sign_sha256(secrets, "Hello, World!") == signature);
  CHECK(verify_sha256(secrets, signature, "Hello, World!") == Verdict::good);
  CHECK(verify_sha256(secrets, signature, "Hello, World") == Verdict::mismatch);
  CHECK(verify_sha256(one, signature, "Hello, World!") == Verdict::mismatch);
}

TEST_CASE("with two secrets the first signs and both verify") {
  CHECK(sign_sha256(both, "x") == sign_sha256(one, "x"));
  CHECK(verify_sha256(both, sign_sha256(one, "x"), "x") == Verdict::good);
  CHECK(verify_sha256(both, sign_sha256(old_one, "x"), "x") == Verdict::good);
  CHECK(verify_sha256(both, sign_sha256(SigningSecrets({"third"}), "x"), "x") == Verdict::mismatch);
}

TEST_CASE("what is no sha256= signature is told apart from a wrong one") {
  const std::string hex = sign_sha256(one, "x").substr(7);
  std::string upper = hex;
  for (char& c : upper)
    if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
  CHECK(verify_sha256(one, "sha256=" + upper, "x") == Verdict::good);
  CHECK(verify_sha256(one, "", "x") == Verdict::missing);
  for (const std::string& text : std::vector<std::string>{
           hex, "sha1=" + hex, "SHA256=" + hex, "sha256=", "sha256=" + hex.substr(2), "sha256=" + hex + "00",
           "sha256= " + hex, "sha256=" + hex + " ", "sha256=" + hex.substr(1) + "g", "sha256=zz"}) {
    CAPTURE(text);
    CHECK(verify_sha256(one, text, "x") == Verdict::malformed);
  }
  CHECK(verify_sha256(one, "sha256=" + std::string(64, '0'), "x") == Verdict::mismatch);
}

// --- Stripe ---

namespace {

// Values of Python's hmac.
const std::string event = R"({"id": "evt_1"})";
const std::string digest = "952cd89626c79cd65f12880afd38333422a10b88ff71136627ceb92ccdb0132c";
const std::string old_digest = "a39b0d5212be3a0a5078da6213e4c087308cfb48863c092ee16534c1ee4fc3f4";
const std::string wrong_digest(64, '0');
const Time stripe_now = Time(1492774577s);

Verdict stripe(const std::string& header, const SigningSecrets& secrets = one,
               std::chrono::seconds after = std::chrono::seconds{0}) {
  return verify_stripe(secrets, header, stripe_now + after, event);
}

}  // namespace

TEST_CASE("time and body are signed as Stripe does") {
  CHECK(sign_stripe(one, stripe_now, event) == "t=1492774577,v1=" + digest);
  CHECK(stripe("t=1492774577,v1=" + digest) == Verdict::good);
  CHECK(stripe("v1=" + digest + ",t=1492774577") == Verdict::good);
  CHECK(stripe("t=1492774578,v1=" + digest) == Verdict::mismatch);
  CHECK(stripe("t=1492774577,v1=" + old_digest) == Verdict::mismatch);
  CHECK(verify_stripe(one, "t=1492774577,v1=" + digest, stripe_now, R"({"id":"evt_1"})") == Verdict::mismatch);
}

TEST_CASE("one good v1 of several is enough for Stripe, with any secret, and other schemes are passed over") {
  CHECK(stripe("t=1492774577,v1=" + wrong_digest + ",v1=" + digest + ",v0=x") == Verdict::good);
  CHECK(stripe("t=1492774577,v1=" + digest + ",v1=" + wrong_digest) == Verdict::good);
  CHECK(stripe("t=1492774577,v1=" + old_digest, both) == Verdict::good);
  CHECK(stripe("t=1492774577,v1=" + wrong_digest + ",v1=" + wrong_digest, both) == Verdict::mismatch);
  CHECK(stripe("t=1492774577,v0=" + digest) == Verdict::malformed);
}

TEST_CASE("a message of Stripe's counts five minutes before and after, or as long as wanted") {
  const std::string good = "t=1492774577,v1=" + digest;
  CHECK(stripe(good, one, 300s) == Verdict::good);
  CHECK(stripe(good, one, 301s) == Verdict::too_old);
  CHECK(stripe(good, one, -300s) == Verdict::good);
  CHECK(stripe(good, one, -301s) == Verdict::too_new);
  CHECK(verify_stripe(one, good, stripe_now + 1h, event, 1h) == Verdict::good);
  CHECK(verify_stripe(one, good, stripe_now + 1s, event, 0s) == Verdict::too_old);
  CHECK(stripe("t=1492774577,v1=" + wrong_digest, one, 1h) == Verdict::mismatch);  // who cannot sign learns no more
}

TEST_CASE("what is no signature of Stripe's is malformed") {
  CHECK(stripe("") == Verdict::missing);
  for (const std::string& text : std::vector<std::string>{
           "t", ",,,", "t=1492774577", "v1=" + digest, "t=,v1=" + digest, "t=x,v1=" + digest,
           "t=-1492774577,v1=" + digest, "t=+1492774577,v1=" + digest, "t=1492774577 ,v1=" + digest,
           "t=99999999999999999999,v1=" + digest, "t=253402300800,v1=" + digest,
           "t=1492774577,t=1492774577,v1=" + digest, "t=1492774577,v1=", "t=1492774577,v1=" + digest.substr(2),
           "t=1492774577,v1=" + digest + ",v1=zz", "t=1492774577;v1=" + digest,
           "t=1492774577,v1=" + digest + "," + std::string(9'000, 'x'), "sha256=" + digest}) {
    CAPTURE(text);
    CHECK(stripe(text) == Verdict::malformed);
  }
}

// --- Standard Webhooks ---

namespace {

// The values of the reference libraries' tests.
const SigningSecrets reference = SigningSecrets::standard_webhooks({"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
const SigningSecrets reference_second =
    SigningSecrets::standard_webhooks({"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
const std::string payload = R"({"test": 2432232314})";
const Time sent = Time(1614265330s);
const StandardWebhookHeaders good_headers{"msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
                                          "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="};

Verdict standard(const StandardWebhookHeaders& headers, std::chrono::seconds after = std::chrono::seconds{0},
                 const SigningSecrets& secrets = reference) {
  return verify_standard_webhook(secrets, headers, sent + after, payload);
}

StandardWebhookHeaders with_signature(std::string signature) {
  return {good_headers.id, good_headers.timestamp, std::move(signature)};
}

}  // namespace

TEST_CASE("the message of the Standard Webhooks libraries is signed and verified") {
  const auto headers = sign_standard_webhook(reference, good_headers.id, sent, payload);
  CHECK(headers.id == good_headers.id);
  CHECK(headers.timestamp == good_headers.timestamp);
  CHECK(headers.signature == good_headers.signature);
  CHECK(standard(good_headers) == Verdict::good);
  CHECK(standard(good_headers, 0s, reference_second) == Verdict::good);
  CHECK(standard(good_headers, 0s, one) == Verdict::mismatch);
  CHECK(standard({"msg_other", good_headers.timestamp, good_headers.signature}) == Verdict::mismatch);
  CHECK(standard({good_headers.id, "1614265331", good_headers.signature}) == Verdict::mismatch);
  CHECK(verify_standard_webhook(reference, good_headers, sent, R"({"test":2432232314})") == Verdict::mismatch);
}

TEST_CASE("one good v1 of several is enough for Standard Webhooks, and other versions are passed over") {
  const std::string wrong = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  CHECK(standard(with_signature(wrong + " v1a,x " + good_headers.signature)) == Verdict::good);
  CHECK(standard(with_signature(good_headers.signature + " " + wrong)) == Verdict::good);
  CHECK(standard(with_signature(wrong)) == Verdict::mismatch);
  CHECK(standard(with_signature("v2" + good_headers.signature.substr(2))) == Verdict::malformed);
}

TEST_CASE("a message of Standard Webhooks counts five minutes before and after") {
  CHECK(standard(good_headers, 300s) == Verdict::good);
  CHECK(standard(good_headers, 301s) == Verdict::too_old);
  CHECK(standard(good_headers, -300s) == Verdict::good);
  CHECK(standard(good_headers, -301s) == Verdict::too_new);
}

TEST_CASE("headers that are missing or of another form are told apart") {
  CHECK(standard({"", good_headers.timestamp, good_headers.signature}) == Verdict::missing);
  CHECK(standard({good_headers.id, "", good_headers.signature}) == Verdict::missing);
  CHECK(standard(with_signature("")) == Verdict::missing);
  for (const char* time : {"x", "-1614265330", "1614265330.0", " 1614265330", "99999999999999999999"})
    CHECK(standard({good_headers.id, time, good_headers.signature}) == Verdict::malformed);
  for (const std::string& text :
       std::vector<std::string>{"g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1", std::string("v1,"),
                                std::string(" "), std::string("v1,g0hM9SsE"), good_headers.signature + "=",
                                good_headers.signature + "," + good_headers.signature,
                                good_headers.signature + " v1,zz", std::string(9'000, ' ')}) {
    CAPTURE(text);
    CHECK(standard(with_signature(text)) == Verdict::malformed);
  }
}

TEST_CASE("a message's id cannot pass for a part of what follows") {
  // Of `a.1` at time 2 the same bytes would be signed as of `a` at time 1 with a body that begins with `2.`.
  const auto headers = sign_standard_webhook(reference, "a", sent, "2.b");
  CHECK(verify_standard_webhook(reference, {"a." + headers.timestamp, "2", headers.signature}, Time(2s), "b") ==
        Verdict::malformed);
  CHECK(faults_of([] { sign_standard_webhook(reference, "a.1", sent, "b"); }).size() == 1);
  CHECK(faults_of([] { sign_standard_webhook(reference, "", sent, "b"); }).size() == 1);
}
