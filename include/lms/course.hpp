#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/audit.hpp>
#include <lms/event.hpp>
#include <lms/export.hpp>
#include <lms/page.hpp>
#include <lms/principal.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/random.hpp>
#include <lms/spi/storage.hpp>

namespace lms {

enum class CourseStatus { draft, published, archived };
constexpr auto names_of(CourseStatus) {
  return std::array<std::string_view, 3>{"draft", "published", "archived"};
}

enum class CourseLevel { beginner, intermediate, advanced };
constexpr auto names_of(CourseLevel) {
  return std::array<std::string_view, 3>{"beginner", "intermediate", "advanced"};
}

struct LMS_API Course {
  CourseId id;
  std::string slug;  ///< made from the title unless given
  std::string title;
  std::string summary;
  std::string description;  ///< Markdown
  std::string category;
  CourseLevel level = CourseLevel::beginner;
  std::string language = "en";
  std::int64_t price_cents = 0;  ///< in the currency's minor unit; 0: free
  std::string currency = "EUR";
  std::vector<std::string> tags;
  std::vector<CourseId> prerequisites;   ///< to be completed before enrolling; seen by who names them
  std::optional<std::int64_t> capacity;  ///< seats; none: no end
  std::optional<UserId> instructor_id;   ///< the owner; who creates it, unless an admin names somebody
  CourseStatus status = CourseStatus::draft;
  std::int64_t lesson_count = 0;
  std::int64_t enrolled_count = 0;  ///< seats taken: active and completed enrolments
  std::int64_t version = 1;         ///< one more with every change of the course itself
  Time created_at;
  Time updated_at;
  std::optional<Time> published_at;

  static const Schema& schema();
};

/// How a caller names a course: by its id or by its slug. A slug never looks like an id.
class LMS_API CourseRef {
 public:
  static constexpr const char* doc = "The course's id or slug.";

  CourseRef(CourseId id) : id_(id) {}
  CourseRef(std::string_view id_or_slug);
  CourseRef(const std::string& id_or_slug) : CourseRef(std::string_view(id_or_slug)) {}
  CourseRef(const char* id_or_slug) : CourseRef(std::string_view(id_or_slug)) {}

  const std::optional<CourseId>& id() const noexcept { return id_; }
  const std::string& slug() const noexcept { return slug_; }  ///< of use only without an id

 private:
  std::optional<CourseId> id_;
  std::string slug_;
};

struct LMS_API Section {
  SectionId id;
  CourseId course_id;
  std::string title;
  std::int64_t position = 0;  ///< from 1; 0 when adding: at the end

  static const Schema& schema();
};

enum class LessonKind { text, video, file, quiz };
constexpr auto names_of(LessonKind) {
  return std::array<std::string_view, 4>{"text", "video", "file", "quiz"};
}

struct LMS_API Lesson {
  LessonId id;
  CourseId course_id;
  std::optional<SectionId> section_id;
  std::string title;
  LessonKind kind = LessonKind::text;
  std::string content;             ///< Markdown: the text, or what accompanies the video, file or quiz
  std::optional<std::string> url;  ///< of a video or file
  std::int64_t duration_minutes = 0;
  bool preview = false;       ///< open to everybody who sees the course
  std::int64_t position = 0;  ///< within the course, from 1; 0 when adding: at the end
  Time created_at;
  Time updated_at;

  static const Schema& schema();
};

/// What the outline of a course shows of a lesson: everything but its content.
struct LMS_API LessonSummary {
  LessonId id;
  CourseId course_id;
  std::optional<SectionId> section_id;
  std::string title;
  LessonKind kind = LessonKind::text;
  std::int64_t duration_minutes = 0;
  bool preview = false;
  std::int64_t position = 0;

  static const Schema& schema();
};

enum class CourseSort { published_at, created_at, title, price_cents, relevance };
constexpr auto names_of(CourseSort) {
  return std::array<std::string_view, 5>{"published_at", "created_at", "title", "price_cents", "relevance"};
}

struct LMS_API CourseFilter {
  PageRequest page;
  std::optional<std::string> q =
      {};  ///< words of title, summary, description, category, tags; the last may be unfinished
  std::optional<CourseStatus> status = {};
  std::optional<std::string> category = {};
  std::optional<CourseLevel> level = {};
  std::optional<std::string> language = {};
  std::optional<std::string> tag = {};
  std::optional<UserId> instructor_id = {};
  std::optional<std::int64_t> max_price_cents = {};
  std::optional<CourseSort> sort = {};  ///< relevance when `q` is given, else newest first
  std::optional<bool> descending = {};  ///< as suits the sort unless given

  static const Schema& schema();
};

/// The data of `course.…` events.
struct LMS_API CourseEvent {
  CourseId course_id;
  std::string slug;
  std::string title;
  CourseStatus status{};
  std::optional<UserId> instructor_id;

  static const Schema& schema();
};

namespace events {
extern LMS_API const EventType course_created, course_updated, course_published, course_unpublished, course_archived,
    course_deleted;
}

namespace audited {
extern LMS_API const AuditAction course_owner_changed, course_archived, course_deleted, lesson_deleted;
}

/// Courses, their sections and lessons. Thread-safe; each call is one transaction, where nothing else is said: if it
/// throws, nothing changed. A new owner, and what is archived or removed, are audited.
///
/// Who may see a course: everybody if it is published, else its owner, admins and those a hook admits (who are
/// enrolled). Who may change it: its owner with `update_course`, and admins; otherwise Error forbidden.
class LMS_API Courses {
 public:
  static constexpr std::size_t max_sections = 100;   ///< of a course
  static constexpr std::size_t max_lessons = 1'000;  ///< of a course

  Courses(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit);

