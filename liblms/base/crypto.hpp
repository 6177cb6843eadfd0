#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// The only room that knows OpenSSL, libargon2 and libxcrypt.
namespace lms {

using Sha1Digest = std::array<std::uint8_t, 20>;
using Sha256Digest = std::array<std::uint8_t, 32>;

Sha256Digest sha256(std::string_view message);
std::string sha256_hex(std::string_view message);
/// For one-time passwords, whose standard has it; nothing else should.
Sha1Digest hmac_sha1(std::string_view key, std::string_view message);
Sha256Digest hmac_sha256(std::string_view key, std::string_view message);

constexpr std::size_t aes_block_size = 16;

/// AES-128 in CBC mode with PKCS#7 padding. Secret is the text, not that nobody changes it: sign what comes out.
/// @throws Error internal unless `iv` has one block, and for more than 1 GiB.
std::string aes128_cbc_encrypt(std::span<const std::uint8_t, 16> key, std::string_view iv, std::string_view text);
/// None for what is no padded text. Tell nobody that, but after its signature was found good.
std::optional<std::string> aes128_cbc_decrypt(std::span<const std::uint8_t, 16> key, std::string_view iv,
                                              std::string_view ciphertext);

/// Takes a time that depends on the lengths only.
bool constant_time_equal(std::string_view a, std::string_view b) noexcept;

/// Overwrites memory so that the compiler cannot leave it out.
void wipe(void* memory, std::size_t size) noexcept;

struct Argon2idCost {
  std::uint32_t memory_kib;
  std::uint32_t iterations;
  std::uint32_t parallelism;
};

/// No server pays more: what costs more in any of these does not verify.
constexpr Argon2idCost costliest_argon2id{.memory_kib = 1024 * 1024, .iterations = 64, .parallelism = 64};
bool is_affordable(const Argon2idCost& cost) noexcept;

/// A PHC string: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, 32 bytes of hash.
/// @throws Error internal for a cost or salt that Argon2 refuses; unavailable if there is no memory.
std::string argon2id_hash(std::string_view password, std::string_view salt, const Argon2idCost& cost);
/// False also for what is no PHC string of Argon2id, or one that costs more than `costliest_argon2id`.
/// @throws Error unavailable if there is no memory.
bool argon2id_verify(std::string_view password, const std::string& phc);
/// Whether a hash costs an attacker less than `cost` asks for; true for what is no PHC string of Argon2id.
bool argon2id_needs_rehash(const std::string& phc, const Argon2idCost& cost);

/// Whether it begins as bcrypt's hashes do that other systems have made: `$2a$`, `$2b$` or `$2y$`.
bool is_bcrypt(std::string_view hash) noexcept;
/// False also for what is no hash of bcrypt, or one that would keep a core busy for more than a second (a cost over
/// 14).
bool bcrypt_verify(std::string_view password, const std::string& hash);

/// Whether a password could verify against it: a whole hash of Argon2id or bcrypt whose cost a server would pay.
bool is_password_hash(std::string_view hash);

}  // namespace lms
