#include <lms/fernet.hpp>

#include <algorithm>

#include <lms/error.hpp>

#include "base/crypto.hpp"
#include "base/encoding.hpp"

namespace lms {

namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

// The token's bytes: version, time, IV, ciphertext of one block or more, HMAC of all before it.
constexpr char version = '\x80';
constexpr std::size_t time_size = 8;
constexpr std::size_t hmac_size = std::tuple_size_v<Sha256Digest>;
constexpr std::size_t head_size = 1 + time_size + aes_block_size;
constexpr std::size_t shortest = head_size + aes_block_size + hmac_size;

constexpr std::size_t longest_text = std::size_t{1} << 30;
constexpr std::int64_t most_skew = 60;  // seconds

/// base64url with its padding, as the specification has it.
std::string padded(std::string text) {
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<std::string> from_padded(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return from_base64url(text);
}

std::optional<std::string> key_bytes(std::string_view text) {
  auto bytes = from_padded(text);
  if (!bytes || bytes->size() != 32) return std::nullopt;
  return bytes;
}

std::int64_t epoch_seconds(Time time) {
  return std::max<std::int64_t>(0, duration_cast<seconds>(time.time_since_epoch()).count());
}

}  // namespace

/// A token taken apart; nothing of it is to be trusted.
struct Fernet::Parts {
  std::string bytes;

  std::string_view signed_part() const { return std::string_view(bytes).substr(0, bytes.size() - hmac_size); }
  std::string_view hmac() const { return std::string_view(bytes).substr(bytes.size() - hmac_size); }
  std::string_view iv() const { return std::string_view(bytes).substr(1 + time_size, aes_block_size); }
  std::string_view ciphertext() const { return signed_part().substr(head_size); }
  std::uint64_t timestamp() const {
    std::uint64_t time = 0;
    for (std::size_t i = 1; i <= time_size; ++i) time = (time << 8U) | static_cast<std::uint8_t>(bytes[i]);
    return time;
  }
};

bool Fernet::is_key(std::string_view text) {
  auto bytes = key_bytes(text);
  if (!bytes) return false;
  wipe(bytes->data(), bytes->size());
  return true;
}

std::string Fernet::generate_key(Random& random) {
  return padded(random.token(32));
}

Fernet::Fernet(const std::vector<std::string>& keys, Clock& clock, Random& random)
    : keys_(std::make_unique<Key[]>(keys.size())), key_count_(keys.size()), clock_(clock), random_(random) {
  if (keys.empty()) throw invalid({"ENCRYPTION_KEY"}, "must have at least one key", "value_error.missing");
  std::vector<Fault> faults;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto bytes = key_bytes(keys[i]);
    if (!bytes) {
      faults.push_back({{"ENCRYPTION_KEY", i},
                        "key " + std::to_string(i + 1) + " of " + std::to_string(keys.size()) +
                            " is no Fernet key: it must be 44 characters of base64url, as `lms-server crypto "
                            "generate-key` prints them",
                        "value_error.fernet_key"});
      continue;
    }
    std::copy_n(bytes->begin(), keys_[i].signing.size(), keys_[i].signing.begin());
    std::copy_n(bytes->begin() + keys_[i].signing.size(), keys_[i].encryption.size(), keys_[i].encryption.begin());
    wipe(bytes->data(), bytes->size());
  }
  if (faults.empty()) return;
  wipe(keys_.get(), key_count_ * sizeof(Key));
  throw invalid(std::move(faults));
}

Fernet::~Fernet() {
  wipe(keys_.get(), key_count_ * sizeof(Key));
}

std::optional<Fernet::Parts> Fernet::parse(std::string_view token) {
  auto bytes = from_padded(token);
  if (!bytes || bytes->size() < shortest || bytes->front() != version ||
      (bytes->size() - shortest) % aes_block_size != 0)
    return std::nullopt;
  return Parts{*std::move(bytes)};
}

bool Fernet::is_signed(const Parts& parts, const Key& key) {
  return constant_time_equal(parts.hmac(), as_text(hmac_sha256(as_text(key.signing), parts.signed_part())));
}

std::string Fernet::encrypt(std::string_view text) const {
  return encrypt(text, static_cast<std::uint64_t>(epoch_seconds(clock_.now())));
}

std::string Fernet::encrypt(std::string_view text, std::uint64_t timestamp) const {
  if (text.size() > longest_text) throw invalid({"text"}, "must have at most 1 GiB", "value_error.any_str.max_length");
  const Key& key = keys_[0];
  std::array<std::uint8_t, aes_block_size> iv;
  random_.fill(iv);
  std::string bytes(1, version);
  for (std::size_t i = time_size; i-- > 0;) bytes += static_cast<char>((timestamp >> (8 * i)) & 0xFFU);
  bytes += as_text(iv);
  bytes += aes128_cbc_encrypt(key.encryption, as_text(iv), text);
  bytes += as_text(hmac_sha256(as_text(key.signing), bytes));
  return padded(to_base64url(bytes));
}

std::optional<std::string> Fernet::decrypt(std::string_view token, std::optional<std::chrono::seconds> ttl) const {
  const auto parts = parse(token);
  if (!parts) return std::nullopt;
  auto text = decrypt(*parts);
  if (!text || !ttl) return text;
  const std::int64_t now = epoch_seconds(clock_.now());
  const std::uint64_t made = parts->timestamp();
  const bool from_future = made > static_cast<std::uint64_t>(now + most_skew);
  if (!from_future && now - static_cast<std::int64_t>(made) <= ttl->count()) return text;
  wipe(text->data(), text->size());
  return std::nullopt;
}

std::optional<std::string> Fernet::decrypt(const Parts& parts) const {
  for (std::size_t i = 0; i < key_count_; ++i)
    if (is_signed(parts, keys_[i])) return aes128_cbc_decrypt(keys_[i].encryption, parts.iv(), parts.ciphertext());
  return std::nullopt;
}

std::optional<std::string> Fernet::rotate(std::string_view token) const {
  const auto parts = parse(token);
  auto text = parts ? decrypt(*parts) : std::nullopt;
  if (!text) return std::nullopt;
  std::string rotated = encrypt(*text, parts->timestamp());
  wipe(text->data(), text->size());
  return rotated;
}

bool Fernet::is_current(std::string_view token) const {
  const auto parts = parse(token);
  return parts && is_signed(*parts, keys_[0]);
}

}  // namespace lms
