#include "course/routes.hpp"

namespace lms {

void add_course_routes(Router& router, Courses& courses, const Settings& settings) {
  using enum http::Method;
  const RouteError slug_taken{ErrorCode::conflict, "slug_taken", "Another course has this slug."};
  const RouteError not_owner{ErrorCode::forbidden, "not_owner", "The course belongs to somebody else."};
  const RouteError unknown{ErrorCode::not_found, "course_not_found", "There is no such course, or it is hidden."};
  const std::vector<TextParameter> course_id{{"id", CourseRef::doc}};

  router.add({.method = get,
              .path = "/courses",
              .operation = "listCourses",
              .tag = "courses",
              .summary = "Find courses",
              .description = "Published courses; signed in, also one's own in any status.",
              .allow = Anyone{},
              .cached = settings.course_cache_ttl,
              .query = &CourseFilter::schema(),
              .output_mode = Output::page,
              .output = &Course::schema(),
              .handler = [&](Call& call) {
                call.shows<Course>();
                return ok(courses.list(call.who(), call.query<CourseFilter>()));
              }});

  router.add({.method = post,
              .path = "/courses",
              .operation = "createCourse",
              .tag = "courses",
              .summary = "Make a draft",
              .allow = Permission::create_course,
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &Course::schema(),
              .output = &Course::schema(),
              .status = 201,
              .errors = {slug_taken},
              .takes_idempotency_key = true,
              .handler = [&, prefix = router.prefix()](Call& call) {
                const Course course = courses.create(call.who(), call.body<Course>());
                return created(course, prefix + "/courses/" + course.id.text());
              }});

  router.add(
      {.method = patch,
       .path = "/courses/{id}",
       .operation = "updateCourse",
       .tag = "courses",
       .summary = "Change a course",
       .description = "Send the `version` you read to be sure that nobody changed it meanwhile.",
       .allow = Permission::update_course,
       .weight = Weight::write,
       .input_mode = Input::change,
       .input = &Course::schema(),
       .output = &Course::schema(),
       .errors = {not_owner,
                  unknown,
                  slug_taken,
                  {ErrorCode::conflict, "stale_version", "The course was changed meanwhile; read it again."}},
       .text_params = course_id,
       .handler = [&](Call& call) { return ok(courses.update(call.who(), call.path("id"), call.patch<Course>())); }});

  router.add({.method = del,
              .path = "/courses/{id}",
              .operation = "deleteCourse",
              .tag = "courses",
              .summary = "Remove a course nobody ever enrolled in",
              .description = "Its sections, lessons and quizzes go, too. Archive a course that has had students.",
              .allow = Permission::delete_course,
              .weight = Weight::wait,
              .output_mode = Output::nothing,
              .status = 204,
              .errors = {not_owner,
                         unknown,
                         {ErrorCode::conflict, "course_in_use",
                          "Somebody has enrolled, or another course requires it. Archive it instead."}},
              .text_params = course_id,
              .handler = [&](Call& call) {
                courses.remove(call.who(), call.path("id"));
                return no_content();
              }});

  router.add(
      {.method = post,
       .path = "/courses/{id}/publish",
       .operation = "publishCourse",
       .tag = "courses",
       .summary = "Make a draft visible to students",
       .allow = Permission::update_course,
       .weight = Weight::write,
       .output = &Course::schema(),
       .errors = {not_owner,
                  unknown,
                  {ErrorCode::conflict, "course_not_draft", "Only a draft can be published."},
                  {ErrorCode::conflict, "course_empty", "The course has no lesson."},
                  {ErrorCode::conflict, "quiz_lesson_without_quiz", "A quiz lesson has no quiz with questions."}},
       .text_params = course_id,
       .handler = [&](Call& call) { return ok(courses.publish(call.who(), call.path("id"))); }});

  router.add(
      {.method = post,
       .path = "/courses/{id}/unpublish",
       .operation = "unpublishCourse",
       .tag = "courses",
       .summary = "Take a course back to a draft",
       .description = "Those enrolled stay enrolled.",
       .allow = Permission::update_course,
       .weight = Weight::write,
       .output = &Course::schema(),
       .errors = {not_owner, unknown, {ErrorCode::conflict, "course_not_published", "The course is not published."}},
       .text_params = course_id,
       .handler = [&](Call& call) { return ok(courses.unpublish(call.who(), call.path("id"))); }});

  router.add(
      {.method = post,
       .path = "/courses/{id}/archive",
       .operation = "archiveCourse",
       .tag = "courses",
       .summary = "Close a course to newcomers",
       .allow = Permission::update_course,
       .weight = Weight::write,
       .output = &Course::schema(),
       .errors = {not_owner, unknown, {ErrorCode::conflict, "course_archived", "The course is archived already."}},
       .text_params = course_id,
       .handler = [&](Call& call) { return ok(courses.archive(call.who(), call.path("id"))); }});

  router.add({.method = get,
              .path = "/courses/{id}/sections",
              .operation = "listSections",
              .tag = "courses",
              .summary = "The sections of a course, in order",
              .allow = Anyone{},
              .output_mode = Output::items,
              .output = &Section::schema(),
              .errors = {unknown},
              .text_params = course_id,
              .handler = [&](Call& call) { return ok(courses.sections(call.who(), call.path("id"))); }});

  router.add(
      {.method = post,
       .path = "/courses/{id}/sections",
       .operation = "addSection",
       .tag = "courses",
       .summary = "Add a section",
       .allow = Permission::update_course,
       .weight = Weight::write,
       .input_mode = Input::create,
       .input = &Section::schema(),
       .output = &Section::schema(),
       .status = 201,
       .errors = {not_owner, unknown, {ErrorCode::conflict, "too_many_sections", "The course has as many as it can."}},
       .takes_idempotency_key = true,
       .text_params = course_id,
       .handler = [&, prefix = router.prefix()](Call& call) {
         const Section section = courses.add_section(call.who(), call.path("id"), call.body<Section>());
         return created(section, prefix + "/sections/" + section.id.text());
       }});

  router.add({.method = get,
              .path = "/sections/{id}",
              .operation = "getSection",
              .tag = "courses",
              .summary = "One section",
              .allow = Anyone{},
              .output = &Section::schema(),
              .errors = {unknown},
              .handler = [&](Call& call) { return ok(courses.section(call.who(), call.id<SectionId>("id"))); }});

  router.add({.method = patch,
              .path = "/sections/{id}",
              .operation = "updateSection",
              .tag = "courses",
              .summary = "Rename or move a section",
              .allow = Permission::update_course,
              .weight = Weight::write,
              .input_mode = Input::change,
              .input = &Section::schema(),
              .output = &Section::schema(),
              .errors = {not_owner},
              .handler = [&](Call& call) {
                return ok(courses.update_section(call.who(), call.id<SectionId>("id"), call.patch<Section>()));
              }});

  router.add({.method = del,
              .path = "/sections/{id}",
              .operation = "deleteSection",
              .tag = "courses",
              .summary = "Remove a section; its lessons stay in the course",
              .allow = Permission::update_course,
              .weight = Weight::write,
              .output_mode = Output::nothing,
              .status = 204,
              .errors = {not_owner},
              .handler = [&](Call& call) {
                courses.remove_section(call.who(), call.id<SectionId>("id"));
                return no_content();
              }});

  router.add({.method = get,
              .path = "/courses/{id}/lessons",
              .operation = "listLessons",
              .tag = "courses",
              .summary = "The lessons of a course, in order, without their content",
              .allow = Anyone{},
              .output_mode = Output::items,
              .output = &LessonSummary::schema(),
              .errors = {unknown},
              .text_params = course_id,
              .handler = [&](Call& call) { return ok(courses.outline(call.who(), call.path("id"))); }});

  router.add(
      {.method = post,
       .path = "/courses/{id}/lessons",
       .operation = "addLesson",
       .tag = "courses",
       .summary = "Add a lesson",
       .allow = Permission::update_course,
       .weight = Weight::write,
       .input_mode = Input::create,
       .input = &Lesson::schema(),
       .output = &Lesson::schema(),
       .status = 201,
       .errors = {not_owner,
                  unknown,
                  {ErrorCode::conflict, "too_many_lessons", "The course has as many as it can."},
                  {ErrorCode::conflict, "quiz_lesson_without_quiz",
                   "A published course takes no quiz lesson, which would have no quiz yet: unpublish it first."}},
       .takes_idempotency_key = true,
       .text_params = course_id,
       .handler = [&, prefix = router.prefix()](Call& call) {
         const Lesson lesson = courses.add_lesson(call.who(), call.path("id"), call.body<Lesson>());
         return created(lesson, prefix + "/lessons/" + lesson.id.text());
       }});

  router.add({.method = patch,
              .path = "/lessons/{id}",
              .operation = "updateLesson",
              .tag = "courses",
              .summary = "Change or move a lesson",
              .allow = Permission::update_course,
              .weight = Weight::write,
              .input_mode = Input::change,
              .input = &Lesson::schema(),
              .output = &Lesson::schema(),
              .errors = {not_owner},
              .handler = [&](Call& call) {
                return ok(courses.update_lesson(call.who(), call.id<LessonId>("id"), call.patch<Lesson>()));
              }});

  router.add(
      {.method = del,
       .path = "/lessons/{id}",
       .operation = "deleteLesson",
       .tag = "courses",
       .summary = "Remove a lesson and everybody's progress in it",
       .description =
           "Its quiz stays in the course, without a lesson. Who has completed the course has completed it; who "
           "had only this lesson left completes it by a job that follows within seconds.",
       .allow = Permission::update_course,
       .weight = Weight::wait,
       .output_mode = Output::nothing,
       .status = 204,
       .errors = {not_owner, {ErrorCode::conflict, "course_empty", "A published course keeps at least one lesson."}},
       .handler = [&](Call& call) {
         courses.remove_lesson(call.who(), call.id<LessonId>("id"));
         return no_content();
       }});
}

}  // namespace lms
