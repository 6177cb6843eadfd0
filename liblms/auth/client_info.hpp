#pragma once

#include <lms/auth.hpp>
#include <lms/router.hpp>

namespace lms {

/// Where a call came from.
inline ClientInfo client_of(const Call& call) {
  const std::string* device = call.request().headers.find("User-Agent");
  return {call.client_address(), device ? *device : std::string()};
}

}  // namespace lms
