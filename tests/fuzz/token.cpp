#include <lms/testing/fake_clock.hpp>
#include <lms/testing/seeded_random.hpp>
#include <lms/token.hpp>

#include "fuzz/target.hpp"

using namespace lms;

/// No bytes but a token of this school's own are a token. Mutations of a good one are tried as well.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static testing::FakeClock clock;
  static testing::SeededRandom random;
  static const Tokens tokens({.secret = "a secret that nobody who fuzzes can guess"}, clock, random);
  static const std::string good = tokens.create(TokenType::access, UserId(random.uuid(clock.now())), "student").text;

  const auto is_taken = [](std::string_view text) {
    return std::holds_alternative<TokenClaims>(tokens.decode(text, TokenType::access));
  };
  fuzz::promise(is_taken(good), "a good token is taken");

  const std::string_view input = fuzz::text_of(data, size);
  fuzz::promise(input == good || !is_taken(input), "made up bytes are no token");
  if (size >= 3) {
    std::string spoiled = good;
    const std::size_t at = (std::size_t{data[0]} * 256 + data[1]) % spoiled.size();
    spoiled.replace(at, std::min<std::size_t>(size - 2, spoiled.size() - at), input.substr(2));
    fuzz::promise(spoiled == good || !is_taken(spoiled), "a spoiled token is none");
  }
  return 0;
}
