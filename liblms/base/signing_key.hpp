#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <lms/token.hpp>
#include <lms/value.hpp>

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace lms {

/// A key of Ed25519, or of RSA for signatures by PKCS#1 v1.5 with SHA-256; private or public. Immutable and
/// thread-safe; copies share it, and the last one wipes it.
class SigningKey {
 public:
  using Handle = std::shared_ptr<evp_pkey_st>;
  /// Of a handle that `read_private_key` or `read_keys` found good.
  SigningKey(Handle key, bool is_private);

  /// Never hs256.
  TokenAlgorithm algorithm() const noexcept { return algorithm_; }
  bool is_private() const noexcept { return is_private_; }

  /// @throws Error internal if the key is public.
  std::string sign(std::string_view message) const;
  /// False also for a signature that is none, whatever its length.
  bool verify(std::string_view message, std::string_view signature) const;

  /// The required members of the public key's JWK (RFC 7517, 8037), in the order of RFC 7638.
  Object public_jwk() const;
  /// RFC 7638, SHA-256, in base64url: the key's name everywhere, for private and public key alike.
  std::string thumbprint() const;

 private:
  Handle key_;
  TokenAlgorithm algorithm_;
  bool is_private_;
};

/// The private key of `algorithm`, which is not hs256, in a PEM text. Here and in `read_keys` line ends may be written
/// as `\n` in two characters, as environment variables have them.
/// @throws Error invalid with one fault at the setting of that name: what it is instead and how to make a right one,
///   nothing of the text itself.
SigningKey read_private_key(std::string_view setting, std::string_view pem, TokenAlgorithm algorithm);

/// All keys in PEM texts that stand one after another; none in an empty text. @throws Error invalid as
/// read_private_key.
std::vector<SigningKey> read_keys(std::string_view setting, std::string_view pem);

/// Whether there is PEM in the text. Such a text can be a public key, which everybody knows, so it is no secret.
bool is_pem(std::string_view text) noexcept;

}  // namespace lms
