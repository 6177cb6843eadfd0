#include "http/problem.hpp"

#include <algorithm>
#include <charconv>

#include "http/header_text.hpp"

namespace lms {

namespace {

constexpr std::string_view problem_json = "application/problem+json";
constexpr std::string_view malformed_json = "malformed_json";

bool is_malformed_json(const Error& error) {
  return error.faults().size() == 1 &&
         (error.faults()[0].type == "value_error.jsondecode" || error.faults()[0].type == "value_error.depth");
}

/// The range's `q`, if `Accept` names this very media type.
std::optional<double> quality(const http::Headers& headers, std::string_view media_type) {
  for (const std::string& range : list_elements(headers, "Accept")) {
    if (!same_token(without_parameters(range), media_type)) continue;
    const std::string text = parameter(range, "q").value_or("1");
    double q = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), q);
    return error == std::errc() ? q : 0;
  }
  return std::nullopt;
}

std::string step_text(const PathStep& step) {
  const auto* field = std::get_if<std::string>(&step);
  return field ? *field : std::to_string(std::get<std::size_t>(step));
}

/// `questions.0.text`: without the part of the request, unless the fault is the whole part. What is not JSON has no
/// fields, only places.
std::string field_name(const Problem& problem, const Path& loc) {
  if (problem.reason == malformed_json) return step_text(loc.front());
  std::string name;
  for (std::size_t i = loc.size() > 1 ? 1 : 0; i < loc.size(); ++i) {
    if (!name.empty()) name += '.';
    name += step_text(loc[i]);
  }
  return name;
}

Object fault_object(const Fault& fault) {
  Array loc;
  for (const PathStep& step : fault.loc) {
    if (const auto* index = std::get_if<std::size_t>(&step))
      loc.emplace_back(static_cast<std::int64_t>(*index));
    else
      loc.emplace_back(std::get<std::string>(step));
  }
  return {{"loc", std::move(loc)}, {"msg", fault.message}, {"type", fault.type}};
}

Array fault_list(const std::vector<Fault>& faults) {
  Array list;
  for (const Fault& fault : faults) list.emplace_back(fault_object(fault));
  return list;
}

Object detail_body(const Problem& problem) {
  Object body;
  if (problem.faults.empty())
    body.append("detail", problem.message);
  else
    body.append("detail", fault_list(problem.faults));
  body.append("code", problem.reason);
  return body;
}

/// The one sentence of an answer that lists faults besides.
std::string headline(const Problem& problem, const char* of_validation) {
  return problem.faults.empty() || problem.reason == malformed_json ? problem.message : of_validation;
}

Object flat_body(const Problem& problem, const ProblemContext& context) {
  Object body{{"error", headline(problem, "Validation failed")},
              {"code", problem.reason},
              {"status", problem.status},
              {"timestamp", to_iso8601(context.time)}};
  if (!problem.faults.empty()) {
    Object details;
    for (const Fault& fault : problem.faults) {
      const std::string name = field_name(problem, fault.loc);
      const Value* before = details.find(name);
      Array messages = before ? before->as_array() : Array();
      messages.emplace_back(fault.message);
      details.set(name, std::move(messages));
    }
    body.append("details", std::move(details));
  }
  if (problem.status == 429)
    if (const std::string* seconds = problem.headers.find("Retry-After"))
      body.append("retry_after", std::int64_t{std::stoll(*seconds)});
  return body;
}

struct Classification {
  std::string_view category, severity;
};

Classification classify(const Problem& problem) {
  switch (problem.status) {
    case 401:
      return {"authentication", "medium"};
    case 403:
      return {"authorization", "medium"};
    case 404:
      return {"not_found", "low"};
    case 409:
      return {"business_logic", "low"};
    case 429:
      return {"rate_limit", "medium"};
    case 501:
    case 505:
      return {"request", "low"};
    case 503:
      return {"availability", "high"};
    default:
      break;
  }
  if (!problem.faults.empty()) return {"validation", "medium"};
  return problem.status < 500 ? Classification{"request", "low"} : Classification{"system", "critical"};
}

