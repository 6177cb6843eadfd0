#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/error.hpp>
#include <lms/http.hpp>
#include <lms/settings.hpp>
#include <lms/time.hpp>
#include <lms/value.hpp>

namespace lms {

/// Why a request gets no better answer, before it is known in which format that is said. The HTTP room throws it for
/// what the protocol refuses (405, 413, 415 …); an Error of a service is turned into one.
struct Problem {
  int status = 500;
  std::string reason;              ///< stable: `course_not_draft`
  std::string message;             ///< for people
  std::vector<Fault> faults = {};  ///< of an input that is not valid
  http::Headers headers = {};      ///< that the status calls for: `Allow`, `WWW-Authenticate`, `Retry-After`
};

int status_of(ErrorCode code) noexcept;
/// The status that a problem has in this format: `flat` says 400 to an input that is not valid.
int status_in(ErrorFormat format, int status) noexcept;
/// `reveal` shows the message of a defect of ours, which must not leave the machine in production.
Problem describe(const Error& error, bool reveal);
/// What any other exception is told as.
Problem describe_defect(std::string_view what, bool reveal);

/// What an answer about a problem says besides the problem.
struct ProblemContext {
  std::string request_id;
  Time time;
  bool as_problem_json = false;
};

/// Whether `Accept` names `application/problem+json`, and ranks it no lower than `application/json`.
bool prefers_problem_json(const http::Headers& headers);

/// `authentication`, `validation`, …: the kinds that the format `rich` tells.
std::string_view category_of(const Problem& problem);

http::Response render(const Problem& problem, ErrorFormat format, const ProblemContext& context);

}  // namespace lms