  /// What rooms above have a say in. Set up before the first call.
  struct Hooks {
    /// Whether somebody else may see a course that is not published.
    std::function<bool(UnitOfWork&, const Principal&, const Course&)> admits;
    /// Told before something opens or goes; an Error thrown there refuses it.
    std::function<void(UnitOfWork&, const Principal&, const Course&)> publishing;
    std::function<void(UnitOfWork&, const Principal&, const Course&)> removing;
    /// The course as it is after the lesson is gone. False if so much hangs on the lesson that only some of it could be
    /// removed: that is committed, and all are told again in a transaction of their own.
    std::function<bool(UnitOfWork&, const Principal&, const Course&, const Lesson&)> removing_lesson;
  };
  void add_hooks(Hooks hooks);

  /// Makes a draft. Emits `course.created`. Of a struct that is to become a course, section or lesson, what the school
  /// itself says (id, status, counts, times) is not read, and the rest is held to the rules of its schema.
  /// @throws Error forbidden without `create_course`;
  ///   conflict `slug_taken`;
  ///   invalid for what breaks the schema's rules, an unknown owner, or a prerequisite that `who` may not see.
  Course create(const Principal& who, Course draft);
  /// @throws Error not_found, also for a course that `who` may not see.
  Course get(const Principal& who, const CourseRef& course);
  Page<Course> list(const Principal& who, const CourseFilter& filter);
  /// Emits `course.updated`. With `version` in the patch, only if it is still the current one.
  /// @throws Error conflict `stale_version`, `slug_taken`; invalid as create.
  Course update(const Principal& who, const CourseRef& course, const Patch<Course>& patch);
  /// Emits `course.published`. @throws Error conflict `course_not_draft`, `course_empty`.
  Course publish(const Principal& who, const CourseRef& course);
  /// Back to a draft; those enrolled stay enrolled. Emits `course.unpublished`. @throws Error conflict
  /// `course_not_published`.
  Course unpublish(const Principal& who, const CourseRef& course);
  /// Closes it to newcomers. Emits `course.archived`. @throws Error conflict `course_archived`.
  Course archive(const Principal& who, const CourseRef& course);
  /// Removes a course nobody ever enrolled in and no other course requires. Emits `course.deleted`, after
  /// `quiz.deleted` for each of its quizzes.
  /// @throws Error forbidden without `delete_course`; conflict `course_in_use`.
  void remove(const Principal& who, const CourseRef& course);

  // Sections and lessons: each change is one of their course and emits `course.updated`.

  std::vector<Section> sections(const Principal& who, const CourseRef& course);
  Section section(const Principal& who, SectionId id);
  /// @throws Error invalid; conflict `too_many_sections`.
  Section add_section(const Principal& who, const CourseRef& course, Section section);
  Section update_section(const Principal& who, SectionId id, const Patch<Section>& patch);
  /// Its lessons stay in the course, without a section.
  void remove_section(const Principal& who, SectionId id);

  /// In the order of their position.
  std::vector<LessonSummary> outline(const Principal& who, const CourseRef& course);
  /// A published course takes no quiz lesson: until it had its quiz, nobody could complete the course.
  /// @throws Error invalid; conflict `too_many_lessons`, `quiz_lesson_without_quiz`.
  Lesson add_lesson(const Principal& who, const CourseRef& course, Lesson lesson);
  Lesson update_lesson(const Principal& who, LessonId id, const Patch<Lesson>& patch);
  /// Everybody's progress in it goes, too, and in parts if it is that of more than a thousand students: after an Error
  /// some of it may be gone, and the call can be made again. A quiz stays in the course, without a lesson, and
  /// `quiz.updated` says so. Who had completed all other lessons has completed the course: a job sees to it
  /// (Enrollments::recount).
  /// @throws Error conflict `course_empty` for the last lesson of a published course.
  void remove_lesson(const Principal& who, LessonId id);

  // --- within another service's transaction ---

  /// The course if `who` may see it.
  std::optional<Course> find_visible(UnitOfWork& uow, const Principal& who, const CourseRef& course) const;
  /// The same. @throws Error not_found `course_not_found`
  Course visible(UnitOfWork& uow, const Principal& who, const CourseRef& course) const;

 private:
  friend class CoursePackages;  // makes a course of parts that it has checked, in one transaction

  // These take what was checked against the schema; those of sections and lessons do not ask whose the course is.
  Course add(UnitOfWork& uow, const Principal& who, Course draft);
  Section add_section(UnitOfWork& uow, const Course& course, Section section);
  /// Counts the lesson in `course`, which the caller stores when all are added.
  Lesson add_lesson(UnitOfWork& uow, Course& course, Lesson lesson);

  Course owned(UnitOfWork& uow, const Principal& who, const CourseRef& course) const;
  static bool leads_to(UnitOfWork& uow, CourseId from, CourseId to);
  void check_prerequisites(UnitOfWork& uow, const Principal& who, const Course& course, const Course* before) const;
  void check_lesson(UnitOfWork& uow, const Lesson& lesson) const;
  void touch(UnitOfWork& uow, const Principal& who, Course& course, const EventType& type = events::course_updated);

  Storage& storage_;
  Clock& clock_;
  Random& random_;
  Events& events_;
  Audit& audit_;
  std::vector<Hooks> hooks_;
};

/// Whether the course is `who`'s own. Nobody owns a course without an owner, and admins only their own.
LMS_API bool owns_course(const Principal& who, const Course& course);
/// @throws Error as require_owner with `update_course`.
LMS_API void require_course_owner(const Principal& who, const Course& course);
/// `Música & más` → `musica-mas`; empty if nothing of it can stand in a slug.
LMS_API std::string slug_of(std::string_view title);

}  // namespace lms