Object rich_body(const Problem& problem, const ProblemContext& context) {
  std::string code = problem.reason;
  std::transform(code.begin(), code.end(), code.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  Array details;
  for (const Fault& fault : problem.faults)
    details.emplace_back(
        Object{{"field", field_name(problem, fault.loc)}, {"message", fault.message}, {"code", fault.type}});
  const Classification classification = classify(problem);
  return {{"error", true},
          {"error_code", std::move(code)},
          {"message", headline(problem, "Request validation failed")},
          {"details", std::move(details)},
          {"timestamp", to_iso8601(context.time)},
          {"request_id", context.request_id},
          {"severity", classification.severity},
          {"category", classification.category}};
}

Object problem_details(const Problem& problem, const ProblemContext& context) {
  Object body{{"type", "urn:lms:error:" + problem.reason},
              {"title", http::reason_phrase(problem.status)},
              {"status", problem.status},
              {"detail", problem.message},
              {"code", problem.reason},
              {"request_id", context.request_id}};
  if (!problem.faults.empty()) body.append("errors", fault_list(problem.faults));
  return body;
}

/// What a storage backend says of itself names files and machines, and what cannot be decrypted names records: it is
/// for the log.
bool is_about_storage(const Error& error) {
  return error.code() == ErrorCode::unavailable &&
         (error.reason().starts_with("storage_") || error.reason().starts_with("encryption_key_"));
}

}  // namespace

std::string_view category_of(const Problem& problem) {
  return classify(problem).category;
}

int status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid:
      return 422;
    case ErrorCode::unauthenticated:
      return 401;
    case ErrorCode::forbidden:
      return 403;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::conflict:
      return 409;
    case ErrorCode::too_many_requests:
      return 429;
    case ErrorCode::unavailable:
      return 503;
    case ErrorCode::internal:
      break;
  }
  return 500;
}

int status_in(ErrorFormat format, int status) noexcept {
  return format == ErrorFormat::flat && status == status_of(ErrorCode::invalid) ? 400 : status;
}

Problem describe_defect(std::string_view what, bool reveal) {
  return {.status = 500,
          .reason = "internal_error",
          .message = reveal ? std::string(what) : "Something went wrong here. It has been logged."};
}

Problem describe(const Error& error, bool reveal) {
  if (error.code() == ErrorCode::internal) return describe_defect(error.what(), reveal);
  Problem problem{.status = status_of(error.code()), .reason = error.reason(), .message = error.what()};
  if (is_about_storage(error) && !reveal)
    problem.message = "The school cannot read or keep this now. It has been logged; try again later.";
  problem.faults = error.faults();
  if (is_malformed_json(error)) {
    problem.status = 400;
    problem.reason = malformed_json;
    problem.message = error.faults()[0].message + '.';
  } else if (error.reason() == "invalid_input") {
    problem.reason = "validation_error";
  } else if (error.code() == ErrorCode::unauthenticated) {
    problem.headers.add("WWW-Authenticate", "Bearer");
  }
  if (error.retry_after()) problem.headers.add("Retry-After", std::to_string(error.retry_after()->count()));
  return problem;
}

bool prefers_problem_json(const http::Headers& headers) {
  const double wanted = quality(headers, problem_json).value_or(0);
  return wanted > 0 && wanted >= quality(headers, "application/json").value_or(0);
}

http::Response render(const Problem& problem, ErrorFormat format, const ProblemContext& context) {
  Problem shown = problem;
  if (!context.as_problem_json) shown.status = status_in(format, shown.status);
  Object body;
  if (context.as_problem_json)
    body = problem_details(shown, context);
  else if (format == ErrorFormat::flat)
    body = flat_body(shown, context);
  else if (format == ErrorFormat::rich)
    body = rich_body(shown, context);
  else
    body = detail_body(shown);
  shown.headers.set("Content-Type", std::string(context.as_problem_json ? problem_json : "application/json"));
  return {.status = shown.status, .headers = std::move(shown.headers), .body = to_json(std::move(body))};
}

}  // namespace lms
