#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/export.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/random.hpp>
#include <lms/time.hpp>

/// Texts that only those who have a key can read or make: Fernet tokens, as Python's `cryptography` has them.
namespace lms {

/// Encrypts under the first of its keys and decrypts under any, so that keys can be replaced one after another. A
/// token tells everybody when it was made and, up to 15 bytes, how long its text is.
/// Thread-safe; no I/O. `clock` and `random` outlive it. Its keys are wiped when it ends.
class LMS_API Fernet {
 public:
  /// 16 bytes that sign and 16 that encrypt, as 44 characters of base64url.
  static bool is_key(std::string_view text);
  static std::string generate_key(Random& random);

  /// @throws Error invalid if there is no key, or naming the position of each that is none; never the key.
  Fernet(const std::vector<std::string>& keys, Clock& clock, Random& random);
  ~Fernet();
  Fernet(const Fernet&) = delete;
  Fernet& operator=(const Fernet&) = delete;

  /// Any bytes, at most 1 GiB. Each token is another one. @throws Error invalid if there are more.
  std::string encrypt(std::string_view text) const;

  /// What was encrypted. None for a text that is no token of these keys, in all such cases alike, and with `ttl` also
  /// for a token older than that or from more than a minute in the future.
  std::optional<std::string> decrypt(std::string_view token, std::optional<std::chrono::seconds> ttl = {}) const;

  /// The same under the first key, with the time at which `token` was made. None as `decrypt`.
  std::optional<std::string> rotate(std::string_view token) const;
  /// Whether it is a token, and of the first key.
  bool is_current(std::string_view token) const;

 private:
  struct Key {
    std::array<std::uint8_t, 16> signing, encryption;
  };
  struct Parts;

  static std::optional<Parts> parse(std::string_view token);
  static bool is_signed(const Parts& parts, const Key& key);
  std::optional<std::string> decrypt(const Parts& parts) const;
  std::string encrypt(std::string_view text, std::uint64_t timestamp) const;

  std::unique_ptr<Key[]> keys_;
  std::size_t key_count_;
  Clock& clock_;
  Random& random_;
};

}  // namespace lms
