#include <lms/error.hpp>

#include <algorithm>
#include <utility>

namespace lms {

namespace {

std::string path_text(const Path& path) {
  std::string text;
  for (const PathStep& step : path) {
    if (!text.empty()) text += '.';
    const auto* field = std::get_if<std::string>(&step);
    text += field ? *field : std::to_string(std::get<std::size_t>(step));
  }
  return text;
}

std::string summary(const std::vector<Fault>& faults) {
  constexpr std::size_t shown = 3;
  std::string text = "The input is not valid";
  for (std::size_t i = 0; i < std::min(shown, faults.size()); ++i)
    text += (i == 0 ? ": " : "; ") + path_text(faults[i].loc) + ' ' + faults[i].message;
  if (faults.size() > shown) text += "; and " + std::to_string(faults.size() - shown) + " more";
  return text + '.';
}

}  // namespace

Error::Error(ErrorCode code, std::string reason, const std::string& message, std::vector<Fault> faults)
    : std::runtime_error(message), code_(code), reason_(std::move(reason)), faults_(std::move(faults)) {}

std::string_view name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid:
      return "invalid";
    case ErrorCode::unauthenticated:
      return "unauthenticated";
    case ErrorCode::forbidden:
      return "forbidden";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::too_many_requests:
      return "too_many_requests";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::internal:
      break;
  }
  return "internal";
}

Error invalid(std::vector<Fault> faults) {
  const std::string message = summary(faults);
  return {ErrorCode::invalid, "invalid_input", message, std::move(faults)};
}

Error invalid(Path loc, std::string message, std::string type) {
  return invalid({Fault{std::move(loc), std::move(message), std::move(type)}});
}

Error unauthenticated(std::string reason, const std::string& message) {
  return {ErrorCode::unauthenticated, std::move(reason), message};
}

Error forbidden(std::string reason, const std::string& message) {
  return {ErrorCode::forbidden, std::move(reason), message};
}

Error not_found(std::string reason, const std::string& message) {
  return {ErrorCode::not_found, std::move(reason), message};
}

Error conflict(std::string reason, const std::string& message) {
  return {ErrorCode::conflict, std::move(reason), message};
}

Error too_many_requests(std::string reason, const std::string& message, std::chrono::seconds retry_after) {
  Error error(ErrorCode::too_many_requests, std::move(reason), message);
  error.retry_after_ = retry_after;
  return error;
}

Error unavailable(std::string reason, const std::string& message, std::chrono::seconds retry_after) {
  Error error(ErrorCode::unavailable, std::move(reason), message);
  error.retry_after_ = retry_after;
  return error;
}

Error internal(const std::string& message) {
  return {ErrorCode::internal, "internal", message};
}

}  // namespace lms
