#include <lms/totp.hpp>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <lms/error.hpp>

#include "base/crypto.hpp"
#include "base/encoding.hpp"

namespace lms::totp {

namespace {

constexpr std::size_t secret_size = 20;  // bytes, the length of a SHA-1 digest as RFC 4226 recommends
constexpr std::size_t shortest_secret = 10;
constexpr std::size_t longest_uri = 2'048;

std::optional<std::string> key_of(std::string_view secret) {
  auto key = from_base32(secret);
  if (!key || key->size() < shortest_secret) return std::nullopt;
  return key;
}

/// The bytes of a secret, overwritten when they are no longer needed.
class Key {
 public:
  explicit Key(std::string_view secret) {
    auto bytes = key_of(secret);
    if (!bytes) throw invalid({"secret"}, "must be Base32 of at least 80 bits", "value_error.secret");
    bytes_ = *std::move(bytes);
  }
  ~Key() { wipe(bytes_.data(), bytes_.size()); }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  std::string_view bytes() const noexcept { return bytes_; }

 private:
  std::string bytes_;
};

/// RFC 4226, section 5.3.
std::string code_of(std::string_view key, Step step) {
  std::array<std::uint8_t, 8> counter{};
  for (unsigned i = 0; i < counter.size(); ++i)
    counter[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(step) >> (56U - 8U * i));
  const Sha1Digest digest = hmac_sha1(key, as_text(counter));
  const std::size_t offset = digest.back() & 0x0FU;
  const std::uint32_t number = (std::uint32_t{digest[offset]} & 0x7FU) << 24U |
                               std::uint32_t{digest[offset + 1]} << 16U | std::uint32_t{digest[offset + 2]} << 8U |
                               std::uint32_t{digest[offset + 3]};
  std::string code = std::to_string(number % 1'000'000);
  code.insert(0, code_length - code.size(), '0');
  return code;
}

/// As apps show a secret, and people copy it: in groups, in any case, padded.
std::string normal_secret(std::string_view text) {
  std::string secret;
  for (const char c : text)
    if (c != ' ' && c != '-' && c != '=') secret += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return secret;
}

}  // namespace

Step step_at(Time time) noexcept {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch() / step_length;
}

std::string make_secret(Random& random) {
  std::array<std::uint8_t, secret_size> key{};
  random.fill(key);
  std::string secret = to_base32(as_text(key));
  wipe(key.data(), key.size());
  return secret;
}

std::string code(std::string_view secret, Step step) {
  return code_of(Key(secret).bytes(), step);
}

std::optional<Step> verify(std::string_view secret, std::string_view code, Time now, std::optional<Step> used) {
  const Key key(secret);
  const Step present = step_at(now);
  std::optional<Step> found;
  for (const Step step : {present - 1, present, present + 1})
    if (constant_time_equal(code_of(key.bytes(), step), code) && (!used || step > *used)) found = step;
  return found;
}

std::string uri(const Account& account) {
  const std::string issuer = percent_encode(account.issuer);
  const std::string label = (issuer.empty() ? "" : issuer + ':') + percent_encode(account.name);
  return "otpauth://totp/" + label + "?secret=" + percent_encode(account.secret) +
         (issuer.empty() ? "" : "&issuer=" + issuer) + "&algorithm=SHA1&digits=" + std::to_string(code_length) +
         "&period=" + std::to_string(step_length.count());
}

std::optional<Account> parse_uri(std::string_view uri) {
  constexpr std::string_view beginning = "otpauth://totp/";
  if (!uri.starts_with(beginning) || uri.size() > longest_uri) return std::nullopt;
  uri.remove_prefix(beginning.size());
  const auto mark = uri.find('?');
  if (mark == std::string_view::npos) return std::nullopt;
  const auto label = percent_decode(uri.substr(0, mark));
  if (!label) return std::nullopt;

  Account account;
  std::string_view query = uri.substr(mark + 1);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const auto equals = pair.find('=');
    const auto value = percent_decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1), PlusSign::space);
    if (!value) return std::nullopt;
    const std::string_view name = pair.substr(0, equals);
    if (name == "secret") account.secret = normal_secret(*value);
    if (name == "issuer") account.issuer = *value;
    if ((name == "algorithm" && *value != "SHA1") || (name == "digits" && *value != std::to_string(code_length)) ||
        (name == "period" && *value != std::to_string(step_length.count())))
      return std::nullopt;
  }
  if (!key_of(account.secret)) return std::nullopt;

  const auto colon = label->find(':');
  account.name = colon == std::string::npos ? *label : label->substr(colon + 1);
  account.name.erase(0, account.name.find_first_not_of(' '));
  if (account.issuer.empty() && colon != std::string::npos) account.issuer = label->substr(0, colon);
  return account;
}

}  // namespace lms::totp
