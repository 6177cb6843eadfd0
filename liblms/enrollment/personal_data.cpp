#include "enrollment/personal_data.hpp"

#include <map>

#include <lms/enrollment.hpp>

namespace lms {

namespace {

std::map<LessonId, std::string> titles_of(UnitOfWork& uow, const std::vector<LessonProgress>& progress) {
  std::vector<LessonId> ids;
  for (const LessonProgress& each : progress) ids.push_back(each.lesson_id);
  std::map<LessonId, std::string> titles;
  if (ids.empty()) return titles;
  for (Lesson& lesson : Repository<Lesson>(uow).select({.where = in("id", ids), .fields = {"id", "title"}}))
    titles.emplace(lesson.id, std::move(lesson.title));
  return titles;
}

Object with_progress(UnitOfWork& uow, const Enrollment& enrollment) {
  Object shown = to_wire(enrollment);
  const auto course = Repository<Course>(uow).find(enrollment.course_id);
  shown.append("course_title", course ? Value(course->title) : Value());
  const auto progress = Repository<LessonProgress>(uow).select({.where = equal("enrollment_id", enrollment.id)});
  const auto titles = titles_of(uow, progress);
  Array lessons;
  for (const LessonProgress& each : progress) {
    Object lesson = to_wire(each);
    const auto title = titles.find(each.lesson_id);
    lesson.append("lesson_title", title == titles.end() ? Value() : Value(title->second));
    lessons.emplace_back(std::move(lesson));
  }
  shown.append("lessons", std::move(lessons));
  return shown;
}

}  // namespace

/// Enrolments and progress name nobody, so an erasure leaves them: they are what the school counts by.
void add_personal_enrollments(PersonalData& data) {
  data.on_export("enrollments", [](UnitOfWork& uow, const User& user, const std::string& after) {
    return export_records<Enrollment>(uow, equal("student_id", user.id), after,
                                      [&](const Enrollment& enrollment) { return with_progress(uow, enrollment); });
  });
}

}  // namespace lms
