#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <lms/event.hpp>
#include <lms/router.hpp>
#include <lms/settings.hpp>
#include <lms/value.hpp>

namespace lms {

struct ApiInfo {
  std::string title;
  std::string version;
  std::string server;        ///< where the API is; `/` if that is not known
  std::size_t max_body = 0;  ///< bytes, of routes that set none of their own
  ErrorFormat error_format = ErrorFormat::detail;
  bool envelope = false;  ///< around the answers of routes that can have one
};

/// The OpenAPI 3.1 document of the routes that are not hidden, and of the events as webhooks.
/// @throws Error internal if two schemas share a name.
Value openapi_document(const Router& router, const ApiInfo& info, const std::vector<const EventType*>& events);

}  // namespace lms
