#include "base/crypto.hpp"

#include <algorithm>
#include <charconv>
#include <climits>
#include <memory>
#include <optional>

#include <argon2.h>
#include <crypt.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <lms/error.hpp>

#include "base/encoding.hpp"

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

EVP_CIPHER* aes128_cbc_algorithm() {
  static EVP_CIPHER* const algorithm = EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr);
  return algorithm;
}

using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;
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

bool is_made_of(std::string_view text, std::string_view signs) {
  return !text.empty() && text.find_first_not_of(signs) == std::string_view::npos;
}

/// `$2b$12$`, 22 characters of salt, 31 of the hash, and a cost that is not too high.
bool is_affordable_bcrypt(std::string_view hash) {
  constexpr std::size_t hash_size = 60;
  constexpr std::string_view digits = "0123456789";
  if (!is_bcrypt(hash) || hash.size() != hash_size || !is_made_of(hash.substr(4, 2), digits) || hash[6] != '$')
    return false;
  return (hash[4] - '0') * 10 + (hash[5] - '0') <= 14;
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

std::string sha256_hex(std::string_view message) {
  return to_hex(sha256(message));
}

Sha1Digest hmac_sha1(std::string_view key, std::string_view message) {
  char algorithm[] = "SHA1";
  return hmac<Sha1Digest>(algorithm, key, message);
}

Sha256Digest hmac_sha256(std::string_view key, std::string_view message) {
  char algorithm[] = "SHA256";
  return hmac<Sha256Digest>(algorithm, key, message);
}

std::string aes128_cbc_encrypt(std::span<const std::uint8_t, 16> key, std::string_view iv, std::string_view text) {
  if (iv.size() != aes_block_size || text.size() > INT_MAX - aes_block_size) throw internal("AES: a wrong size");
  const CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  std::string ciphertext((text.size() / aes_block_size + 1) * aes_block_size, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(ciphertext.data());
  int body = 0;
  int rest = 0;
  if (!context || EVP_EncryptInit_ex2(context.get(), aes128_cbc_algorithm(), key.data(), octets(iv), nullptr) != 1 ||
      EVP_EncryptUpdate(context.get(), out, &body, octets(text), static_cast<int>(text.size())) != 1 ||
      EVP_EncryptFinal_ex(context.get(), out + body, &rest) != 1 ||
      static_cast<std::size_t>(body + rest) != ciphertext.size())
    throw internal("AES failed");
  return ciphertext;
}

std::optional<std::string> aes128_cbc_decrypt(std::span<const std::uint8_t, 16> key, std::string_view iv,
                                              std::string_view ciphertext) {
  if (iv.size() != aes_block_size || ciphertext.size() > INT_MAX - aes_block_size) throw internal("AES: a wrong size");
  const CipherContext context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  std::string text(ciphertext.size() + aes_block_size, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(text.data());
  int body = 0;
  int rest = 0;
  if (!context || EVP_DecryptInit_ex2(context.get(), aes128_cbc_algorithm(), key.data(), octets(iv), nullptr) != 1 ||
      EVP_DecryptUpdate(context.get(), out, &body, octets(ciphertext), static_cast<int>(ciphertext.size())) != 1)
    throw internal("AES failed");
  if (EVP_DecryptFinal_ex(context.get(), out + body, &rest) != 1) {
    wipe(text.data(), text.size());
    return std::nullopt;
  }
  wipe(text.data() + body + rest, text.size() - static_cast<std::size_t>(body + rest));
  text.resize(static_cast<std::size_t>(body + rest));
  return text;
}

bool constant_time_equal(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(void* memory, std::size_t size) noexcept {
  OPENSSL_cleanse(memory, size);
}

bool is_affordable(const Argon2idCost& cost) noexcept {
  return cost.memory_kib <= costliest_argon2id.memory_kib && cost.iterations <= costliest_argon2id.iterations &&
         cost.parallelism <= costliest_argon2id.parallelism;
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
  if (!cost || !is_affordable(*cost) || phc.find('\0') != std::string::npos) return false;
  const int result = ::argon2id_verify(phc.c_str(), password.data(), password.size());
  if (result == ARGON2_MEMORY_ALLOCATION_ERROR) throw no_memory();
  return result == ARGON2_OK;
}

bool argon2id_needs_rehash(const std::string& phc, const Argon2idCost& cost) {
  const auto paid = cost_of(phc);
  return !paid || paid->memory_kib < cost.memory_kib || paid->iterations < cost.iterations ||
         paid->parallelism < cost.parallelism;
}

bool is_bcrypt(std::string_view hash) noexcept {
  return hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$");
}

bool bcrypt_verify(std::string_view password, const std::string& hash) {
  constexpr std::size_t longest_secret = 72;  // bytes that the algorithm looks at
  if (!is_affordable_bcrypt(hash)) return false;
  // To bcrypt a NUL ends the password, so who says yes to one lets every other ending in as well. No system that
  // hashes has made such a hash on purpose.
  if (password.find('\0') != std::string_view::npos) return false;
  // Those that made the hash took 72 bytes and left the rest away; whoever has a longer password must get in as they
  // did there. It counts whole from the next hash on.
  std::string secret(password.substr(0, longest_secret));
  const auto data = std::make_unique<crypt_data>();  // 32 KiB: too much for the stacks of some hosts
  const std::string_view made = crypt_r(secret.c_str(), hash.c_str(), data.get());
  wipe(secret.data(), secret.size());
  const bool same = constant_time_equal(made, hash);  // `*0` for what libxcrypt does not accept
  wipe(data.get(), sizeof *data);
  return same;
}

bool is_password_hash(std::string_view hash) {
  constexpr std::string_view base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::string_view bcrypt_base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./";
  constexpr std::size_t longest = 512, shortest_salt = 11, shortest_hash = 16;  // characters
  if (is_bcrypt(hash)) return is_affordable_bcrypt(hash) && is_made_of(hash.substr(7), bcrypt_base64);
  const auto cost = cost_of(hash);
  // What others chose may keep a core busy for about a second, as bcrypt's; what the settings say is the operator's.
  constexpr std::uint64_t most_work = 1024UL * 1024;  // KiB that are gone over
  if (hash.size() > longest || !cost || cost->iterations < 1 || cost->parallelism < 1 || !is_affordable(*cost) ||
      std::uint64_t{cost->memory_kib} * cost->iterations > most_work)
    return false;
  const std::size_t end_of_salt = hash.rfind('$');
  const std::size_t end_of_cost = hash.rfind('$', end_of_salt - 1);
  const std::string_view salt = hash.substr(end_of_cost + 1, end_of_salt - end_of_cost - 1);
  const std::string_view digest = hash.substr(end_of_salt + 1);
  return is_made_of(salt, base64) && is_made_of(digest, base64) && salt.size() >= shortest_salt &&
         digest.size() >= shortest_hash &&
         hash.substr(0, end_of_cost).ends_with("p=" + std::to_string(cost->parallelism));
}

}  // namespace lms
