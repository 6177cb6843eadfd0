#pragma once

#include <lms/error.hpp>

namespace lms {

/// Of a caller who was let in and is no more.
inline Error session_ended() {
  return unauthenticated("session_ended", "The session has ended; sign in again.");
}

}  // namespace lms
