#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lms/course_package.hpp>

/// The JSON document of a course package, read into what it is made of, and written from it.
namespace lms {

struct PackagedQuiz {
  Quiz quiz;
  std::vector<Question> questions;
  Path at;  ///< where in the document it stands
};

struct PackagedLesson {
  Lesson lesson;
  std::optional<PackagedQuiz> quiz;
  Path at;
};

struct PackagedSection {
  Section section;
  std::vector<PackagedLesson> lessons;
  Path at;
};

struct PackagedCourse {
  Course course;
  std::vector<std::string> prerequisites;  ///< slugs
  std::vector<PackagedSection> sections;
  std::vector<PackagedLesson> lessons;  ///< without a section
  std::vector<PackagedQuiz> quizzes;    ///< without a lesson
};

/// @throws Error invalid with every fault.
PackagedCourse read_package(const Value& document);
Value write_package(const PackagedCourse& package);

/// The faults of what was read from the part of the document at `at`, which says so instead of `body`.
std::vector<Fault> faults_at(const Path& at, const Error& error);

/// Runs a function whose faults are about the part of the document at `at`.
template <class F>
auto placed(const Path& at, F&& function) {
  try {
    return function();
  } catch (const Error& error) {
    if (error.faults().empty()) throw;
    throw invalid(faults_at(at, error));
  }
}

}  // namespace lms
