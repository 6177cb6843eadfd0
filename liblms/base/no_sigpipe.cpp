#include "base/no_sigpipe.hpp"

#include <ctime>

#include <pthread.h>

namespace lms {

namespace {

sigset_t sigpipe_alone() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return set;
}

bool is_pending() noexcept {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE) == 1;
}

}  // namespace

NoSigpipe::NoSigpipe() noexcept : was_pending_(is_pending()) {
  const sigset_t sigpipe = sigpipe_alone();
  pthread_sigmask(SIG_BLOCK, &sigpipe, &before_);
}

NoSigpipe::~NoSigpipe() {
  // What came up meanwhile is ours, and must not be delivered when the signal is let through again.
  if (!was_pending_ && is_pending()) {
    const sigset_t sigpipe = sigpipe_alone();
    const timespec at_once{};
    sigtimedwait(&sigpipe, nullptr, &at_once);
  }
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace lms
