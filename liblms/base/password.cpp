#include <lms/password.hpp>

#include <algorithm>
#include <array>
#include <thread>

#include <lms/error.hpp>

#include "base/crypto.hpp"
#include "base/encoding.hpp"

namespace lms {

namespace {

constexpr std::size_t salt_size = 16;

Argon2idCost cost(const PasswordHasher::Options& options) {
  return {options.memory_kib, options.iterations, options.parallelism};
}

}  // namespace

/// The right to hash now, held while it lives.
class PasswordHasher::Slot {
 public:
  explicit Slot(PasswordHasher& hasher) : hasher_(hasher) {
    std::unique_lock lock(hasher_.mutex_);
    if (full()) {
      if (hasher_.waiting_ >= hasher_.options_.max_waiting)
        throw unavailable("password_hashing_busy", "Too many people are signing in at this moment; try again.");
      ++hasher_.waiting_;
      hasher_.freed_.wait(lock, [this] { return !full(); });
      --hasher_.waiting_;
    }
    ++hasher_.working_;
  }
  ~Slot() {
    {
      const std::lock_guard lock(hasher_.mutex_);
      --hasher_.working_;
      ++hasher_.made_;
    }
    hasher_.freed_.notify_one();
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

 private:
  bool full() const { return hasher_.working_ >= hasher_.options_.max_concurrent; }

  PasswordHasher& hasher_;
};

PasswordHasher::PasswordHasher(Random& random, const Options& options) : random_(random), options_(options) {
  if (!is_affordable(cost(options_)))
    throw invalid({"ARGON2_MEMORY_KIB"}, "is too much, or ARGON2_ITERATIONS: such hashes would not verify",
                  "value_error.number.not_le");
  if (options_.max_concurrent == 0) options_.max_concurrent = std::max(1U, std::thread::hardware_concurrency());
}

std::string PasswordHasher::hash(std::string_view password) {
  std::array<std::uint8_t, salt_size> salt;
  random_.fill(salt);
  const Slot slot(*this);
  return argon2id_hash(password, as_text(salt), cost(options_));
}

bool PasswordHasher::verify(std::string_view password, const std::string& phc) {
  if (phc.empty()) {
    verify_nothing(password);
    return false;
  }
  const Slot slot(*this);
  return is_bcrypt(phc) ? bcrypt_verify(password, phc) : argon2id_verify(password, phc);
}

void PasswordHasher::verify_nothing(std::string_view password) {
  constexpr std::array<std::uint8_t, salt_size> salt{};
  const Slot slot(*this);
  argon2id_hash(password, as_text(salt), cost(options_));
}

std::uint64_t PasswordHasher::hashes_made() const {
  const std::lock_guard lock(mutex_);
  return made_;
}

PasswordHasher::Load PasswordHasher::load() const {
  const std::lock_guard lock(mutex_);
  return {.working = working_, .waiting = waiting_};
}

bool PasswordHasher::needs_rehash(const std::string& phc) const {
  return argon2id_needs_rehash(phc, cost(options_));
}

}  // namespace lms
