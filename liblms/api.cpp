#include "api.hpp"

#include <lms/lms.hpp>

#include "admin/routes.hpp"
#include "auth/routes.hpp"
#include "certificate/routes.hpp"
#include "course/routes.hpp"
#include "enrollment/routes.hpp"
#include "package/routes.hpp"
#include "quiz/paper.hpp"
#include "quiz/routes.hpp"
#include "user/routes.hpp"

namespace lms {

void add_routes(Router& router, Lms& school) {
  add_auth_routes(router, school.auth());
  add_user_routes(router, school.users());
  add_course_routes(router, school.courses());
  add_package_routes(router, school.packages());
  add_enrollment_routes(router, school.enrollments());
  add_quiz_routes(router, school.quizzes());
  add_certificate_routes(router, school.certificates());
  add_admin_routes(router, school.jobs(), school.events());
}

std::vector<const EventType*> event_types() {
  using namespace events;
  return {&user_registered,    &user_updated,         &user_role_changed,  &user_deactivated,       &user_reactivated,
          &user_deleted,       &user_logged_in,       &user_logged_out,    &user_password_changed,  &course_created,
          &course_updated,     &course_published,     &course_unpublished, &course_archived,        &course_deleted,
          &enrollment_created, &enrollment_completed, &enrollment_dropped, &enrollment_expired,     &lesson_completed,
          &quiz_created,       &quiz_updated,         &quiz_deleted,       &quiz_attempt_submitted, &certificate_issued,
          &certificate_revoked};
}

std::vector<const Schema*> stored_schemas() {
  return {&User::schema(),        &Session::schema(),  &RevokedToken::schema(), &Course::schema(),
          &Section::schema(),     &Lesson::schema(),   &Enrollment::schema(),   &LessonProgress::schema(),
          &Quiz::schema(),        &Question::schema(), &QuizPaper::schema(),    &Attempt::schema(),
          &Certificate::schema(), &Event::schema(),    &Job::schema()};
}

}  // namespace lms
