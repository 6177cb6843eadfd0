#pragma once

#include <functional>
#include <string>

#include <lms/router.hpp>

namespace lms {

struct Documentation {
  std::string version;                   ///< of the library
  std::function<std::string()> openapi;  ///< asked when the document is first wanted: until then routes may be added
};

/// Routes for people who read about the API: `/openapi.json`, `/docs`, `/redoc`, their other names, what these need,
/// and `/`, which leads to `/docs`.
void add_documentation_routes(Router& router, Documentation documentation);

}  // namespace lms
