#include <lms/spi/random.hpp>

#include <cerrno>
#include <limits>
#include <vector>

#include <sys/random.h>

#include <lms/error.hpp>

#include "base/encoding.hpp"

namespace lms {

Random::~Random() = default;

Uuid Random::uuid(Time now) {
  Uuid id;
  fill(id.bytes);

  constexpr std::uint64_t ticks_per_millisecond = 4096;
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  std::uint64_t tick = milliseconds < 0 ? 0 : static_cast<std::uint64_t>(milliseconds) * ticks_per_millisecond;
  {
    const std::lock_guard lock(mutex_);
    if (tick <= last_tick_) tick = last_tick_ + 1;
    last_tick_ = tick;
  }

  const std::uint64_t timestamp = tick / ticks_per_millisecond;
  const std::uint64_t counter = tick % ticks_per_millisecond;
  for (unsigned i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(timestamp >> (40 - 8 * i));
  id.bytes[6] = static_cast<std::uint8_t>(0x70U | (counter >> 8U));
  id.bytes[7] = static_cast<std::uint8_t>(counter);
  id.bytes[8] = static_cast<std::uint8_t>(0x80U | (id.bytes[8] & 0x3FU));
  return id;
}

std::string Random::token(std::size_t bytes) {
  std::vector<std::uint8_t> raw(bytes);
  fill(raw);
  return to_base64url(as_text(raw));
}

std::uint64_t Random::below(std::uint64_t bound) {
  if (bound == 0) throw internal("a random number below 0 was asked for");
  // Numbers under the remainder would make the small results more likely.
  const std::uint64_t remainder = (std::numeric_limits<std::uint64_t>::max() - bound + 1) % bound;
  for (;;) {
    std::array<std::uint8_t, 8> bytes;
    fill(bytes);
    std::uint64_t number = 0;
    for (const std::uint8_t byte : bytes) number = (number << 8U) | byte;
    if (number >= remainder) return number % bound;
  }
}

void SystemRandom::fill(std::span<std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw internal("the operating system gives no random bytes");
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace lms
