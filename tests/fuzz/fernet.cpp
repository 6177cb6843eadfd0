#include <lms/fernet.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/seeded_random.hpp>

#include "fuzz/target.hpp"

using namespace lms;

/// Any bytes become a token and come back; no bytes but a token of these keys are one. Mutations of a good one are
/// tried as well.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static testing::FakeClock clock;
  static testing::SeededRandom random;
  static const Fernet fernet({Fernet::generate_key(random), Fernet::generate_key(random)}, clock, random);
  static const std::string good = fernet.encrypt("what nobody who fuzzes can guess");

  const auto is_taken = [](std::string_view text) {
    const auto plain = fernet.decrypt(text);
    fuzz::promise(plain || !fernet.decrypt(text, std::chrono::seconds{60}), "a time to live makes no token good");
    fuzz::promise(plain.has_value() == fernet.rotate(text).has_value(), "what can be read can be rotated");
    return plain.has_value();
  };
  const std::string_view input = fuzz::text_of(data, size);
  fuzz::promise(is_taken(good), "a good token is taken");
  fuzz::promise(fernet.decrypt(fernet.encrypt(input)) == input, "what was encrypted comes back");
  fuzz::promise(input == good || !is_taken(input), "made up bytes are no token");
  fuzz::promise(!Fernet::is_key(input) || input.size() == 44, "a key has 44 characters");
  if (size >= 3) {
    std::string spoiled = good;
    const std::size_t at = (std::size_t{data[0]} * 256 + data[1]) % spoiled.size();
    spoiled.replace(at, std::min<std::size_t>(size - 2, spoiled.size() - at), input.substr(2));
    fuzz::promise(spoiled == good || !is_taken(spoiled), "a spoiled token is none");
  }
  return 0;
}
