#pragma once

#include <csignal>

namespace lms {

/// While it lives, a write of this thread to a connection that the other side has closed fails, and raises no signal:
/// for libraries that do not see to it themselves. The process's signal handlers stay as they are.
class NoSigpipe {
 public:
  NoSigpipe() noexcept;
  ~NoSigpipe();
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  bool was_pending_ = false;
  sigset_t before_{};
};

}  // namespace lms
