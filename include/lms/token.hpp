#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <lms/export.hpp>
#include <lms/id.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/random.hpp>
#include <lms/time.hpp>

/// JSON Web Tokens (RFC 7519), signed by HMAC-SHA-256, Ed25519 (RFC 8037) or RSA with SHA-256.
namespace lms {

class JwsKeyRing;

/// What signs new tokens; the names are those of JOSE. A secret signs and verifies; of the other two, whoever has the
/// public key can verify.
enum class TokenAlgorithm { hs256, eddsa, rs256 };
constexpr auto names_of(TokenAlgorithm) {
  return std::array<std::string_view, 3>{"HS256", "EdDSA", "RS256"};
}

enum class TokenType { access, refresh, password_reset, email_verification, mfa_challenge };
constexpr auto names_of(TokenType) {
  return std::array<std::string_view, 5>{"access", "refresh", "password_reset", "email_verification", "mfa_challenge"};
}

/// Keys that signed earlier go on verifying until they are taken out, under every algorithm. Which key verifies a token
/// is told by its `kid`, or, where there is none, it is one of the secrets; a key never verifies by another algorithm
/// than its own.
struct TokenOptions {
  TokenAlgorithm algorithm = TokenAlgorithm::hs256;
  std::string secret;                         ///< signs under hs256, at least 32 bytes; without use under the others
  std::vector<std::string> previous_secrets;  ///< verify tokens of hs256; at least 32 bytes each
  std::string private_key;                    ///< signs under eddsa and rs256: PEM, PKCS#8 or PKCS#1, not encrypted
  std::string previous_keys;                  ///< verify: PEM, any number of keys one after another, private or public
  std::string issuer;                         ///< `iss`; empty: left out and not checked
  std::string audience;                       ///< `aud`; likewise
  std::chrono::seconds leeway{0};
  std::chrono::seconds access{std::chrono::minutes{15}};
  std::chrono::seconds refresh{std::chrono::days{30}};
  std::chrono::seconds password_reset{std::chrono::minutes{30}};
  std::chrono::seconds email_verification{std::chrono::minutes{60}};
  std::chrono::seconds mfa_challenge{std::chrono::minutes{5}};
};

/// What a token says. Times have whole seconds.
struct TokenClaims {
  UserId subject;                    ///< `sub`
  std::string role;                  ///< `role`; empty: left out
  std::string id;                    ///< `jti`
  TokenType type{};                  ///< `typ`
  Time issued_at;                    ///< `iat`
  Time expires_at;                   ///< `exp`
  std::optional<SessionId> session;  ///< `sid`
};

enum class TokenFault {
  malformed,
  bad_signature,
  wrong_type,
  expired,
  not_yet_valid,
  wrong_issuer,
  wrong_audience,
  unknown_key  ///< it names a key that is not here, or none where there is no secret
};
constexpr auto names_of(TokenFault) {
  return std::array<std::string_view, 8>{"malformed",     "bad_signature", "wrong_type",     "expired",
                                         "not_yet_valid", "wrong_issuer",  "wrong_audience", "unknown_key"};
}

/// The claims of a good token, or what is wrong with it: a bad token is no exception but daily business.
using TokenVerdict = std::variant<TokenClaims, TokenFault>;

/// Makes and reads tokens. Thread-safe; no I/O.
class LMS_API Tokens {
 public:
  /// @throws Error invalid if the key that is to sign is missing, or any key is not what TokenOptions asks for; it
  /// names the setting, and never what stands in it.
  Tokens(TokenOptions options, Clock& clock, Random& random);
  ~Tokens();

  struct Issued {
    std::string text;
    TokenClaims claims;
  };
  /// `session` ties an access or refresh token to a session.
  Issued create(TokenType type, UserId subject, std::string role = {},
                std::optional<SessionId> session = std::nullopt) const;
  /// The token that says just this, at any time the same text as long as key and options are.
  std::string create(const TokenClaims& claims) const;

  std::string create_access_token(UserId subject, std::string role) const;
  std::string create_refresh_token(UserId subject) const;
  std::string create_password_reset_token(UserId subject) const;
  std::string create_email_verification_token(UserId subject) const;
  std::string create_mfa_challenge_token(UserId subject) const;

  /// Checks algorithm, signature, required claims, type and times. Knows nothing of revocation.
  TokenVerdict decode(std::string_view token, TokenType expected) const;

  std::chrono::seconds lifetime(TokenType type) const noexcept;

  /// The public keys by which others verify these tokens, as a JWK set (RFC 7517) in JSON: the one that signs first,
  /// then the previous ones. No secret is among them, so under hs256 it may have no keys.
  std::string jwks() const;

 private:
  TokenOptions options_;  ///< its keys have moved into `keys_`
  std::unique_ptr<const JwsKeyRing> keys_;
  Clock& clock_;
  Random& random_;
};

}  // namespace lms
