#include <doctest/doctest.h>

#include <string>

#include <lms/error.hpp>

#include "base/encoding.hpp"
#include "base/signing_key.hpp"
#include "support/keys.hpp"

using namespace lms;

namespace {

/// What is said about a private key that is not accepted; empty if it is.
std::string complaint(std::string_view pem, TokenAlgorithm algorithm) {
  try {
    read_private_key("JWT_PRIVATE_KEY", pem, algorithm);
    return {};
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid);
    REQUIRE(error.faults().size() == 1);
    CHECK(error.faults().front().loc == Path{"settings", "JWT_PRIVATE_KEY"});
    return error.faults().front().message;
  }
}

std::string complaint_of_keys(std::string_view pem) {
  try {
    read_keys("JWT_PREVIOUS_KEYS", pem);
    return {};
  } catch (const Error& error) {
    return error.faults().at(0).message;
  }
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string replaced(std::string_view text, std::string_view old, std::string_view with) {
  std::string out(text);
  for (std::size_t at = 0; (at = out.find(old, at)) != std::string::npos; at += with.size())
    out.replace(at, old.size(), with);
  return out;
}

SigningKey private_key(std::string_view pem, TokenAlgorithm algorithm) {
  return read_private_key("JWT_PRIVATE_KEY", pem, algorithm);
}

/// RFC 8037 A.4 and RFC 7515 A.2: what is signed, and the signature.
constexpr std::string_view eddsa_text = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
constexpr std::string_view eddsa_signature =
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
constexpr std::string_view rs256_text =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
    "fQ";
constexpr std::string_view rs256_signature =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1d"
    "nZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--"
    "xi12jzDwusC"
    "-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

}  // namespace

TEST_CASE("Ed25519 and RSA keys sign as the RFCs have it") {
  const SigningKey ed25519 = private_key(test::ed25519_pem, TokenAlgorithm::eddsa);
  CHECK(to_base64url(ed25519.sign(eddsa_text)) == eddsa_signature);
  for (const std::string_view pem : {test::rsa_pem, test::rsa_pkcs1_pem})
    CHECK(to_base64url(private_key(pem, TokenAlgorithm::rs256).sign(rs256_text)) == rs256_signature);
}

TEST_CASE("a signature is good for its text and its key alone") {
  struct Case {
    std::string_view pem, text, signature;
  };
  for (const auto& [pem, text, encoded] : {Case{test::ed25519_public_pem, eddsa_text, eddsa_signature},
                                           Case{test::rsa_public_pem, rs256_text, rs256_signature},
                                           Case{test::rsa_public_pkcs1_pem, rs256_text, rs256_signature}}) {
    const SigningKey key = read_keys("JWT_PREVIOUS_KEYS", pem).at(0);
    const std::string signature = *from_base64url(encoded);
    CHECK_FALSE(key.is_private());
    CHECK(key.verify(text, signature));
    CHECK_FALSE(key.verify(text.substr(1), signature));
    CHECK_FALSE(key.verify(text, signature.substr(1)));
    CHECK_FALSE(key.verify(text, signature + '\0'));
    CHECK_FALSE(key.verify(text, ""));
    for (std::size_t i = 0; i < signature.size(); i += 7) {
      std::string changed = signature;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      CHECK_FALSE(key.verify(text, changed));
    }
    CHECK_THROWS_AS(key.sign(text), Error);
  }
  CHECK_FALSE(read_keys("JWT_PREVIOUS_KEYS", test::other_ed25519_public_pem)
                  .at(0)
                  .verify(eddsa_text, *from_base64url(eddsa_signature)));
}

