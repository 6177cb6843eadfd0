#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <lms/export.hpp>

namespace lms {

/// The eight ways a call can fail. The HTTP room maps each to one status.
enum class ErrorCode {
  invalid,            ///< 422: the input breaks a stated rule
  unauthenticated,    ///< 401: no identity, or one that is no longer good
  forbidden,          ///< 403: a known identity that may not do this
  not_found,          ///< 404
  conflict,           ///< 409: the input is fine, the state of things is not
  too_many_requests,  ///< 429
  unavailable,        ///< 503: try again later
  internal            ///< 500: a defect of ours
};

/// One step into a document: a field's name or an index into a list.
using PathStep = std::variant<std::string, std::size_t>;
using Path = std::vector<PathStep>;

/// One thing wrong with an input. `loc` starts with the part of the request: `body`, `query` or `path`.
struct Fault {
  Path loc;
  std::string message;  ///< for people: what is wrong and what would be right
  std::string type;     ///< stable, for machines: `value_error.missing`, `type_error.integer`, …
};

/// The one exception of liblms.
/// `reason` is stable and documented (`course_not_draft`); `what()` is for people and may change.
class LMS_API Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string reason, const std::string& message, std::vector<Fault> faults = {});

  ErrorCode code() const noexcept { return code_; }
  const std::string& reason() const noexcept { return reason_; }
  /// Every fault found, not only the first; empty unless the code is `invalid`.
  const std::vector<Fault>& faults() const noexcept { return faults_; }
  /// When another try makes sense; set for `unavailable` and `too_many_requests`.
  std::optional<std::chrono::seconds> retry_after() const noexcept { return retry_after_; }

 private:
  friend LMS_API Error unavailable(std::string, const std::string&, std::chrono::seconds);
  friend LMS_API Error too_many_requests(std::string, const std::string&, std::chrono::seconds);

  ErrorCode code_;
  std::string reason_;
  std::vector<Fault> faults_;
  std::optional<std::chrono::seconds> retry_after_;
};

LMS_API std::string_view name(ErrorCode code) noexcept;

[[nodiscard]] LMS_API Error invalid(std::vector<Fault> faults);
[[nodiscard]] LMS_API Error invalid(Path loc, std::string message, std::string type);
[[nodiscard]] LMS_API Error unauthenticated(std::string reason, const std::string& message);
[[nodiscard]] LMS_API Error forbidden(std::string reason, const std::string& message);
[[nodiscard]] LMS_API Error not_found(std::string reason, const std::string& message);
[[nodiscard]] LMS_API Error conflict(std::string reason, const std::string& message);
[[nodiscard]] LMS_API Error too_many_requests(std::string reason, const std::string& message,
                                              std::chrono::seconds retry_after);
[[nodiscard]] LMS_API Error unavailable(std::string reason, const std::string& message,
                                        std::chrono::seconds retry_after = std::chrono::seconds{1});
[[nodiscard]] LMS_API Error internal(const std::string& message);

}  // namespace lms
