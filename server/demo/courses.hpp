#pragma once

#include <span>
#include <string_view>

namespace lms::server {

struct EmbeddedFile {
  std::string_view name;
  std::string_view bytes;
};

namespace demo_courses {
/// The course packages of this folder, as they were built into the program.
std::span<const EmbeddedFile> files();
}  // namespace demo_courses

}  // namespace lms::server
