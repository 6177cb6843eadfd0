#include <lms/testing/fake_clock.hpp>
#include <lms/testing/seeded_random.hpp>
#include <lms/token.hpp>

#include <array>
#include <utility>

#include "fuzz/target.hpp"
#include "support/keys.hpp"

using namespace lms;

namespace {

testing::FakeClock clock_of_all;
testing::SeededRandom random_of_all;

/// A school's tokens, one that it has given, and one it would have given before its key was changed.
struct Office {
  Office(TokenOptions options, TokenOptions earlier) : tokens(std::move(options), clock_of_all, random_of_all) {
    const UserId user(random_of_all.uuid(clock_of_all.now()));
    good = {tokens.create(TokenType::access, user, "student").text,
            Tokens(std::move(earlier), clock_of_all, random_of_all).create(TokenType::access, user, "student").text};
  }

  bool takes(std::string_view text) const {
    return std::holds_alternative<TokenClaims>(tokens.decode(text, TokenType::access));
  }

  Tokens tokens;
  std::array<std::string, 2> good;
};

const std::string secret = "a secret that nobody who fuzzes can guess";

TokenOptions by_secret() {
  return {.secret = secret};
}
TokenOptions by_key(std::string_view pem, TokenAlgorithm algorithm) {
  return {.algorithm = algorithm, .private_key = std::string(pem)};
}

Office with_secret() {
  TokenOptions options = by_secret();
  options.previous_keys = test::ed25519_public_pem;
  return {options, by_key(test::ed25519_pem, TokenAlgorithm::eddsa)};
}
Office with_ed25519() {
  TokenOptions options = by_key(test::ed25519_pem, TokenAlgorithm::eddsa);
  options.previous_secrets = {secret};
  return {options, by_secret()};
}
Office with_rsa() {
  TokenOptions options = by_key(test::rsa_pem, TokenAlgorithm::rs256);
  options.previous_keys = test::ed25519_public_pem;
  return {options, by_key(test::ed25519_pem, TokenAlgorithm::eddsa)};
}

void attack(const Office& office, std::string_view input) {
  fuzz::promise(input == office.good[0] || input == office.good[1] || !office.takes(input),
                "made up bytes are no token");
  for (const std::string& good : office.good) {
    fuzz::promise(office.takes(good), "a good token is taken");
    if (input.size() < 3) continue;
    std::string spoiled = good;
    const auto place = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<std::uint8_t>(input[i])); };
    const std::size_t at = (place(0) * 256 + place(1)) % spoiled.size();
    spoiled.replace(at, std::min<std::size_t>(input.size() - 2, spoiled.size() - at), input.substr(2));
    fuzz::promise(spoiled == good || !office.takes(spoiled), "a spoiled token is none");
    // The first two parts kept, so that what is made up is checked as a signature.
    const std::string resigned = good.substr(0, good.rfind('.') + 1) + std::string(input);
    fuzz::promise(resigned == good || !office.takes(resigned), "a made up signature is none");
  }
}

}  // namespace

/// No bytes but tokens of this school's own are a token, whichever key has signed them. Mutations of good ones are
/// tried as well.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Office offices[] = {with_secret(), with_ed25519(), with_rsa()};
  for (const Office& office : offices) attack(office, fuzz::text_of(data, size));
  return 0;
}
