#pragma once

#include <functional>
#include <string>

namespace lms {

/// Something that a school depends on, as its health tells of it.
struct HealthPart {
  std::string name;            ///< `database`, `redis`
  bool needed = true;          ///< without it the school cannot do its work, and is not ready
  std::function<void()> ping;  ///< asks it for an answer, within a second; throws if there is none
};

}  // namespace lms
