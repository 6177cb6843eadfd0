#include "base/crypto.hpp"

#include <charconv>
#include <memory>
#include <optional>

#include <argon2.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <lms/error.hpp>

namespace lms {

namespace {

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// Looking an algorithm up costs more than a short message; what was found is kept until the process ends.
EVP_MD* sha256_algorithm() {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}
EVP_MAC* hmac_algorithm() {
  static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  return algorithm;
}

using MacContext = std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)>;

bool take_number(std::string_view& text, std::string_view prefix, std::uint32_t& number) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return true;
}

std::optional<Argon2idCost> cost_of(std::string_view phc) {
  std::uint32_t version = 0;
  Argon2idCost cost{};
  if (!take_number(phc, "$argon2id$v=", version) || version != ARGON2_VERSION_13 ||
      !take_number(phc, "$m=", cost.memory_kib) || !take_number(phc, ",t=", cost.iterations) ||
      !take_number(phc, ",p=", cost.parallelism) || !phc.starts_with('$'))
    return std::nullopt;
  return cost;
}

bool affordable(const Argon2idCost& cost) {
  return cost.memory_kib <= 1024 * 1024 && cost.iterations <= 64 && cost.parallelism <= 64;
}

Error no_memory() {
  return unavailable("password_hashing_busy", "There is not enough memory to check a password now; try again.");
}

template <class Digest>
Digest hmac(char* algorithm, std::string_view key, std::string_view message) {
  Digest digest;
  std::size_t size = 0;
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, algorithm, 0),
                                   OSSL_PARAM_construct_end()};
  const MacContext context(EVP_MAC_CTX_new(hmac_algorithm()), &EVP_MAC_CTX_free);
  // Without a key OpenSSL would take the context's own, which is not set: an empty one is no null pointer here.
  const unsigned char* const key_octets = key.empty() ? reinterpret_cast<const unsigned char*>("") : octets(key);
  if (!context || EVP_MAC_init(context.get(), key_octets, key.size(), parameters) != 1 ||
      EVP_MAC_update(context.get(), octets(message), message.size()) != 1 ||
      EVP_MAC_final(context.get(), digest.data(), &size, digest.size()) != 1 || size != digest.size())
    throw internal("HMAC failed");
  return digest;
}

}  // namespace

Sha256Digest sha256(std::string_view message) {
  Sha256Digest digest;
  if (EVP_Digest(message.data(), message.size(), digest.data(), nullptr, sha256_algorithm(), nullptr) != 1)
    throw internal("SHA-256 failed");
  return digest;
}

Sha1Digest hmac_sha1(std::string_view key, std::string_view message) {
  char algorithm[] = "SHA1";
  return hmac<Sha1Digest>(algorithm, key, message);
}

Sha256Digest hmac_sha256(std::string_view key, std::string_view message) {
  char algorithm[] = "SHA256";
  return hmac<Sha256Digest>(algorithm, key, message);
}

bool constant_time_equal(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(void* memory, std::size_t size) noexcept {
  OPENSSL_cleanse(memory, size);
}

std::string argon2id_hash(std::string_view password, std::string_view salt, const Argon2idCost& cost) {
  constexpr std::uint32_t hash_size = 32;
  std::string phc(argon2_encodedlen(cost.iterations, cost.memory_kib, cost.parallelism,
                                    static_cast<std::uint32_t>(salt.size()), hash_size, Argon2_id),
                  '\0');
  const int result =
      argon2id_hash_encoded(cost.iterations, cost.memory_kib, cost.parallelism, password.data(), password.size(),
                            salt.data(), salt.size(), hash_size, phc.data(), phc.size());
  if (result == ARGON2_MEMORY_ALLOCATION_ERROR) throw no_memory();
  if (result != ARGON2_OK) throw internal(std::string("Argon2: ") + argon2_error_message(result));
  phc.resize(phc.find('\0'));
  return phc;
}

bool argon2id_verify(std::string_view password, const std::string& phc) {
  const auto cost = cost_of(phc);
  if (!cost || !affordable(*cost) || phc.find('\0') != std::string::npos) return false;
  const int result = ::argon2id_verify(phc.c_str(), password.data(), password.size());
  if (result == ARGON2_MEMORY_ALLOCATION_ERROR) throw no_memory();
  return result == ARGON2_OK;
}

bool argon2id_needs_rehash(const std::string& phc, const Argon2idCost& cost) {
  const auto paid = cost_of(phc);
  return !paid || paid->memory_kib < cost.memory_kib || paid->iterations < cost.iterations ||
         paid->parallelism < cost.parallelism;
}

}  // namespace lms
