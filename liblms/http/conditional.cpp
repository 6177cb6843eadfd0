#include "http/conditional.hpp"

#include <algorithm>
#include <vector>

#include "base/content_hash.hpp"
#include "http/header_text.hpp"

namespace lms {

namespace {

constexpr std::string_view if_match = "If-Match";
constexpr std::string_view if_none_match = "If-None-Match";

bool is_any(const std::vector<std::string>& tags) {
  return tags.size() == 1 && tags.front() == "*";
}

}  // namespace

bool has_entity_tag(const Route& route) noexcept {
  return route.method == http::Method::get && route.weight == Weight::read &&
         (route.output_mode == Output::one || route.cached.count() > 0);
}

std::string entity_tag(std::string_view body) {
  return '"' + content_hash(body) + '"';
}

bool has_preconditions(const http::Headers& request) noexcept {
  return request.find(if_match) != nullptr || request.find(if_none_match) != nullptr;
}

bool meets_if_match(const http::Headers& request, std::string_view tag) {
  if (is_met_by_absence(request)) return true;
  if (tag.empty()) return false;
  const auto tags = list_elements(request, if_match);
  return is_any(tags) || std::find(tags.begin(), tags.end(), tag) != tags.end();
}

bool is_met_by_absence(const http::Headers& request) noexcept {
  return request.find(if_match) == nullptr;
}

bool is_in_if_none_match(const http::Headers& request, std::string_view tag) {
  constexpr std::string_view weak = "W/";
  if (!request.find(if_none_match)) return false;
  const auto tags = list_elements(request, if_none_match);
  const auto is_same = [&](std::string_view known) {
    if (known.starts_with(weak)) known.remove_prefix(weak.size());
    return known == tag;
  };
  return is_any(tags) || std::any_of(tags.begin(), tags.end(), is_same);
}

http::Response not_modified(const http::Headers& answer) {
  http::Response response{.status = 304, .headers = {}, .body = {}};
  for (const auto& [name, value] : answer)
    if (!same_token(name, "Content-Type")) response.headers.add(name, value);
  return response;
}

}  // namespace lms
