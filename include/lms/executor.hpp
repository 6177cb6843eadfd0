#pragma once

#include <functional>

namespace lms {

/// Runs a task, soon, on a thread that may wait; called from any thread. The task throws nothing.
/// @throws Error unavailable if there is no room for it: it is not run then.
using Executor = std::function<void(std::function<void()> task)>;

}  // namespace lms
