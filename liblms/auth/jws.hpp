#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <lms/token.hpp>
#include <lms/value.hpp>

#include "base/signing_key.hpp"

/// JSON Web Signatures (RFC 7515) in their compact form. What they sign is any text.
namespace lms {

/// A key with its algorithm and its name (`kid`). Immutable; copies share it.
class JwsKey {
 public:
  /// A secret for HS256. One without a name verifies what names no key.
  /// @throws Error invalid at the setting of that name for a secret under 32 bytes, or one that is PEM.
  static JwsKey hs256(std::string secret, std::string_view setting = "SECRET_KEY", std::string kid = {});
  JwsKey(SigningKey key, std::string kid);

  TokenAlgorithm algorithm() const noexcept { return algorithm_; }
  const std::string& kid() const noexcept { return kid_; }
  /// The header of what it signs, encoded.
  const std::string& header() const noexcept { return header_; }

  std::string sign(std::string_view text) const;
  bool verify(std::string_view text, std::string_view signature) const;

  /// Null for a secret.
  const SigningKey* asymmetric() const noexcept { return std::get_if<SigningKey>(&material_); }

 private:
  struct Secret;
  using Material = std::variant<std::shared_ptr<const Secret>, SigningKey>;

  JwsKey(Material material, TokenAlgorithm algorithm, std::string kid);

  Material material_;
  TokenAlgorithm algorithm_;
  std::string kid_;
  std::string header_;
};

/// The key that signs and all that verify. Immutable, so thread-safe.
class JwsKeyRing {
 public:
  /// The first one signs. @throws Error invalid if two have the same name, internal if there is none or one that is no
  /// secret has no name.
  explicit JwsKeyRing(std::vector<JwsKey> keys);

  std::string sign(std::string_view payload) const;

  /// The payload of what one of the keys has signed, or malformed, unknown_key or bad_signature. The header names the
  /// key; the algorithm is the key's, and the header must agree. A header without `kid` stands for the secrets without
  /// a name, and nothing in a header brings a key along.
  std::variant<std::string, TokenFault> open(std::string_view token) const;

  /// The JWK (RFC 7517) of each key that is no secret, as others need it to verify.
  Array public_keys() const;

 private:
  std::variant<std::span<const JwsKey>, TokenFault> signers(std::string_view header) const;

  JwsKey signer_;
  std::vector<JwsKey> named_, nameless_;
};

}  // namespace lms
