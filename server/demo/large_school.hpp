#pragma once

#include <cstdint>
#include <string>

#include <lms/lms.hpp>

#include "demo/history_clock.hpp"

namespace lms::server::demo {

struct SchoolSize {
  std::int64_t users = 1'000;   ///< an admin, an instructor for every fifty courses, students; at least 3
  std::int64_t courses = 200;   ///< at least 2; students are enrolled in the first half
  std::int64_t lessons = 20;    ///< of a course
  std::int64_t questions = 10;  ///< of a course's one quiz
  /// At most so many in all, while every student is in one course at least: students are then enrolled in fewer
  /// courses.
  std::int64_t enrollments = 1'000'000;
};

/// What a load generator needs of a school, as texts with one line for each thing. Every student can report progress in
/// each of `lessons`, attempt each of `quizzes`, and enrol in each of `courses_open`.
struct SchoolExport {
  std::string users;         ///< students first: address, password, id, role, separated by tabs
  std::string courses;       ///< all ids
  std::string courses_open;  ///< ids of the second half, in which nobody is enrolled
  std::string lessons;       ///< ids of lessons of the courses in which every student is
  std::string quizzes;       ///< likewise: id, tab, the JSON body of one attempt in which everything is answered right
};

/// Fills an empty school with courses that make themselves, in seconds: many rows at once through the storage
/// interface, and one hash of the one password. The event feed of such a school is empty, all else is as the services
/// leave it.
SchoolExport make_large_school(Lms& school, HistoryClock& clock, const SchoolSize& size, const std::string& password,
                               Time opening, Time now);

}  // namespace lms::server::demo
