#pragma once

#include <cstddef>

#include <lms/course.hpp>
#include <lms/export.hpp>
#include <lms/principal.hpp>
#include <lms/quiz.hpp>
#include <lms/spi/storage.hpp>
#include <lms/value.hpp>

namespace lms {

/// A course as one JSON document, to keep it, hand it on or bring it into another school:
///
///     {"format": "lms-course", "version": 1,
///      "course": {"title": …, "prerequisites": [slugs], …},
///      "sections": [{"title": …, "lessons": [{"title": …, "kind": "quiz", "quiz": {…, "questions": […]}, …}]}],
///      "lessons": [those without a section],
///      "quizzes": [those without a lesson]}
///
/// Each part has the fields that make it through the API, but no id and no position: the order says it.
/// Thread-safe; each call is one transaction: if it throws, nothing changed.
class LMS_API CoursePackages {
 public:
  static constexpr std::size_t max_questions = 5'000;

  CoursePackages(Storage& storage, Courses& courses, Quizzes& quizzes)
      : storage_(storage), courses_(courses), quizzes_(quizzes) {}

  /// Makes a draft of `who`'s. Emits `course.created`, and `quiz.created` for each quiz.
  /// @throws Error invalid with every fault, as `body/sections/1/lessons/0/quiz/questions/3/options`; forbidden without
  ///   `create_course`, and `manage_quizzes` if there are quizzes; conflict `slug_taken`.
  Course import_package(const Principal& who, const Value& package);
  /// @throws Error not_found; forbidden unless `who` owns the course or is an admin.
  Value export_package(const Principal& who, const CourseRef& course);

 private:
  Storage& storage_;
  Courses& courses_;
  Quizzes& quizzes_;
};

}  // namespace lms
