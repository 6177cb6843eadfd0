#include "base/signing_key.hpp"

#include <optional>
#include <utility>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <lms/error.hpp>
#include <lms/schema.hpp>

#include "base/crypto.hpp"
#include "base/encoding.hpp"

namespace lms {

namespace {

constexpr int least_rsa_bits = 2'048;
constexpr int most_rsa_bits = 8'192;  // beyond, a single verification takes milliseconds
constexpr std::size_t longest_label = 40;

/// A host may use OpenSSL too: whatever fails in here leaves nothing in its queue of errors.
class ErrorMark {
 public:
  ErrorMark() { ERR_set_mark(); }
  ~ErrorMark() { ERR_pop_to_mark(); }
  ErrorMark(const ErrorMark&) = delete;
  ErrorMark& operator=(const ErrorMark&) = delete;
};

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

/// Ed25519 hashes by itself.
const EVP_MD* digest_of(TokenAlgorithm algorithm) {
  return algorithm == TokenAlgorithm::rs256 ? EVP_sha256() : nullptr;
}

// --- parts of a public key ---

std::string raw_public_key(EVP_PKEY* key) {
  std::size_t size = 0;
  if (EVP_PKEY_get_raw_public_key(key, nullptr, &size) != 1) throw internal("a key without its public part");
  std::string bytes(size, '\0');
  if (EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(bytes.data()), &size) != 1)
    throw internal("a key without its public part");
  return bytes;
}

/// Big-endian, without zeros in front.
std::string number(EVP_PKEY* key, const char* name) {
  BIGNUM* found = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &found) != 1) throw internal("a key without its public part");
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> value(found, &BN_free);
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(found)), '\0');
  BN_bn2bin(found, reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes;
}

// --- PEM ---

struct PemBlock {
  std::string label;
  bool encrypted = false;
  std::string der;

  PemBlock(std::string name, bool is_encrypted, std::string bytes)
      : label(std::move(name)), encrypted(is_encrypted), der(std::move(bytes)) {}
  PemBlock(PemBlock&&) noexcept = default;
  PemBlock& operator=(PemBlock&&) = delete;
  ~PemBlock() { wipe(der.data(), der.size()); }
};

/// With `\n` as line ends, and lines that are not indented, as they are where YAML has had them.
std::string with_plain_lines(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 'n' || text[i + 1] == 'r');
    const bool indents = (text[i] == ' ' || text[i] == '\t') && (out.empty() || out.back() == '\n');
    if (escaped)
      out += text[++i] == 'n' ? '\n' : '\r';
    else if (!indents)
      out += text[i];
  }
  return out;
}

/// nullopt if what begins as PEM does not go on so.
std::optional<std::vector<PemBlock>> read_blocks(std::string_view given) {
  std::string text = with_plain_lines(given);
  std::vector<PemBlock> blocks;
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
                                                      &BIO_free);
  if (!bio) throw internal("no memory for a key");
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  while (PEM_read_bio(bio.get(), &name, &header, &data, &size) == 1) {
    const bool encrypted = std::string_view(header).find("ENCRYPTED") != std::string_view::npos;
    blocks.emplace_back(name, encrypted,
                        std::string(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)));
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  wipe(text.data(), text.size());
  if (!at_end) return std::nullopt;
  return blocks;
}

// --- what keys must be ---

std::string way_to_make(TokenAlgorithm algorithm) {
  return algorithm == TokenAlgorithm::rs256 ? "`openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072`"
                                            : "`openssl genpkey -algorithm ed25519`";
}

std::string private_form(TokenAlgorithm algorithm) {
  const std::string kind = algorithm == TokenAlgorithm::rs256
                               ? "an RSA private key of 2048 to 8192 bits in PEM (PKCS#8 "
                                 "or PKCS#1)"
                               : "an Ed25519 private key in PEM (PKCS#8)";
  return kind + " without a passphrase, such as " + way_to_make(algorithm) + " prints; line ends may be written as \\n";
}

constexpr std::string_view keys_form =
    "keys in PEM one after another, private or public, each of Ed25519 or of RSA with 2048 to 8192 bits, without a "
    "passphrase; line ends may be written as \\n";

/// Makes the error of one setting.
struct Complaint {
  std::string_view setting;
  std::string form;
  std::string subject = std::string(setting);

  Error operator()(std::string_view what) const {
    return invalid({"settings", std::string(setting)}, subject + " " + std::string(what) + "; it must be " + form,
                   "value_error.signing_key");
  }
};

SigningKey::Handle decode(const PemBlock& block, bool is_private) {
  const unsigned char* at = octets(block.der);
  const auto size = static_cast<long>(block.der.size());
  EVP_PKEY* key = nullptr;
  if (is_private)
    key = d2i_AutoPrivateKey(nullptr, &at, size);
  else if (block.label == "RSA PUBLIC KEY")
    key = d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, size);
  else
    key = d2i_PUBKEY(nullptr, &at, size);
  return {key, &EVP_PKEY_free};
}

bool is_sound(EVP_PKEY* key) {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(EVP_PKEY_CTX_new(key, nullptr),
                                                                            &EVP_PKEY_CTX_free);
  return context && EVP_PKEY_public_check(context.get()) == 1;
}

/// Whether the private part belongs to the public one.
bool signs_for_itself(const SigningKey& key) {
  constexpr std::string_view message = "a key that cannot verify what it signs would lock everybody out";
  try {
    return key.verify(message, key.sign(message));
  } catch (const Error&) {
    return false;
  }
}

