#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include <lms/export.hpp>
#include <lms/spi/random.hpp>

namespace lms {

/// Hashes passwords with Argon2id, few at a time: each takes tens of milliseconds of a core and `memory_kib` of memory.
/// Those that another system hashed with bcrypt verify as well and are to be hashed again: `$2a$`, `$2b$` and `$2y$` up
/// to a cost of 14, which takes a second. Thread-safe. `random` outlives the hasher.
///
/// A call waits while `max_concurrent` others are at work. @throws Error unavailable `password_hashing_busy` if
/// `max_waiting` are waiting already.
class LMS_API PasswordHasher {
 public:
  struct Options {
    std::uint32_t memory_kib = 19456;
    std::uint32_t iterations = 2;
    std::uint32_t parallelism = 1;
    std::size_t max_concurrent = 0;  ///< 0: as many as the machine has cores
    std::size_t max_waiting = 64;
  };

  explicit PasswordHasher(Random& random) : PasswordHasher(random, Options()) {}
  /// @throws Error invalid for a cost over 1 GiB, 64 iterations or 64 lanes: what costs more does not verify.
  PasswordHasher(Random& random, const Options& options);

  /// A PHC string with a new salt. @throws Error internal if Argon2 does not accept the options.
  std::string hash(std::string_view password);
  /// False also for a text that is neither a PHC string nor a hash of bcrypt; for an empty one, of an account without a
  /// password, after the same time. Of a password bcrypt takes 72 bytes, as
  /// the system did that made the hash.
  bool verify(std::string_view password, const std::string& phc);
  /// Takes the time of `verify`: for an account that does not exist, so that nobody can tell.
  void verify_nothing(std::string_view password);
  /// Whether the hash was made with less effort than these options ask for, or by bcrypt.
  bool needs_rehash(const std::string& phc) const;
  /// Hashes made since it was built, whatever for.
  std::uint64_t hashes_made() const;
  /// Calls that are at work now, and those that wait for their turn.
  struct Load {
    std::size_t working = 0;
    std::size_t waiting = 0;
  };
  Load load() const;

 private:
  class Slot;

  Random& random_;
  Options options_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::size_t working_ = 0;
  std::size_t waiting_ = 0;
  std::uint64_t made_ = 0;
};

}  // namespace lms
