#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lms/lockout.hpp>
#include <lms/schema.hpp>
#include <lms/spi/storage.hpp>

namespace lms {

/// What was tried with one address and did not succeed, or not yet.
struct LoginFailures {
  struct Try {
    Factor factor{};
    Time at;              ///< when it was counted, or when it turned out wrong
    bool failed = false;  ///< false: it is being checked

    static const Schema& schema();
  };

  std::string login;  ///< SHA-256 of the address's key, in hex
  std::vector<Try> tries;
  std::optional<Time> locked_until;
  Time last_attempt_at;
  Time expires_at;  ///< when nothing of it counts any more

  static const Schema& schema();

  static std::string digest_of(std::string_view email);
  /// As it counts now; empty if nothing is kept.
  static LoginFailures load(UnitOfWork& uow, std::string login, Time now, std::chrono::minutes duration);
  /// Keeps it, or removes it if there is nothing to keep.
  void save(UnitOfWork& uow, std::chrono::minutes duration);

  std::int64_t count_failed(Factor factor) const noexcept;
  std::int64_t count_all(Factor factor) const noexcept;
  /// Takes back one try that is being checked.
  void take_back(Factor factor, Time at);
  void forget_failed(Factor factor);
  bool is_empty() const noexcept { return tries.empty() && !locked_until; }
};

}  // namespace lms
