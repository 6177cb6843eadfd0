#pragma once

#include <string>

namespace lms::test {

/// The text of a file of the project, for tests that hold the code to its documents. @throws std::runtime_error if
/// there is none.
std::string project_file(const std::string& path);

}  // namespace lms::test
