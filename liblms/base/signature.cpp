#include <lms/signature.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include <lms/error.hpp>

#include "base/crypto.hpp"
#include "base/encoding.hpp"

namespace lms {

namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

constexpr std::size_t longest_header = 8'192;  // some dozens of signatures
constexpr std::string_view whsec = "whsec_";
constexpr std::string_view sha256_label = "sha256=";

Error unusable(std::size_t position, std::string message, std::string type) {
  return invalid({"secrets", position}, std::move(message), std::move(type));
}

std::string hmac(std::string_view secret, std::string_view message) {
  const Sha256Digest digest = hmac_sha256(secret, message);
  return std::string(as_text(digest));
}

/// Looks at all pairs, so that time does not tell which secret or signature it was.
SignatureVerdict compare(const SigningSecrets& secrets, const std::vector<std::string>& digests,
                         std::string_view message) {
  bool good = false;
  for (const std::string& secret : secrets.all()) {
    const std::string expected = hmac(secret, message);
    for (const std::string& digest : digests) good = constant_time_equal(expected, digest) || good;
  }
  return good ? SignatureVerdict::good : SignatureVerdict::mismatch;
}

/// Takes the part up to the separator, or all, off the text.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool is_digest(const std::optional<std::string>& bytes) {
  return bytes && bytes->size() == std::tuple_size_v<Sha256Digest>;
}

std::string seconds_text(Time time) {
  return std::to_string(duration_cast<seconds>(time.time_since_epoch()).count());
}

/// Seconds since 1970 up to the year 9999, without sign.
std::optional<seconds> parse_seconds(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.front() == '-' || number > 253'402'300'799)
    return std::nullopt;
  return seconds(number);
}

SignatureVerdict at_time(SignatureVerdict verdict, seconds made, Time now, seconds tolerance) {
  const seconds age = std::chrono::floor<seconds>(now.time_since_epoch()) - made;
  if (verdict != SignatureVerdict::good || (age <= tolerance && -age <= tolerance)) return verdict;
  return age > tolerance ? SignatureVerdict::too_old : SignatureVerdict::too_new;
}

bool is_message_id(std::string_view id) {
  return !id.empty() && id.find('.') == std::string_view::npos;
}

std::string joined(std::string_view a, std::string_view b) {
  std::string text;
  text.reserve(a.size() + 1 + b.size());
  return text.append(a).append(1, '.').append(b);
}

}  // namespace

SigningSecrets::SigningSecrets(std::vector<std::string> secrets) : secrets_(std::move(secrets)) {
  if (secrets_.empty()) throw invalid({"secrets"}, "must have at least one secret", "value_error.missing");
  for (std::size_t i = 0; i < secrets_.size(); ++i)
    if (secrets_[i].empty()) throw unusable(i, "must not be empty: anybody could sign with it", "value_error.missing");
}

SigningSecrets SigningSecrets::standard_webhooks(const std::vector<std::string>& texts) {
  std::vector<std::string> secrets;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::string_view text = texts[i];
    if (text.starts_with(whsec)) text.remove_prefix(whsec.size());
    auto bytes = from_base64(text);
    if (!bytes) throw unusable(i, "must be whsec_ and base64, as other programs take it", "value_error.webhook_secret");
    secrets.push_back(*std::move(bytes));
  }
  return SigningSecrets(std::move(secrets));
}

SigningSecrets::~SigningSecrets() {
  for (std::string& secret : secrets_) wipe(secret.data(), secret.size());
}

std::string generate_webhook_secret(Random& random) {
  std::array<std::uint8_t, 32> bytes;
  random.fill(bytes);
  std::string secret = std::string(whsec) + to_base64(as_text(bytes));
  wipe(bytes.data(), bytes.size());
  return secret;
}

std::string sign_sha256(const SigningSecrets& secrets, std::string_view body) {
  return std::string(sha256_label) + to_hex(hmac_sha256(secrets.signing(), body));
}

SignatureVerdict verify_sha256(const SigningSecrets& secrets, std::string_view signature, std::string_view body) {
  if (signature.empty()) return SignatureVerdict::missing;
  if (!signature.starts_with(sha256_label)) return SignatureVerdict::malformed;
  const auto digest = from_hex(signature.substr(sha256_label.size()));
  return is_digest(digest) ? compare(secrets, {*digest}, body) : SignatureVerdict::malformed;
}

std::string sign_stripe(const SigningSecrets& secrets, Time now, std::string_view body) {
  const std::string time = seconds_text(now);
  return "t=" + time + ",v1=" + to_hex(hmac_sha256(secrets.signing(), joined(time, body)));
}

SignatureVerdict verify_stripe(const SigningSecrets& secrets, std::string_view signature, Time now,
                               std::string_view body, std::chrono::seconds tolerance) {
  if (signature.empty()) return SignatureVerdict::missing;
  if (signature.size() > longest_header) return SignatureVerdict::malformed;
  std::string_view time;
  std::vector<std::string> digests;
  while (!signature.empty()) {
    std::string_view value = take(signature, ',');
    const std::string_view name = take(value, '=');
    if (name == "t") {
      if (!time.empty() || value.empty()) return SignatureVerdict::malformed;
      time = value;
    } else if (name == "v1") {
      auto digest = from_hex(value);
      if (!is_digest(digest)) return SignatureVerdict::malformed;
      digests.push_back(*std::move(digest));
    }
  }
  const auto made = time.empty() ? std::nullopt : parse_seconds(time);
  if (!made || digests.empty()) return SignatureVerdict::malformed;
  return at_time(compare(secrets, digests, joined(time, body)), *made, now, tolerance);
}

StandardWebhookHeaders sign_standard_webhook(const SigningSecrets& secrets, std::string_view id, Time now,
                                             std::string_view body) {
  if (!is_message_id(id))
    throw invalid({"id"}, "must be a text without a full stop, such as msg_0197a3c2", "value_error.webhook_id");
  StandardWebhookHeaders headers{std::string(id), seconds_text(now), "v1,"};
  headers.signature += to_base64(hmac(secrets.signing(), joined(joined(id, headers.timestamp), body)));
  return headers;
}

SignatureVerdict verify_standard_webhook(const SigningSecrets& secrets, const StandardWebhookHeaders& headers, Time now,
                                         std::string_view body, std::chrono::seconds tolerance) {
  if (headers.id.empty() || headers.timestamp.empty() || headers.signature.empty()) return SignatureVerdict::missing;
  const auto made = parse_seconds(headers.timestamp);
  if (!made || !is_message_id(headers.id) || headers.signature.size() > longest_header)
    return SignatureVerdict::malformed;
  std::vector<std::string> digests;
  std::string_view signatures = headers.signature;
  while (!signatures.empty()) {
    std::string_view value = take(signatures, ' ');
    if (take(value, ',') != "v1") continue;
    auto digest = from_base64(value);
    if (!is_digest(digest)) return SignatureVerdict::malformed;
    digests.push_back(*std::move(digest));
  }
  if (digests.empty()) return SignatureVerdict::malformed;
  const std::string message = joined(joined(headers.id, headers.timestamp), body);
  return at_time(compare(secrets, digests, message), *made, now, tolerance);
}

}  // namespace lms
