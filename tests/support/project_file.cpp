#include "support/project_file.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace lms::test {

std::string project_file(const std::string& path) {
  std::ifstream file(LMS_SOURCE_ROOT "/" + path);
  if (!file) throw std::runtime_error(path + " is missing");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace lms::test
