#include "enrollment/routes.hpp"

#include <lms/user.hpp>

namespace lms {

// Reading a course or a lesson is here and not in course/: it shows the reader's own enrolment and progress.

void add_enrollment_routes(Router& router, Enrollments& enrollments, const Settings& settings) {
  using enum http::Method;
  const RouteError not_enrolled{ErrorCode::forbidden, "not_enrolled", "This needs an active enrolment in the course."};

  router.add({.method = get,
              .path = "/courses/{id}",
              .operation = "getCourse",
              .tag = "courses",
              .summary = "A course with its sections",
              .description = "Signed in, with the reader's own enrolment.",
              .allow = Anyone{},
              .cached = settings.course_cache_ttl,
              .output = &CourseView::schema(),
              .errors = {{ErrorCode::not_found, "course_not_found", "There is no such course, or it is hidden."}},
              .text_params = {{"id", CourseRef::doc}},
              .handler = [&](Call& call) {
                const CourseView view = enrollments.open_course(call.who(), call.path("id"));
                call.shows<Course>(view.course.id);
                call.shows<Section>();
                call.shows<User>(view.course.instructor_id);
                return ok(view);
              }});

  router.add({.method = get,
              .path = "/lessons/{id}",
              .operation = "getLesson",
              .tag = "lessons",
              .summary = "A lesson with its content",
              .description = "For those in the course; a preview lesson is open to everybody.",
              .allow = Anyone{},
              .output = &LessonView::schema(),
              .errors = {not_enrolled, {ErrorCode::unauthenticated, "not_authenticated", "The lesson is no preview."}},
              .handler = [&](Call& call) { return ok(enrollments.open_lesson(call.who(), call.id<LessonId>("id"))); }});

  router.add({.method = put,
              .path = "/lessons/{id}/progress",
              .operation = "reportProgress",
              .tag = "lessons",
              .summary = "Note how far one is in a lesson",
              .description = "The last completed lesson completes the course, and its certificate is issued.",
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &ProgressReport::schema(),
              .output = &ProgressResult::schema(),
              .errors = {not_enrolled,
                         {ErrorCode::conflict, "quiz_lesson", "A quiz lesson is completed by passing its quiz."}},
              .handler = [&](Call& call) {
                return ok(enrollments.report(call.who(), call.id<LessonId>("id"), call.body<ProgressReport>()));
              }});

  router.add({.method = get,
              .path = "/enrollments",
              .operation = "listEnrollments",
              .tag = "enrollments",
              .summary = "Find enrolments",
              .description =
                  "One's own; those of a course one teaches when `course_id` names it; all for those who manage them.",
              .query = &EnrollmentFilter::schema(),
              .output_mode = Output::page,
              .output = &EnrollmentView::schema(),
              .handler = [&](Call& call) { return ok(enrollments.list(call.who(), call.query<EnrollmentFilter>())); }});

  router.add({.method = post,
              .path = "/enrollments",
              .operation = "enroll",
              .tag = "enrollments",
              .summary = "Enrol in a course",
              .description =
                  "A dropped or expired enrolment becomes active again with its progress; a completed one whose access "
                  "has ended is opened again as completed.",
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &NewEnrollment::schema(),
              .output = &Enrollment::schema(),
              .status = 201,
              .errors = {{ErrorCode::conflict, "already_enrolled", "The student is in this course already."},
                         {ErrorCode::conflict, "course_not_published", "Only a published course takes students."},
                         {ErrorCode::conflict, "course_full", "The course has no seat left."},
                         {ErrorCode::conflict, "prerequisites_missing", "Another course has to be completed first."},
                         {ErrorCode::forbidden, "payment_required", "The course has to be paid for."},
                         {ErrorCode::not_found, "course_not_found", "There is no such course."}},
              .takes_idempotency_key = true,
              .handler = [&, prefix = router.prefix()](Call& call) {
                const Enrollment enrollment = enrollments.enroll(call.who(), call.body<NewEnrollment>());
                return created(enrollment, prefix + "/enrollments/" + enrollment.id.text());
              }});

  router.add({.method = get,
              .path = "/enrollments/{id}",
              .operation = "getEnrollment",
              .tag = "enrollments",
              .summary = "One enrolment",
              .output = &EnrollmentView::schema(),
              .handler = [&](Call& call) { return ok(enrollments.get(call.who(), call.id<EnrollmentId>("id"))); }});

  router.add({.method = patch,
              .path = "/enrollments/{id}",
              .operation = "updateEnrollment",
              .tag = "enrollments",
              .summary = "Change when access ends",
              .allow = Permission::manage_enrollments,
              .weight = Weight::write,
              .input_mode = Input::change,
              .input = &EnrollmentTerms::schema(),
              .output = &EnrollmentView::schema(),
              .handler = [&](Call& call) {
                return ok(enrollments.update(call.who(), call.id<EnrollmentId>("id"), call.patch<EnrollmentTerms>()));
              }});

  router.add({.method = del,
              .path = "/enrollments/{id}",
              .operation = "dropEnrollment",
              .tag = "enrollments",
              .summary = "Give up a seat",
              .description = "The enrolment stays, as dropped, with its progress; enrolling again takes it up.",
              .weight = Weight::write,
              .output_mode = Output::nothing,
              .status = 204,
              .errors = {{ErrorCode::forbidden, "permission_denied", "It is somebody else's."},
                         {ErrorCode::conflict, "enrollment_not_active", "Only an active enrolment can be dropped."}},
              .handler = [&](Call& call) {
                enrollments.drop(call.who(), call.id<EnrollmentId>("id"));
                return no_content();
              }});

  router.add(
      {.method = get,
       .path = "/enrollments/{id}/progress",
       .operation = "listProgress",
       .tag = "enrollments",
       .summary = "Progress in each lesson begun",
       .output_mode = Output::items,
       .output = &LessonProgress::schema(),
       .handler = [&](Call& call) { return ok(enrollments.progress(call.who(), call.id<EnrollmentId>("id"))); }});
}

}  // namespace lms
