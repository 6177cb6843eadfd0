#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lms/event.hpp>
#include <lms/principal.hpp>

namespace lms::testing {

/// Reads what a school has emitted since the recorder was made, or since it was last asked. Used by one thread.
class EventRecorder {
 public:
  explicit EventRecorder(Events& events) : events_(events) { take(); }

  std::vector<Event> take() {
    std::vector<Event> all;
    for (;;) {
      auto some = events_.after(Principal::system(), {.after = position_, .limit = 1'000, .types = {}});
      if (some.empty()) return all;
      position_ = *some.back().position;
      for (Event& event : some) all.push_back(std::move(event));
    }
  }

  std::vector<std::string> take_types() {
    std::vector<std::string> types;
    for (const Event& event : take()) types.push_back(event.type);
    return types;
  }

 private:
  Events& events_;
  std::int64_t position_ = 0;
};

}  // namespace lms::testing
