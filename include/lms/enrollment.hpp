#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lms/audit.hpp>
#include <lms/course.hpp>
#include <lms/event.hpp>
#include <lms/export.hpp>
#include <lms/page.hpp>
#include <lms/principal.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/random.hpp>
#include <lms/spi/storage.hpp>

namespace lms {

class Jobs;

enum class EnrollmentStatus { active, completed, dropped, expired };
constexpr auto names_of(EnrollmentStatus) {
  return std::array<std::string_view, 4>{"active", "completed", "dropped", "expired"};
}

/// A student in a course.
struct LMS_API Enrollment {
  EnrollmentId id;
  UserId student_id;
  CourseId course_id;
  EnrollmentStatus status = EnrollmentStatus::active;
  std::int64_t completed_lessons = 0;
  Time enrolled_at;
  std::optional<Time> completed_at;
  std::optional<Time> expires_at;  ///< when access ends; set by those who manage enrolments
  Time last_activity_at;

  static const Schema& schema();
};

/// An enrolment with what a list of them needs of the student and the course.
///
/// Who has completed a course has completed it: when lessons are added or removed later, `status` stays `completed` and
/// `progress_percent` 100. `completed_lessons` counts those of the lessons that the course has now, so it never exceeds
/// `lesson_count`.
struct LMS_API EnrollmentView {
  Enrollment enrollment;
  std::string student_name;
  std::string course_title;
  std::string course_slug;
  std::int64_t lesson_count = 0;
  std::int64_t progress_percent = 0;  ///< completed lessons of all; 100 once completed

  static const Schema& schema();
};

struct LMS_API NewEnrollment {
  CourseId course_id;
  std::optional<UserId> student_id = {};  ///< somebody else, for those who manage enrolments
  std::optional<Time> expires_at = {};    ///< likewise

  static const Schema& schema();
};

/// What those who manage enrolments may change.
struct LMS_API EnrollmentTerms {
  std::optional<Time> expires_at;

  static const Schema& schema();
};

struct LMS_API EnrollmentFilter {
  PageRequest page;
  std::optional<CourseId> course_id = {};
  std::optional<UserId> student_id = {};
  std::optional<EnrollmentStatus> status = {};

  static const Schema& schema();
};

/// How far a student is in one lesson.
struct LMS_API LessonProgress {
  Id<LessonProgress> id;
  EnrollmentId enrollment_id;
  LessonId lesson_id;
  std::int64_t progress_percent = 0;
  std::int64_t position_seconds = 0;  ///< in a video
  std::int64_t time_spent_seconds = 0;
  bool completed = false;
  Time updated_at;
  std::optional<Time> completed_at;

  static const Schema& schema();
};

/// A report of progress. `completed` or 100 percent completes the lesson; a completed lesson stays completed.
struct LMS_API ProgressReport {
  std::int64_t progress_percent = 0;
  std::int64_t position_seconds = 0;
  std::int64_t time_spent_seconds = 0;  ///< since the last report; added up
  bool completed = false;

  static const Schema& schema();
};

/// What a report led to.
struct LMS_API ProgressResult {
  LessonProgress progress;
  EnrollmentStatus enrollment_status{};
  std::int64_t course_progress_percent = 0;

  static const Schema& schema();
};

/// A lesson as its reader sees it.
struct LMS_API LessonView {
  Lesson lesson;
  std::string content_html;                ///< the Markdown rendered, safe to embed
  std::optional<LessonProgress> progress;  ///< of the reader, once there is any

  static const Schema& schema();
};

/// A course as its reader sees it.
struct LMS_API CourseView {
  Course course;
  std::string description_html;
  std::string instructor_name;
  std::vector<Section> sections;
  std::optional<Enrollment> enrollment;  ///< of the reader

  static const Schema& schema();
};

/// The data of `enrollment.…` events.
struct LMS_API EnrollmentEvent {
  EnrollmentId enrollment_id;
  UserId student_id;
  std::string student_email;
  CourseId course_id;
  std::string course_title;
  EnrollmentStatus status{};
  std::optional<Time> expires_at;
  std::optional<Time> completed_at;
  std::optional<std::string> certificate_url;  ///< where the certificate can be verified, once completed

  static const Schema& schema();
};

struct LMS_API LessonCompletedEvent {
  EnrollmentId enrollment_id;
  UserId student_id;
  CourseId course_id;
  LessonId lesson_id;

  static const Schema& schema();
};

namespace events {
extern LMS_API const EventType enrollment_created, enrollment_updated, enrollment_completed, enrollment_dropped,
    enrollment_expired, lesson_completed;
}

namespace audited {
extern LMS_API const AuditAction enrollment_granted, enrollment_updated, enrollment_dropped;
}

/// Students in courses, and how far they are. Thread-safe; each call is one transaction, where nothing else is said: if
/// it throws, nothing changed. What those who manage enrolments do to others' is audited.
class LMS_API Enrollments {
 public:
  Enrollments(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit, Courses& courses);

