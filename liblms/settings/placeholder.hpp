#pragma once

#include <string_view>

namespace lms {

/// Whether a secret is one that stands in a document or a template, and so is known to everybody.
bool is_placeholder(std::string_view secret);

}  // namespace lms
