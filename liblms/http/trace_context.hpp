#pragma once

#include <string>

#include <lms/http.hpp>

namespace lms {

/// The trace that a request belongs to, by its header `traceparent` (W3C Trace Context): 32 hexadecimal digits. Empty
/// if there is none, or one that is malformed.
std::string trace_id_of(const http::Headers& headers);

}  // namespace lms
