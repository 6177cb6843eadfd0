#include <lms/token.hpp>

#include <algorithm>
#include <utility>

#include <lms/error.hpp>
#include <lms/schema.hpp>
#include <lms/value.hpp>

#include "auth/jws.hpp"
#include "base/crypto.hpp"
#include "base/signing_key.hpp"

namespace lms {

namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

constexpr std::size_t max_token_length = 4'096;

std::int64_t epoch_seconds(Time time) {
  return duration_cast<seconds>(time.time_since_epoch()).count();
}
Time from_epoch(std::int64_t value) {
  return Time(seconds(value));
}

std::optional<Value> decode_json(std::string_view text) {
  try {
    Value value = parse_json(text, {.max_depth = 4});
    if (value.is_object()) return value;
  } catch (const Error&) {
    // A token whose payload is no JSON is malformed.
  }
  return std::nullopt;
}

bool names_audience(const Value& claim, const std::string& audience) {
  if (claim == Value(audience)) return true;
  if (!claim.is_array()) return false;
  for (const Value& entry : claim.as_array())
    if (entry == Value(audience)) return true;
  return false;
}

/// Dates beyond the year 9999 are no dates.
bool is_date(const Value& claim) {
  return claim.is_integer() && claim.as_integer() >= 0 && claim.as_integer() < 253'402'300'800;
}

void add_unless_known(std::vector<JwsKey>& keys, const SigningKey& key) {
  std::string kid = key.thumbprint();
  if (std::none_of(keys.begin(), keys.end(), [&](const JwsKey& known) { return known.kid() == kid; }))
    keys.emplace_back(key, std::move(kid));
}

/// Takes the keys out of the options.
std::unique_ptr<const JwsKeyRing> take_keys(TokenOptions& options) {
  std::vector<JwsKey> keys;
  if (options.algorithm == TokenAlgorithm::hs256)
    keys.push_back(JwsKey::hs256(std::move(options.secret)));
  else
    add_unless_known(keys, read_private_key("JWT_PRIVATE_KEY", options.private_key, options.algorithm));
  for (std::string& secret : options.previous_secrets)
    keys.push_back(JwsKey::hs256(std::move(secret), "SECRET_KEY_PREVIOUS"));
  for (const SigningKey& key : read_keys("JWT_PREVIOUS_KEYS", options.previous_keys)) add_unless_known(keys, key);

  options.previous_secrets.clear();
  for (std::string* text : {&options.secret, &options.private_key, &options.previous_keys}) {
    wipe(text->data(), text->size());
    text->clear();
  }
  return std::make_unique<const JwsKeyRing>(std::move(keys));
}

}  // namespace

Tokens::Tokens(TokenOptions options, Clock& clock, Random& random)
    : options_(std::move(options)), keys_(take_keys(options_)), clock_(clock), random_(random) {}

Tokens::~Tokens() = default;

std::chrono::seconds Tokens::lifetime(TokenType type) const noexcept {
  switch (type) {
    case TokenType::access:
      return options_.access;
    case TokenType::refresh:
      return options_.refresh;
    case TokenType::password_reset:
      return options_.password_reset;
    case TokenType::email_verification:
      return options_.email_verification;
    case TokenType::mfa_challenge:
      return options_.mfa_challenge;
  }
  return {};
}

Tokens::Issued Tokens::create(TokenType type, UserId subject, std::string role,
                              std::optional<SessionId> session) const {
  TokenClaims claims;
  claims.subject = subject;
  claims.role = std::move(role);
  claims.id = random_.token(16);
  claims.type = type;
  claims.issued_at = from_epoch(epoch_seconds(clock_.now()));
  claims.expires_at = claims.issued_at + lifetime(type);
  claims.session = session;
  return {create(claims), claims};
}

std::string Tokens::create(const TokenClaims& claims) const {
  Object payload{{"sub", claims.subject.text()}};
  if (!claims.role.empty()) payload.append("role", claims.role);
  payload.append("jti", claims.id);
  payload.append("typ", name_of(claims.type));
  payload.append("iat", epoch_seconds(claims.issued_at));
  payload.append("exp", epoch_seconds(claims.expires_at));
  if (claims.session) payload.append("sid", claims.session->text());
  if (!options_.issuer.empty()) payload.append("iss", options_.issuer);
  if (!options_.audience.empty()) payload.append("aud", options_.audience);

  return keys_->sign(to_json(Value(std::move(payload))));
}

std::string Tokens::create_access_token(UserId subject, std::string role) const {
  return create(TokenType::access, subject, std::move(role)).text;
}
std::string Tokens::create_refresh_token(UserId subject) const {
  return create(TokenType::refresh, subject).text;
}
std::string Tokens::create_password_reset_token(UserId subject) const {
  return create(TokenType::password_reset, subject).text;
}
std::string Tokens::create_email_verification_token(UserId subject) const {
  return create(TokenType::email_verification, subject).text;
}
std::string Tokens::create_mfa_challenge_token(UserId subject) const {
  return create(TokenType::mfa_challenge, subject).text;
}

std::string Tokens::jwks() const {
  return to_json(Object{{"keys", keys_->public_keys()}});
}

TokenVerdict Tokens::decode(std::string_view token, TokenType expected) const {
  if (token.size() > max_token_length) return TokenFault::malformed;
  const auto opened = keys_->open(token);
  if (const auto* fault = std::get_if<TokenFault>(&opened)) return *fault;

  const auto payload = decode_json(std::get<std::string>(opened));
  if (!payload) return TokenFault::malformed;
  const Value &sub = (*payload)["sub"], &role = (*payload)["role"], &jti = (*payload)["jti"], &typ = (*payload)["typ"],
              &sid = (*payload)["sid"], &iat = (*payload)["iat"], &exp = (*payload)["exp"], &nbf = (*payload)["nbf"];
  if (!sub.is_string() || !jti.is_string() || !typ.is_string() || !is_date(iat) || !is_date(exp))
    return TokenFault::malformed;
  if (!nbf.is_null() && !is_date(nbf)) return TokenFault::malformed;
  if ((!role.is_null() && !role.is_string()) || (!sid.is_null() && !sid.is_string())) return TokenFault::malformed;

  const auto subject = UserId::parse(sub.as_string());
  const auto type = enum_from<TokenType>(typ.as_string());
  if (!subject || !type) return TokenFault::malformed;
  if (*type != expected) return TokenFault::wrong_type;

  TokenClaims claims{*subject,
                     role.is_string() ? role.as_string() : std::string(),
                     jti.as_string(),
                     *type,
                     from_epoch(iat.as_integer()),
                     from_epoch(exp.as_integer()),
                     std::nullopt};
  if (sid.is_string() && !(claims.session = SessionId::parse(sid.as_string()))) return TokenFault::malformed;

  const Time now = clock_.now();
  if (now >= claims.expires_at + options_.leeway) return TokenFault::expired;
  if (claims.issued_at > now + options_.leeway + seconds(1)) return TokenFault::not_yet_valid;
  if (nbf.is_integer() && from_epoch(nbf.as_integer()) > now + options_.leeway) return TokenFault::not_yet_valid;
  if (!options_.issuer.empty() && (*payload)["iss"] != Value(options_.issuer)) return TokenFault::wrong_issuer;
  if (!options_.audience.empty() && !names_audience((*payload)["aud"], options_.audience))
    return TokenFault::wrong_audience;
  return claims;
}

}  // namespace lms