  /// Called in the transaction that completes a course; returns the URL at which its certificate can be verified. There
  /// is one, which a school's certificates have taken. Set up before the first call. @throws Error internal if there is
  /// one already.
  using CompletionHook = std::function<std::optional<std::string>(UnitOfWork&, const Enrollment&, const Course&)>;
  void on_completion(CompletionHook hook);
  /// From now on, a lesson that is removed leaves a job which calls `recount`. Without it, call that yourself.
  /// Set up before the first call.
  void recount_by(Jobs& jobs);

  /// Enrols `who`, or somebody else with `manage_enrollments` (then neither price nor prerequisites count). A dropped
  /// or expired enrolment becomes active again with its progress kept. A completed one keeps its seat and stays
  /// completed: it is `already_enrolled`, and once its access has ended, enrolling opens it again. Emits
  /// `enrollment.created`.
  /// @throws Error conflict `already_enrolled`, `course_not_published`, `course_full`, `prerequisites_missing`;
  ///   forbidden `payment_required`; not_found.
  Enrollment enroll(const Principal& who, const NewEnrollment& wish);
  /// @throws Error not_found unless it is `who`'s own, or in a course of theirs, or they may `manage_enrollments`.
  EnrollmentView get(const Principal& who, EnrollmentId id);
  /// Students see their own; instructors also those in their courses, when they name the course.
  Page<EnrollmentView> list(const Principal& who, const EnrollmentFilter& filter);
  /// Emits `enrollment.updated`. @throws Error forbidden without `manage_enrollments`.
  EnrollmentView update(const Principal& who, EnrollmentId id, const Patch<EnrollmentTerms>& patch);
  /// Gives up the seat; progress is kept. Emits `enrollment.dropped`. @throws Error conflict `enrollment_not_active`.
  void drop(const Principal& who, EnrollmentId id);

  std::vector<LessonProgress> progress(const Principal& who, EnrollmentId id);
  /// Notes the progress of `who`; completes the course with its last lesson. Emits `lesson.completed`,
  /// `enrollment.completed`. A report that says nothing new writes nothing.
  /// @throws Error invalid; forbidden `not_enrolled`; conflict `quiz_lesson` (a quiz lesson is completed by passing its
  /// quiz).
  ProgressResult report(const Principal& who, LessonId lesson, const ProgressReport& report);
  /// The same, of a lesson whose completion another service has established.
  void complete_lesson(UnitOfWork& uow, const Principal& who, Enrollment& enrollment, const Lesson& lesson);

  /// @throws Error not_found; forbidden `not_enrolled` unless the lesson is a preview, or `who` is enrolled, owns the
  ///   course or is an admin.
  LessonView open_lesson(const Principal& who, LessonId id);
  CourseView open_course(const Principal& who, const CourseRef& course);

  /// The enrolment that lets `who` work in a course now. @throws Error forbidden `not_enrolled`.
  Enrollment require_active(UnitOfWork& uow, const Principal& who, CourseId course) const;

  /// Ends all enrolments whose time is over, in several transactions if they are many; returns how many. Emits
  /// `enrollment.expired`.
  std::size_t expire_overdue();
  /// Counts anew what everybody in a course has completed, and completes the course for those who have completed every
  /// lesson it has; for after a lesson was removed. In many short transactions, so it can be interrupted at any time
  /// and begun again. Returns how many completed the course. Emits `enrollment.completed`.
  /// @throws Error unavailable `stopped` once `stop` asks for it.
  std::size_t recount(CourseId course, std::stop_token stop = {});

 private:
  void check_admission(UnitOfWork& uow, const Principal& who, const Course& course) const;
  std::pair<Enrollment, Course> visible_enrollment(UnitOfWork& uow, const Principal& who, EnrollmentId id) const;
  std::optional<Enrollment> enrollment_in(UnitOfWork& uow, const Principal& who, CourseId course) const;
  LessonProgress progress_in(UnitOfWork& uow, const Enrollment& enrollment, const Lesson& lesson) const;
  void note(UnitOfWork& uow, const Principal& who, Enrollment& enrollment, LessonProgress& progress, bool completes);
  bool complete_course_if_done(UnitOfWork& uow, const Principal& who, Enrollment& enrollment, const Course& course);

  Storage& storage_;
  Clock& clock_;
  Random& random_;
  Events& events_;
  Audit& audit_;
  Courses& courses_;
  CompletionHook completion_hook_;
  Jobs* jobs_ = nullptr;
};

}  // namespace lms
