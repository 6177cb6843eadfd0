#include <lms/totp.hpp>

#include "fuzz/target.hpp"

using namespace lms;

/// What is read from a URI makes codes, and written again is read the same.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto account = totp::parse_uri(fuzz::text_of(data, size));
  if (!account) return 0;
  fuzz::promise(totp::code(account->secret, 1).size() == totp::code_length, "a secret that was read makes codes");
  const auto again = totp::parse_uri(totp::uri(*account));
  const bool fits = totp::uri(*account).size() <= 2'048;
  fuzz::promise(!fits || (again && again->secret == account->secret), "what was written is read the same");
  return 0;
}
