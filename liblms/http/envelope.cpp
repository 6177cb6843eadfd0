#include "http/envelope.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "http/header_text.hpp"

namespace lms {

bool can_have_envelope(const Route& route) noexcept {
  return !route.absolute && !route.any_host && !route.is_file;
}

void put_in_envelope(http::Response& response) {
  constexpr int first_success = 200, first_after = 300;
  auto* data = std::get_if<std::string>(&response.body);
  const std::string* type = response.headers.find("Content-Type");
  const bool is_success = response.status >= first_success && response.status < first_after;
  if (!is_success || !data || data->empty() || !type || !same_token(without_parameters(*type), "application/json"))
    return;
  constexpr std::string_view opening = R"({"success":true,"data":)", middle = R"(,"meta":{"status_code":)";
  const std::string status = std::to_string(response.status);
  std::string text;
  text.reserve(opening.size() + data->size() + middle.size() + status.size() + 2);
  text.append(opening).append(*data).append(middle).append(status).append("}}");
  *data = std::move(text);
}

}  // namespace lms
