#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <lms/http.hpp>
#include <lms/principal.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/random.hpp>
#include <lms/spi/storage.hpp>
#include <lms/time.hpp>
#include <lms/value.hpp>

namespace lms {

enum class IdempotentState {
  running,  ///< has changed nothing yet
  acted,    ///< what it changes is committed, or the first part of that
  ended
};
constexpr auto names_of(IdempotentState) {
  return std::array<std::string_view, 3>{"running", "acted", "ended"};
}

/// A request that was sent with a key, and what was answered to it.
struct IdempotentAnswer {
  std::string id;           ///< of the caller and the key; tells neither
  std::string fingerprint;  ///< of the request; tells nothing of it
  std::string claim;        ///< of the one try that may act
  IdempotentState state = IdempotentState::running;
  Time held_until;  ///< a try that has not ended then is taken for dead
  Time expires_at;
  std::optional<std::int64_t> status;  ///< null: there is no answer to give again
  Value headers;                       ///< `[[name, value], …]`
  std::optional<std::string> body;

  static const Schema& schema();
};

/// A request that is to have its effect once.
struct KeyedRequest {
  std::string key;
  std::string fingerprint;
};

/// Gives requests that are sent again the answer of the first. Thread-safe.
///
/// A try claims the key in a transaction of its own; its first write marks the claim as acted upon, in the same
/// transaction; then the answer is stored. Where `Storage::together` has one commit, all three have. Otherwise a crash
/// between the second and the third loses the answer, never the effect, and nothing is done twice: whoever asks again
/// is told so. A crash before the second leaves a claim that holds the key for `longest_try`.
class IdempotentAnswers {
 public:
  static constexpr std::size_t longest_key = 255;
  static constexpr std::size_t largest_answer = 256UL * 1024;
  static constexpr std::chrono::seconds longest_try{60};

  /// Answers are kept for `kept_for`. `secret` keeps those who can read the storage from guessing what was sent.
  IdempotentAnswers(Storage& storage, const Clock& clock, Random& random, std::string_view secret,
                    std::chrono::hours kept_for);

  /// The key of the header `Idempotency-Key`, plain or quoted; none without it. @throws Problem 400.
  static std::optional<std::string> key_in(const http::Headers& headers);
  std::string fingerprint(const http::Request& request, std::string_view body) const;

  /// Does the request, unless it was done. Its first write begins with `first`.
  using Act = std::function<http::Response(const Storage::Function& first)>;
  /// What `act` answers, or what it answered before. After 400, 412, 422, 429 and from 500 on the key is free again.
  /// Other answers are kept, unless they stream, set a cookie or are larger than `largest_answer`.
  /// @throws Problem 422 `idempotency_key_reused`, 409 `idempotency_in_progress` and `idempotency_answer_gone`.
  http::Response once(UserId caller, const KeyedRequest& request, const Act& act);

  /// Drops the next answers after that place, at first "", that name the person by their id: who sends such a request
  /// again is told that its answer is gone. Returns the place to go on from, "" at the end.
  std::string forget(UnitOfWork& uow, UserId person, const std::string& after);

  /// Removes what has expired, and returns how much that was.
  std::size_t purge();

 private:
  struct Claim {
    std::string id;
    std::string token;
  };

  std::string id_of(UserId caller, std::string_view key) const;
  std::optional<http::Response> take(const Claim& claim, const std::string& fingerprint);
  void settle(const Claim& claim, const http::Response& response);

  Storage& storage_;
  const Clock& clock_;
  Random& random_;
  const std::string secret_;
  const std::chrono::hours kept_for_;
};

}  // namespace lms