SigningKey key_of(const PemBlock& block, const Complaint& complaint) {
  if (block.encrypted || block.label == "ENCRYPTED PRIVATE KEY")
    throw complaint("is encrypted (`openssl pkey -in FILE` prints it without its passphrase)");
  if (block.label == "OPENSSH PRIVATE KEY") throw complaint("is a key in the form of OpenSSH");
  const bool is_private = block.label.ends_with("PRIVATE KEY");
  if (!is_private && !block.label.ends_with("PUBLIC KEY"))
    throw complaint("is no key but PEM of the kind " + block.label.substr(0, longest_label));

  SigningKey::Handle handle = decode(block, is_private);
  if (!handle) throw complaint("is damaged, or a key of an unknown kind");
  const int kind = EVP_PKEY_get_base_id(handle.get());
  if (kind == EVP_PKEY_RSA) {
    const int bits = EVP_PKEY_get_bits(handle.get());
    if (bits < least_rsa_bits || bits > most_rsa_bits)
      throw complaint("is an RSA key of " + std::to_string(bits) + " bits");
  } else if (kind != EVP_PKEY_ED25519) {
    const char* const name = EVP_PKEY_get0_type_name(handle.get());
    throw complaint("is a key of another kind" + (name ? " (" + std::string(name) + ")" : ""));
  }
  if (!is_sound(handle.get())) throw complaint("is damaged: its numbers make no key");
  SigningKey key(std::move(handle), is_private);
  if (is_private && !signs_for_itself(key)) throw complaint("is damaged: its private and its public part do not match");
  return key;
}

std::string_view kind_of(TokenAlgorithm algorithm) {
  return algorithm == TokenAlgorithm::rs256 ? "RSA" : "Ed25519";
}

}  // namespace

SigningKey::SigningKey(Handle key, bool is_private)
    : key_(std::move(key)),
      algorithm_(EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_RSA ? TokenAlgorithm::rs256 : TokenAlgorithm::eddsa),
      is_private_(is_private) {}

std::string SigningKey::sign(std::string_view message) const {
  if (!is_private_) throw internal("a public key cannot sign");
  const ErrorMark mark;
  const DigestContext context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::size_t size = 0;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, digest_of(algorithm_), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, octets(message), message.size()) != 1)
    throw internal("signing failed");
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, octets(message),
                     message.size()) != 1)
    throw internal("signing failed");
  signature.resize(size);
  return signature;
}

bool SigningKey::verify(std::string_view message, std::string_view signature) const {
  const ErrorMark mark;
  const DigestContext context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!context || EVP_DigestVerifyInit(context.get(), nullptr, digest_of(algorithm_), nullptr, key_.get()) != 1)
    throw internal("verifying a signature failed");
  return EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(message), message.size()) == 1;
}

Object SigningKey::public_jwk() const {
  const ErrorMark mark;
  if (algorithm_ == TokenAlgorithm::eddsa)
    return {{"crv", "Ed25519"}, {"kty", "OKP"}, {"x", to_base64url(raw_public_key(key_.get()))}};
  return {{"e", to_base64url(number(key_.get(), OSSL_PKEY_PARAM_RSA_E))},
          {"kty", "RSA"},
          {"n", to_base64url(number(key_.get(), OSSL_PKEY_PARAM_RSA_N))}};
}

std::string SigningKey::thumbprint() const {
  return to_base64url(as_text(sha256(to_json(public_jwk()))));
}

SigningKey read_private_key(std::string_view setting, std::string_view pem, TokenAlgorithm algorithm) {
  const ErrorMark mark;
  const Complaint complaint{setting, private_form(algorithm)};
  if (pem.empty()) throw complaint("is not set, but ALGORITHM is " + std::string(name_of(algorithm)));
  const auto blocks = read_blocks(pem);
  if (!blocks) throw complaint("is damaged PEM");
  if (blocks->empty()) throw complaint("is no PEM text");
  if (blocks->size() > 1) throw complaint("holds " + std::to_string(blocks->size()) + " PEM texts, not one");
  SigningKey key = key_of(blocks->front(), complaint);
  if (!key.is_private()) throw complaint("is a public key, which can sign nothing");
  if (key.algorithm() != algorithm)
    throw complaint("is a key of " + std::string(kind_of(key.algorithm())) + ", but ALGORITHM is " +
                    std::string(name_of(algorithm)));
  return key;
}

std::vector<SigningKey> read_keys(std::string_view setting, std::string_view pem) {
  if (pem.find_first_not_of(" \t\r\n") == std::string_view::npos) return {};
  const ErrorMark mark;
  Complaint complaint{setting, std::string(keys_form)};
  const auto blocks = read_blocks(pem);
  if (!blocks) throw complaint("is damaged PEM");
  if (blocks->empty()) throw complaint("is no PEM text");
  std::vector<SigningKey> keys;
  for (const PemBlock& block : *blocks) {
    if (blocks->size() > 1) complaint.subject = std::string(setting) + ", key " + std::to_string(keys.size() + 1) + ",";
    keys.push_back(key_of(block, complaint));
  }
  return keys;
}

bool is_pem(std::string_view text) noexcept {
  return text.find("-----BEGIN ") != std::string_view::npos;
}

}  // namespace lms
