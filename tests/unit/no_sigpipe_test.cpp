#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <csignal>

#include <pthread.h>
#include <unistd.h>

#include "base/no_sigpipe.hpp"

namespace {

using namespace lms;

/// A pipe that nobody reads any more.
class DeadPipe {
 public:
  DeadPipe() {
    REQUIRE(pipe(ends_.data()) == 0);
    close(ends_[0]);
  }
  ~DeadPipe() { close(ends_[1]); }
  DeadPipe(const DeadPipe&) = delete;
  DeadPipe& operator=(const DeadPipe&) = delete;

  int write_error() const { return write(ends_[1], "x", 1) == -1 ? errno : 0; }

 private:
  std::array<int, 2> ends_{};
};

bool is_blocked() {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return sigismember(&mask, SIGPIPE) == 1;
}

bool is_pending() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE) == 1;
}

/// The signal as a program finds it that has done nothing about it.
struct DefaultAction {
  struct sigaction before {};
  DefaultAction() {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    sigaction(SIGPIPE, &action, &before);
  }
  ~DefaultAction() { sigaction(SIGPIPE, &before, nullptr); }
};

}  // namespace

TEST_CASE("writing to who has hung up is an error and no signal, and leaves none behind") {
  const DefaultAction deadly;
  const DeadPipe dead;
  const bool was_blocked = is_blocked();
  {
    const NoSigpipe no_sigpipe;
    CHECK(dead.write_error() == EPIPE);
    CHECK(is_pending());
  }
  CHECK(is_blocked() == was_blocked);
  CHECK_FALSE(is_pending());
}

TEST_CASE("a signal that waited before goes on waiting") {
  const DefaultAction deadly;
  const DeadPipe dead;
  const NoSigpipe of_the_host;
  CHECK(dead.write_error() == EPIPE);
  {
    const NoSigpipe no_sigpipe;
    CHECK(dead.write_error() == EPIPE);
  }
  CHECK(is_pending());
}
