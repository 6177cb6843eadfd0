#include <lms/router.hpp>

namespace lms {

const TokenClaims& Call::token() const {
  if (!token_) throw unauthenticated("not_authenticated", "Sign in first.");
  return *token_;
}

const std::string& Call::path(std::string_view name) const {
  for (const auto& [parameter, text] : path_)
    if (parameter == name) return text;
  throw internal("the route has no path parameter " + std::string(name));
}

http::BodySource& Call::stream() const {
  if (!stream_) throw internal("the route does not stream its body");
  return *stream_;
}

Error Call::malformed_id(std::string_view name) {
  constexpr std::string_view suffix = "_id";
  if (!name.ends_with(suffix)) return not_found("not_found", "Not found.");
  return not_found(std::string(name.substr(0, name.size() - suffix.size())) + "_not_found", "Not found.");
}

}  // namespace lms
