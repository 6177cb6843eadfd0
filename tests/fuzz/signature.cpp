#include <lms/signature.hpp>

#include "fuzz/target.hpp"

using namespace lms;

/// No header but one that was signed is good. The first line of the input is the header, or what stands in place of a
/// part of a good one; the rest is the body.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const SigningSecrets secrets({"a secret that nobody who fuzzes can guess", "and another one"});
  const Time now = Time(std::chrono::seconds{1'614'265'330});
  const std::string_view input = fuzz::text_of(data, size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::string_view header = input.substr(0, end);
  const std::string_view body = input.substr(std::min(end + 1, size));
  const auto spoilt = [&](std::string text) {
    if (header.empty()) return text;
    const std::size_t at = static_cast<std::uint8_t>(header.front()) % text.size();
    return text.replace(at, std::min(header.size() - 1, text.size() - at), header.substr(1));
  };
  const auto good = [](SignatureVerdict verdict) { return verdict == SignatureVerdict::good; };

  const std::string sha256 = sign_sha256(secrets, body);
  fuzz::promise(good(verify_sha256(secrets, sha256, body)), "a good sha256= is good");
  fuzz::promise(header == sha256 || !good(verify_sha256(secrets, header, body)), "no made up sha256= is");
  // Its digits may be of either case.
  if (const std::string text = spoilt(sha256); good(verify_sha256(secrets, text, body)))
    for (std::size_t i = 0; i < text.size(); ++i)
      fuzz::promise((text[i] | 0x20) == (sha256[i] | 0x20), "no spoilt sha256= is");

  const std::string stripe = sign_stripe(secrets, now, body);
  fuzz::promise(good(verify_stripe(secrets, stripe, now, body)), "a good t=,v1= is good");
  if (header.find(stripe.substr(stripe.size() - 64)) == std::string_view::npos)
    fuzz::promise(!good(verify_stripe(secrets, header, now, body)), "no made up t=,v1= is");
  verify_stripe(secrets, spoilt(stripe), now, body);

  const StandardWebhookHeaders standard = sign_standard_webhook(secrets, "msg_1", now, body);
  fuzz::promise(good(verify_standard_webhook(secrets, standard, now, body)), "a good message is good");
  StandardWebhookHeaders spoilt_one = standard;
  spoilt_one.id = spoilt(standard.id);
  fuzz::promise(spoilt_one.id == standard.id || !good(verify_standard_webhook(secrets, spoilt_one, now, body)),
                "a message under another id is not");
  spoilt_one = standard;
  spoilt_one.timestamp = spoilt(standard.timestamp);
  fuzz::promise(
      spoilt_one.timestamp == standard.timestamp || !good(verify_standard_webhook(secrets, spoilt_one, now, body)),
      "a message at another time is not");
  spoilt_one = standard;
  spoilt_one.signature = header;
  if (header.find(standard.signature) == std::string_view::npos)
    fuzz::promise(!good(verify_standard_webhook(secrets, spoilt_one, now, body)), "no made up v1, is good");
  spoilt_one.signature = spoilt(standard.signature);
  verify_standard_webhook(secrets, spoilt_one, now, body);

  try {
    SigningSecrets::standard_webhooks({std::string(header)});
  } catch (const std::exception&) {
    // Most texts are no secret.
  }
  return 0;
}
