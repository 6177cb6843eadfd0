#include "course/personal_data.hpp"

#include <lms/course.hpp>

namespace lms {

/// A course is the school's; that the person teaches it is told. With an erased person it stays theirs, without a name.
void add_personal_courses(PersonalData& data) {
  data.on_export("courses_taught", [](UnitOfWork& uow, const User& user, const std::string& after) {
    return export_records<Course>(uow, equal("instructor_id", user.id), after, [](const Course& course) {
      return Object{{"id", course.id.text()},
                    {"slug", course.slug},
                    {"title", course.title},
                    {"status", name_of(course.status)},
                    {"created_at", to_iso8601(course.created_at)}};
    });
  });
}

}  // namespace lms
