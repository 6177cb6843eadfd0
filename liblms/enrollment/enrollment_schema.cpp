#include <lms/enrollment.hpp>

namespace lms {

const Schema& Enrollment::schema() {
  static const Schema schema =
      define<Enrollment>("Enrollment", "A student in a course.")
          .table("enrollments")
          .key("id", &Enrollment::id)
          .field("student_id", &Enrollment::student_id, {.access = Access::read_only, .references = "users"})
          .field("course_id", &Enrollment::course_id, {.access = Access::read_only, .references = "courses"})
          .field("status", &Enrollment::status,
                 {.doc = "`completed` stays, whatever becomes of the course's lessons.", .access = Access::read_only})
          .field("completed_lessons", &Enrollment::completed_lessons,
                 {.doc = "Of the lessons that the course has now.", .access = Access::read_only})
          .field("enrolled_at", &Enrollment::enrolled_at, {.access = Access::read_only})
          .field("completed_at", &Enrollment::completed_at, {.access = Access::read_only})
          .field("expires_at", &Enrollment::expires_at,
                 {.doc = "When access ends; null: never.", .access = Access::read_only})
          .field("last_activity_at", &Enrollment::last_activity_at, {.access = Access::read_only})
          .unique({"student_id", "course_id"})
          .index({"course_id", "status", "enrolled_at"})
          .index({"course_id", "enrolled_at"})
          .index({"student_id", "enrolled_at"})
          .index({"status", "expires_at"});
  return schema;
}

const Schema& EnrollmentView::schema() {
  static const Schema schema =
      define<EnrollmentView>("EnrollmentView",
                             "An enrolment with what a list of them needs of the student and the course.")
          .flatten(&EnrollmentView::enrollment)
          .field("student_name", &EnrollmentView::student_name,
                 {.access = Access::read_only, .example = "Amina Okafor"})
          .field("course_title", &EnrollmentView::course_title, {.access = Access::read_only})
          .field("course_slug", &EnrollmentView::course_slug, {.access = Access::read_only})
          .field("lesson_count", &EnrollmentView::lesson_count, {.access = Access::read_only})
          .field("progress_percent", &EnrollmentView::progress_percent,
                 {.doc = "Completed lessons of all; 100 once the course is completed, and so it stays.",
                  .access = Access::read_only,
                  .minimum = 0,
                  .maximum = 100});
  return schema;
}

const Schema& NewEnrollment::schema() {
  static const Schema schema =
      define<NewEnrollment>("NewEnrollment", "A wish to be in a course.")
          .field("course_id", &NewEnrollment::course_id, {.required = true})
          .field("student_id", &NewEnrollment::student_id, {.doc = "Somebody else, for those who manage enrolments."})
          .field("expires_at", &NewEnrollment::expires_at,
                 {.doc = "When access ends, for those who manage enrolments.", .example = "2027-12-31T23:59:59Z"});
  return schema;
}

const Schema& EnrollmentTerms::schema() {
  static const Schema schema =
      define<EnrollmentTerms>("EnrollmentTerms", "What those who manage enrolments may change.")
          .field("expires_at", &EnrollmentTerms::expires_at,
                 {.doc = "When access ends; null: never.", .example = "2027-12-31T23:59:59Z"});
  return schema;
}

const Schema& EnrollmentFilter::schema() {
  static const Schema schema = define<EnrollmentFilter>("EnrollmentFilter", "Which enrolments.")
                                   .flatten(&EnrollmentFilter::page)
                                   .field("course_id", &EnrollmentFilter::course_id, {.doc = "In this course."})
                                   .field("student_id", &EnrollmentFilter::student_id, {.doc = "Of this student."})
                                   .field("status", &EnrollmentFilter::status);
  return schema;
}

const Schema& LessonProgress::schema() {
  static const Schema schema =
      define<LessonProgress>("LessonProgress", "How far a student is in one lesson.")
          .table("lesson_progress")
          .key("id", &LessonProgress::id, {.access = Access::hidden})
          .field("enrollment_id", &LessonProgress::enrollment_id,
                 {.access = Access::read_only, .references = "enrollments"})
          .field("lesson_id", &LessonProgress::lesson_id, {.access = Access::read_only, .references = "lessons"})
          .field("progress_percent", &LessonProgress::progress_percent, {.access = Access::read_only})
          .field("position_seconds", &LessonProgress::position_seconds, {.access = Access::read_only})
          .field("time_spent_seconds", &LessonProgress::time_spent_seconds, {.access = Access::read_only})
          .field("completed", &LessonProgress::completed, {.access = Access::read_only})
          .field("updated_at", &LessonProgress::updated_at, {.access = Access::read_only})
          .field("completed_at", &LessonProgress::completed_at, {.access = Access::read_only})
          .unique({"enrollment_id", "lesson_id"})
          .index({"lesson_id"});
  return schema;
}

const Schema& ProgressReport::schema() {
  static const Schema schema =
      define<ProgressReport>("ProgressReport", "How far the student is now.")
          .field("progress_percent", &ProgressReport::progress_percent,
                 {.doc = "Of this lesson; 100 completes it.", .minimum = 0, .maximum = 100, .example = 100})
          .field("position_seconds", &ProgressReport::position_seconds,
                 {.doc = "Where to go on in a video.", .minimum = 0, .maximum = 1'000'000})
          .field("time_spent_seconds", &ProgressReport::time_spent_seconds,
                 {.doc = "Since the last report; it is added up.", .minimum = 0, .maximum = 86'400})
          .field("completed", &ProgressReport::completed,
                 {.doc = "True completes the lesson; a completed lesson stays so.", .example = true});
  return schema;
}

const Schema& ProgressResult::schema() {
  static const Schema schema =
      define<ProgressResult>("ProgressResult", "What a report led to.")
          .flatten(&ProgressResult::progress)
          .field("enrollment_status", &ProgressResult::enrollment_status)
          .field("course_progress_percent", &ProgressResult::course_progress_percent, {.minimum = 0, .maximum = 100});
  return schema;
}

const Schema& LessonView::schema() {
  static const Schema schema =
      define<LessonView>("LessonView", "A lesson as its reader sees it.")
          .flatten(&LessonView::lesson)
          .field("content_html", &LessonView::content_html,
                 {.doc = "The Markdown as HTML that is safe to embed.", .access = Access::read_only})
          .field("progress", &LessonView::progress,
                 {.doc = "The reader's, once there is any.", .access = Access::read_only});
  return schema;
}

const Schema& CourseView::schema() {
  static const Schema schema =
      define<CourseView>("CourseView", "A course as its reader sees it.")
          .flatten(&CourseView::course)
          .field("description_html", &CourseView::description_html,
                 {.doc = "The Markdown as HTML that is safe to embed.", .access = Access::read_only})
          .field("instructor_name", &CourseView::instructor_name, {.access = Access::read_only})
          .field("sections", &CourseView::sections, {.access = Access::read_only})
          .field("enrollment", &CourseView::enrollment, {.doc = "The reader's.", .access = Access::read_only});
  return schema;
}

const Schema& EnrollmentEvent::schema() {
  static const Schema schema =
      define<EnrollmentEvent>("EnrollmentEvent", "The enrolment an event is about, as it was left.")
          .field("enrollment_id", &EnrollmentEvent::enrollment_id)
          .field("student_id", &EnrollmentEvent::student_id)
          .field("student_email", &EnrollmentEvent::student_email, {.format = Format::email, .personal = true})
          .field("course_id", &EnrollmentEvent::course_id)
          .field("course_title", &EnrollmentEvent::course_title)
          .field("status", &EnrollmentEvent::status)
          .field("expires_at", &EnrollmentEvent::expires_at, {.doc = "When access ends; null: never."})
          .field("completed_at", &EnrollmentEvent::completed_at)
          .field("certificate_url", &EnrollmentEvent::certificate_url,
                 {.doc = "Where the certificate can be verified, once completed."});
  return schema;
}

const Schema& LessonCompletedEvent::schema() {
  static const Schema schema = define<LessonCompletedEvent>("LessonCompletedEvent", "A lesson a student completed.")
                                   .field("enrollment_id", &LessonCompletedEvent::enrollment_id)
                                   .field("student_id", &LessonCompletedEvent::student_id)
                                   .field("course_id", &LessonCompletedEvent::course_id)
                                   .field("lesson_id", &LessonCompletedEvent::lesson_id);
  return schema;
}

namespace events {
const EventType enrollment_created{"enrollment.created", "A student was enrolled, or enrolled again.",
                                   &EnrollmentEvent::schema};
const EventType enrollment_updated{"enrollment.updated", "An enrolment's terms were changed.",
                                   &EnrollmentEvent::schema};
const EventType enrollment_completed{"enrollment.completed", "A student completed a course.", &EnrollmentEvent::schema};
const EventType enrollment_dropped{"enrollment.dropped", "A seat was given up.", &EnrollmentEvent::schema};
const EventType enrollment_expired{"enrollment.expired", "A student's time in a course was over.",
                                   &EnrollmentEvent::schema};
const EventType lesson_completed{"lesson.completed", "A student completed a lesson.", &LessonCompletedEvent::schema};
}  // namespace events

namespace audited {
const AuditAction enrollment_granted{
    "enrollment.granted",
    "A student was enrolled by those who manage enrolments, whatever price and prerequisites say."};
const AuditAction enrollment_updated{"enrollment.updated", "An enrolment's terms were changed."};
const AuditAction enrollment_dropped{"enrollment.dropped", "A student's seat was taken away."};
}  // namespace audited

}  // namespace lms