TEST_CASE("a key's thumbprint is that of the RFCs, whatever form the key comes in") {
  const auto thumbprint = [](std::string_view pem) { return read_keys("JWT_PREVIOUS_KEYS", pem).at(0).thumbprint(); };
  CHECK(thumbprint(test::ed25519_public_pem) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");         // RFC 8037 A.3
  CHECK(thumbprint(test::thumbprint_rsa_public_pem) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");  // RFC 7638 3.1
  CHECK(thumbprint(test::ed25519_pem) == thumbprint(test::ed25519_public_pem));
  for (const std::string_view pem : {test::rsa_pkcs1_pem, test::rsa_public_pem, test::rsa_public_pkcs1_pem})
    CHECK(thumbprint(pem) == thumbprint(test::rsa_pem));
}

TEST_CASE("a key may come with the line ends of a file, of Windows or of an environment variable") {
  for (const std::string_view ends : {"\n", "\r\n", "\\n", "\\r\\n"}) {
    CAPTURE(ends);
    CHECK(complaint(replaced(test::ed25519_pem, "\n", ends), TokenAlgorithm::eddsa).empty());
    CHECK(
        complaint("  " + replaced(test::rsa_pkcs1_pem, "\n", std::string(ends) + "  "), TokenAlgorithm::rs256).empty());
  }
  std::string without_last_end(test::ed25519_pem);
  without_last_end.pop_back();
  CHECK(complaint(without_last_end, TokenAlgorithm::eddsa).empty());
}

TEST_CASE("a key that cannot be used is named with what it is and how to make a right one") {
  struct Case {
    std::string_view pem;
    TokenAlgorithm algorithm;
    std::string_view what;
  };
  using enum TokenAlgorithm;
  const std::string two = std::string(test::ed25519_pem) + std::string(test::other_ed25519_pem);
  const std::string cut(test::rsa_pem.substr(0, test::rsa_pem.size() / 2));
  const std::string no_key = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const std::string broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
  for (const Case& one : {Case{"", eddsa, "JWT_PRIVATE_KEY is not set, but ALGORITHM is EdDSA"},
                          Case{"a text that is no PEM", eddsa, "is no PEM text"},
                          Case{test::ed25519_public_pem, eddsa, "is a public key"},
                          Case{test::rsa_public_pkcs1_pem, rs256, "is a public key"},
                          Case{test::encrypted_pem, eddsa, "is encrypted (`openssl pkey"},
                          Case{test::encrypted_pkcs1_pem, rs256, "is encrypted (`openssl pkey"},
                          Case{test::short_rsa_pem, rs256, "is an RSA key of 1024 bits"},
                          Case{test::elliptic_pem, eddsa, "is a key of another kind (EC)"},
                          Case{test::openssh_pem, eddsa, "is a key in the form of OpenSSH"},
                          Case{test::rsa_pem, eddsa, "is a key of RSA, but ALGORITHM is EdDSA"},
                          Case{test::ed25519_pem, rs256, "is a key of Ed25519, but ALGORITHM is RS256"},
                          Case{test::mismatched_pem, rs256, "is damaged: its private and its public part"},
                          Case{two, eddsa, "holds 2 PEM texts"}, Case{cut, rs256, "is damaged PEM"},
                          Case{broken, rs256, "is damaged, or a key of an unknown kind"},
                          Case{no_key, rs256, "is no key but PEM of the kind CERTIFICATE"}}) {
    const std::string text = complaint(one.pem, one.algorithm);
    CAPTURE(text);
    CHECK(has(text, one.what));
    CHECK(has(text, one.algorithm == eddsa
                        ? "it must be an Ed25519 private key in PEM (PKCS#8) without a passphrase, such as `openssl "
                          "genpkey -algorithm ed25519` prints"
                        : "it must be an RSA private key of 2048 to 8192 bits in PEM (PKCS#8 or PKCS#1) without a "
                          "passphrase, such as `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072` prints"));
    // Nothing that stands between the lines of dashes.
    if (one.pem.size() > 100) CHECK_FALSE(has(text, one.pem.substr(40, 16)));
  }
}

TEST_CASE("previous keys stand one after another, of any kind") {
  CHECK(read_keys("JWT_PREVIOUS_KEYS", "").empty());
  CHECK(read_keys("JWT_PREVIOUS_KEYS", " \n").empty());
  const auto keys =
      read_keys("JWT_PREVIOUS_KEYS", replaced(std::string(test::ed25519_pem) + std::string(test::rsa_public_pem) +
                                                  std::string(test::other_ed25519_public_pem),
                                              "\n", "\\n"));
  REQUIRE(keys.size() == 3);
  CHECK(keys[0].is_private());
  CHECK(keys[1].algorithm() == TokenAlgorithm::rs256);
  CHECK(keys[2].algorithm() == TokenAlgorithm::eddsa);

  CHECK(has(complaint_of_keys("none"), "JWT_PREVIOUS_KEYS is no PEM text; it must be keys in PEM one after another"));
  CHECK(has(complaint_of_keys(test::exponent_one_pem), "JWT_PREVIOUS_KEYS is damaged: its numbers make no key"));
  CHECK(has(complaint_of_keys(std::string(test::ed25519_pem) + std::string(test::elliptic_pem)),
            "JWT_PREVIOUS_KEYS, key 2, is a key of another kind (EC)"));
}
