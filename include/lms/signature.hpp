#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <lms/export.hpp>
#include <lms/spi/random.hpp>
#include <lms/time.hpp>

/// Signatures of messages between programs, by HMAC-SHA-256 over the very bytes that are sent: sign and verify a body
/// as it is on the wire, before anybody parses it. All functions are pure and thread-safe.
namespace lms {

/// Secrets that two programs share. The first one signs and all of them verify, so that they can be replaced one after
/// another. They are wiped when it ends.
class LMS_API SigningSecrets {
 public:
  /// Each is used as it is. @throws Error invalid if there is none, or one of them is empty.
  explicit SigningSecrets(std::vector<std::string> secrets);
  /// As Standard Webhooks writes them: `whsec_` and base64. The prefix may be left out.
  /// @throws Error invalid if there is none, or one of them is empty or has another form.
  static SigningSecrets standard_webhooks(const std::vector<std::string>& texts);
  ~SigningSecrets();
  SigningSecrets(const SigningSecrets&) = default;
  SigningSecrets(SigningSecrets&&) noexcept = default;
  SigningSecrets& operator=(const SigningSecrets&) = delete;
  SigningSecrets& operator=(SigningSecrets&&) = delete;

  const std::string& signing() const { return secrets_.front(); }
  const std::vector<std::string>& all() const { return secrets_; }

 private:
  std::vector<std::string> secrets_;
};

/// A new secret of 32 bytes: `whsec_…`
LMS_API std::string generate_webhook_secret(Random& random);

/// What a signature is worth; nothing but `good` lets a message pass.
enum class SignatureVerdict {
  good,
  missing,    ///< there is none
  malformed,  ///< not of the form that this kind of signature has
  mismatch,   ///< of another message or another secret
  too_old,    ///< good once: a message sent late, or sent again
  too_new     ///< from the future, beyond what clocks differ
};
constexpr auto names_of(SignatureVerdict) {
  return std::array<std::string_view, 6>{"good", "missing", "malformed", "mismatch", "too_old", "too_new"};
}

/// How far a message's time may be from now, in both directions.
constexpr std::chrono::seconds signature_tolerance = std::chrono::minutes{5};

// --- `sha256=<hex>`, as GitHub and others send it: of the body alone, so a message can be sent again ---

LMS_API std::string sign_sha256(const SigningSecrets& secrets, std::string_view body);
LMS_API SignatureVerdict verify_sha256(const SigningSecrets& secrets, std::string_view signature,
                                       std::string_view body);

// --- `t=<seconds>,v1=<hex>`, Stripe's `Stripe-Signature`: of time and body ---

LMS_API std::string sign_stripe(const SigningSecrets& secrets, Time now, std::string_view body);
/// One of several `v1` is enough; other schemes are passed over.
LMS_API SignatureVerdict verify_stripe(const SigningSecrets& secrets, std::string_view signature, Time now,
                                       std::string_view body, std::chrono::seconds tolerance = signature_tolerance);

// --- Standard Webhooks: of id, time and body ---

/// The values of three headers.
struct StandardWebhookHeaders {
  std::string id;         ///< `webhook-id`
  std::string timestamp;  ///< `webhook-timestamp`: seconds since 1970
  std::string signature;  ///< `webhook-signature`: `v1,<base64>`, or several with blanks between
};

/// @throws Error invalid if the id is empty or holds a full stop, which separates it from what follows.
LMS_API StandardWebhookHeaders sign_standard_webhook(const SigningSecrets& secrets, std::string_view id, Time now,
                                                     std::string_view body);
/// One of several `v1` is enough; other versions are passed over. Who must take a message once only remembers its id.
LMS_API SignatureVerdict verify_standard_webhook(const SigningSecrets& secrets, const StandardWebhookHeaders& headers,
                                                 Time now, std::string_view body,
                                                 std::chrono::seconds tolerance = signature_tolerance);

}  // namespace lms
