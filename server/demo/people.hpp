#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <lms/user.hpp>

/// Who is in the demo school, and what they are up to.
namespace lms::server::demo {

struct Study {
  std::string course;       ///< its slug
  int start_day = 0;        ///< after the school opened
  std::size_t lessons = 0;  ///< that are completed; the next one is begun
  bool stumbles = false;    ///< fails the first quiz before passing it
  bool drops = false;
};

struct Student {
  std::string full_name;
  std::string email;
  std::vector<Study> studies;
};

std::vector<NewUser> staff();
std::string_view instructor_of(std::string_view course);
std::vector<Student> students();
std::vector<NewUser> accounts_of(const std::vector<Student>& students);

}  // namespace lms::server::demo
