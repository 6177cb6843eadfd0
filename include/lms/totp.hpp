#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <lms/export.hpp>
#include <lms/spi/random.hpp>
#include <lms/time.hpp>

/// Time-based one-time passwords (RFC 6238) as every authenticator app makes them: HMAC-SHA-1, six digits, a new one
/// each 30 seconds. Functions of their arguments; thread-safe.
namespace lms::totp {

inline constexpr std::chrono::seconds step_length{30};
inline constexpr std::size_t code_length = 6;

/// Steps of 30 seconds since 1970.
using Step = std::int64_t;

LMS_API Step step_at(Time time) noexcept;

/// 160 random bits in Base32, as they are shown to people and kept.
LMS_API std::string make_secret(Random& random);

/// The code of a step. @throws Error invalid if the secret is no Base32 of 80 bits at least.
LMS_API std::string code(std::string_view secret, Step step);

/// The step that the code belongs to: the present one, the one before or the one after, for clocks differ. None for
/// another code, and for steps up to `used`: whoever keeps the step that is returned, in one compare-and-set, takes
/// each code once. Takes the same time for every code of six digits. @throws Error as `code`.
LMS_API std::optional<Step> verify(std::string_view secret, std::string_view code, Time now,
                                   std::optional<Step> used = std::nullopt);

/// What an authenticator app keeps.
struct Account {
  std::string issuer;  ///< the school
  std::string name;    ///< of the account in it: a mail address
  std::string secret;  ///< in Base32
};

/// `otpauth://totp/School:ada%40example.org?secret=…&issuer=School&algorithm=SHA1&digits=6&period=30`: what a QR code
/// for authenticator apps holds.
LMS_API std::string uri(const Account& account);
/// Reads such a text; none unless it names codes as they are made here. Capitals and blanks in a secret make no
/// difference.
LMS_API std::optional<Account> parse_uri(std::string_view uri);

}  // namespace lms::totp
