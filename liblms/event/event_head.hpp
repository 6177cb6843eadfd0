#pragma once

#include <cstdint>
#include <string>

#include <lms/schema.hpp>

namespace lms {

/// The one row that says how far the feed has been numbered; whoever numbers holds its lock.
struct EventHead {
  std::string id = "feed";
  std::int64_t position = 0;

  static const Schema& schema();
};

}  // namespace lms
