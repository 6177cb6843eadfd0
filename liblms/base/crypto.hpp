#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The only room that knows OpenSSL and libargon2.
namespace lms {

using Sha1Digest = std::array<std::uint8_t, 20>;
using Sha256Digest = std::array<std::uint8_t, 32>;

Sha256Digest sha256(std::string_view message);
/// For one-time passwords, whose standard has it; nothing else should.
Sha1Digest hmac_sha1(std::string_view key, std::string_view message);
Sha256Digest hmac_sha256(std::string_view key, std::string_view message);

/// Takes a time that depends on the lengths only.
bool constant_time_equal(std::string_view a, std::string_view b) noexcept;

/// Overwrites memory so that the compiler cannot leave it out.
void wipe(void* memory, std::size_t size) noexcept;

struct Argon2idCost {
  std::uint32_t memory_kib;
  std::uint32_t iterations;
  std::uint32_t parallelism;
};

/// A PHC string: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, 32 bytes of hash.
/// @throws Error internal for a cost or salt that Argon2 refuses; unavailable if there is no memory.
std::string argon2id_hash(std::string_view password, std::string_view salt, const Argon2idCost& cost);
/// False also for what is no PHC string of Argon2id, or one whose cost no server would pay (over 1 GiB or 64
/// iterations). @throws Error unavailable if there is no memory.
bool argon2id_verify(std::string_view password, const std::string& phc);
/// Whether a hash costs an attacker less than `cost` asks for; true for what is no PHC string of Argon2id.
bool argon2id_needs_rehash(const std::string& phc, const Argon2idCost& cost);

}  // namespace lms
