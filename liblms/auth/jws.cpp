#include "auth/jws.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <lms/error.hpp>
#include <lms/schema.hpp>

#include "base/crypto.hpp"
#include "base/encoding.hpp"

namespace lms {

namespace {

constexpr std::size_t shortest_secret = 32;

/// What asks for more than this room understands, or brings a key along that nobody here has given.
constexpr auto refused_members = std::to_array<std::string_view>({"crit", "jwk", "jku", "x5u", "x5c"});

std::string encoded_header(TokenAlgorithm algorithm, const std::string& kid) {
  Object header{{"alg", name_of(algorithm)}, {"typ", "JWT"}};
  if (!kid.empty()) header.append("kid", kid);
  return to_base64url(to_json(header));
}

std::optional<Object> decoded_header(std::string_view encoded) {
  const auto text = from_base64url(encoded);
  if (!text) return std::nullopt;
  try {
    Value header = parse_json(*text, {.max_depth = 4});
    if (header.is_object()) return std::move(header.as_object());
  } catch (const Error&) {
    // No JSON, or a member that stands twice.
  }
  return std::nullopt;
}

}  // namespace

struct JwsKey::Secret {
  explicit Secret(std::string given) : text(std::move(given)) {}
  ~Secret() { wipe(text.data(), text.size()); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  std::string text;
};

JwsKey::JwsKey(Material material, TokenAlgorithm algorithm, std::string kid)
    : material_(std::move(material)),
      algorithm_(algorithm),
      kid_(std::move(kid)),
      header_(encoded_header(algorithm_, kid_)) {}

JwsKey::JwsKey(SigningKey key, std::string kid) : JwsKey(Material(key), key.algorithm(), std::move(kid)) {}

JwsKey JwsKey::hs256(std::string secret, std::string_view setting, std::string kid) {
  auto kept = std::make_shared<const Secret>(std::move(secret));
  const auto refuse = [&](std::string_view what) {
    return invalid({std::string(setting)}, std::string(setting) + " " + std::string(what), "value_error.weak_secret");
  };
  if (kept->text.size() < shortest_secret) throw refuse("must have at least 32 characters");
  if (is_pem(kept->text)) throw refuse("must be a secret, not a key in PEM, which may be known to others");
  return {Material(std::move(kept)), TokenAlgorithm::hs256, std::move(kid)};
}

std::string JwsKey::sign(std::string_view text) const {
  if (const SigningKey* key = asymmetric()) return key->sign(text);
  return std::string(as_text(hmac_sha256(std::get<0>(material_)->text, text)));
}

bool JwsKey::verify(std::string_view text, std::string_view signature) const {
  if (const SigningKey* key = asymmetric()) return key->verify(text, signature);
  return constant_time_equal(signature, as_text(hmac_sha256(std::get<0>(material_)->text, text)));
}

namespace {

const JwsKey& first_of(const std::vector<JwsKey>& keys) {
  if (keys.empty()) throw internal("no key to sign with");
  return keys.front();
}

}  // namespace

JwsKeyRing::JwsKeyRing(std::vector<JwsKey> keys) : signer_(first_of(keys)) {
  for (JwsKey& key : keys) {
    if (key.kid().empty() && key.asymmetric()) throw internal("a key without a name");
    if (!key.kid().empty() &&
        std::any_of(named_.begin(), named_.end(), [&](const JwsKey& other) { return other.kid() == key.kid(); }))
      throw invalid({"kid"}, "Two keys have the same name.", "value_error.kid_twice");
    (key.kid().empty() ? nameless_ : named_).push_back(std::move(key));
  }
}

std::string JwsKeyRing::sign(std::string_view payload) const {
  std::string text = signer_.header() + '.' + to_base64url(payload);
  const std::string signature = signer_.sign(text);
  text += '.';
  text += to_base64url(signature);
  return text;
}

std::variant<std::span<const JwsKey>, TokenFault> JwsKeyRing::signers(std::string_view header) const {
  // The headers these keys write themselves need not be read.
  if (!nameless_.empty() && header == nameless_.front().header()) return std::span(nameless_);
  for (const JwsKey& key : named_)
    if (header == key.header()) return std::span(&key, 1);

  const auto members = decoded_header(header);
  if (!members) return TokenFault::malformed;
  for (const std::string_view name : refused_members)
    if (members->contains(name)) return TokenFault::malformed;
  const Value* const alg = members->find("alg");
  const auto algorithm = alg && alg->is_string() ? enum_from<TokenAlgorithm>(alg->as_string()) : std::nullopt;
  if (!algorithm) return TokenFault::malformed;

  const Value* const kid = members->find("kid");
  if (!kid) {
    if (*algorithm != TokenAlgorithm::hs256) return TokenFault::malformed;
    if (nameless_.empty()) return TokenFault::unknown_key;
    return std::span(nameless_);
  }
  if (!kid->is_string()) return TokenFault::malformed;
  const auto named =
      std::find_if(named_.begin(), named_.end(), [&](const JwsKey& key) { return key.kid() == kid->as_string(); });
  if (named == named_.end()) return TokenFault::unknown_key;
  if (named->algorithm() != *algorithm) return TokenFault::malformed;
  return std::span(&*named, 1);
}

std::variant<std::string, TokenFault> JwsKeyRing::open(std::string_view token) const {
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == std::string_view::npos || token.find('.', first + 1) != last) return TokenFault::malformed;

  const auto found = signers(token.substr(0, first));
  if (const auto* fault = std::get_if<TokenFault>(&found)) return *fault;
  const auto signature = from_base64url(token.substr(last + 1));
  if (!signature) return TokenFault::malformed;
  const std::string_view text = token.substr(0, last);
  const auto keys = std::get<std::span<const JwsKey>>(found);
  if (std::none_of(keys.begin(), keys.end(), [&](const JwsKey& key) { return key.verify(text, *signature); }))
    return TokenFault::bad_signature;

  auto payload = from_base64url(token.substr(first + 1, last - first - 1));
  if (!payload) return TokenFault::malformed;
  return *std::move(payload);
}

Array JwsKeyRing::public_keys() const {
  Array keys;
  for (const JwsKey& key : named_) {
    if (!key.asymmetric()) continue;
    Object jwk = key.asymmetric()->public_jwk();
    jwk.append("alg", name_of(key.algorithm()));
    jwk.append("kid", key.kid());
    jwk.append("use", "sig");
    keys.emplace_back(std::move(jwk));
  }
  return keys;
}

}  // namespace lms
