#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <lms/export.hpp>
#include <lms/id.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/random.hpp>
#include <lms/time.hpp>

/// JSON Web Tokens (RFC 7519), signed by HMAC-SHA-256.
namespace lms {

enum class TokenType { access, refresh, password_reset, email_verification, mfa_challenge };
constexpr auto names_of(TokenType) {
  return std::array<std::string_view, 5>{"access", "refresh", "password_reset", "email_verification", "mfa_challenge"};
}

struct TokenOptions {
  std::string secret;    ///< at least 32 bytes
  std::string issuer;    ///< `iss`; empty: left out and not checked
  std::string audience;  ///< `aud`; likewise
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

enum class TokenFault { malformed, bad_signature, wrong_type, expired, not_yet_valid, wrong_issuer, wrong_audience };
constexpr auto names_of(TokenFault) {
  return std::array<std::string_view, 7>{"malformed",     "bad_signature", "wrong_type",    "expired",
                                         "not_yet_valid", "wrong_issuer",  "wrong_audience"};
}

/// The claims of a good token, or what is wrong with it: a bad token is no exception but daily business.
using TokenVerdict = std::variant<TokenClaims, TokenFault>;

/// Makes and reads tokens. Thread-safe; no I/O.
class LMS_API Tokens {
 public:
  /// @throws Error invalid if the secret is shorter than 32 bytes.
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

 private:
  TokenOptions options_;
  Clock& clock_;
  Random& random_;
};

}  // namespace lms
