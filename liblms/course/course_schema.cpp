#include <lms/course.hpp>

namespace lms {

const Schema& Course::schema() {
  static const Schema schema =
      define<Course>("Course", "A course: lessons in sections, taught by one instructor.")
          .table("courses")
          .key("id", &Course::id)
          .field("slug", &Course::slug,
                 {.doc = "Its name in addresses; made from the title unless given.",
                  .max_length = 100,
                  .format = Format::slug,
                  .example = "sql-basics"})
          .field("title", &Course::title,
                 {.doc = "Its name in lists.",
                  .required = true,
                  .min_length = 1,
                  .max_length = 200,
                  .format = Format::name,
                  .example = "SQL from zero",
                  .search_weight = 8})
          .field("summary", &Course::summary,
                 {.doc = "One sentence for lists.", .max_length = 300, .format = Format::name, .search_weight = 4})
          .field("description", &Course::description,
                 {.doc = "What it is about, in Markdown.",
                  .max_length = 20'000,
                  .format = Format::markdown,
                  .search_weight = 1})
          .field("category", &Course::category,
                 {.doc = "One word.",
                  .max_length = 64,
                  .format = Format::name,
                  .example = "computing",
                  .search_weight = 4})
          .field("level", &Course::level, {.doc = "What it asks of its students."})
          .field("language", &Course::language,
                 {.doc = "What it is taught in.", .format = Format::language, .example = "en"})
          .field("price_cents", &Course::price_cents,
                 {.doc = "In the currency's minor unit; 0: free.", .minimum = 0, .maximum = 100'000'000})
          .field("currency", &Course::currency, {.doc = "ISO 4217.", .format = Format::currency, .example = "EUR"})
          .field("tags", &Course::tags,
                 {.doc = "Up to twenty words.",
                  .max_length = 20,
                  .format = Format::name,
                  .example = Array{"databases", "sql"},
                  .search_weight = 4})
          .field("prerequisites", &Course::prerequisites,
                 {.doc = "Ids of courses to be completed before enrolling; those one can see.", .max_length = 20})
          .field("capacity", &Course::capacity,
                 {.doc = "How many can be enrolled at once; null: no end.", .minimum = 1, .maximum = 1'000'000})
          .field("instructor_id", &Course::instructor_id,
                 {.doc = "The owner: who creates it, unless an admin names somebody.", .references = "users"})
          .field("status", &Course::status,
                 {.doc = "Changed by publish, unpublish and archive.", .access = Access::read_only})
          .field("lesson_count", &Course::lesson_count, {.access = Access::read_only})
          .field("enrolled_count", &Course::enrolled_count,
                 {.doc = "Active and completed enrolments.", .access = Access::read_only})
          .field(
              "version", &Course::version,
              {.doc = "One more with every change. Sent with a change, the change is refused unless this is still the "
                      "current version.",
               .minimum = 1})
          .field("created_at", &Course::created_at, {.access = Access::read_only})
          .field("updated_at", &Course::updated_at, {.access = Access::read_only})
          .field("published_at", &Course::published_at, {.access = Access::read_only})
          .unique({"slug"})
          .index({"status", "published_at"})
          .index({"instructor_id", "created_at"});
  return schema;
}

const Schema& Section::schema() {
  static const Schema schema =
      define<Section>("Section", "A part of a course.")
          .table("sections")
          .key("id", &Section::id)
          .field("course_id", &Section::course_id, {.access = Access::read_only, .references = "courses"})
          .field("title", &Section::title,
                 {.doc = "Its heading.",
                  .required = true,
                  .min_length = 1,
                  .max_length = 200,
                  .format = Format::name,
                  .example = "First queries"})
          .field("position", &Section::position,
                 {.doc = "From 1; those at and after it move. 0 when adding: at the end.",
                  .minimum = 0,
                  .maximum = 10'000})
          .index({"course_id", "position"});
  return schema;
}

namespace {

FieldOptions lesson_title_options() {
  return {.doc = "Its heading.",
          .required = true,
          .min_length = 1,
          .max_length = 200,
          .format = Format::name,
          .example = "SELECT"};
}
FieldOptions section_options() {
  return {.doc = "The section it stands in.", .references = "sections"};
}
FieldOptions duration_options() {
  return {.doc = "How long it takes.", .minimum = 0, .maximum = 10'000};
}
FieldOptions preview_options() {
  return {.doc = "Open to everybody who sees the course."};
}
FieldOptions position_options() {
  return {.doc = "Within the course, from 1; those at and after it move. 0 when adding: at the end.",
          .minimum = 0,
          .maximum = 10'000};
}

}  // namespace

const Schema& Lesson::schema() {
  static const Schema schema =
      define<Lesson>("Lesson", "One step of a course.")
          .table("lessons")
          .key("id", &Lesson::id)
          .field("course_id", &Lesson::course_id, {.access = Access::read_only, .references = "courses"})
          .field("section_id", &Lesson::section_id, section_options())
          .field("title", &Lesson::title, lesson_title_options())
          .field("kind", &Lesson::kind,
                 {.doc = "A quiz lesson is completed by passing its quiz.", .access = Access::create_only})
          .field("content", &Lesson::content,
                 {.doc = "The text, or what accompanies the video, file or quiz, in Markdown.",
                  .max_length = 100'000,
                  .format = Format::markdown})
          .field("url", &Lesson::url,
                 {.doc = "Where the video or file is.",
                  .max_length = 2'000,
                  .format = Format::url,
                  .example = "https://video.example.org/select.mp4"})
          .field("duration_minutes", &Lesson::duration_minutes, duration_options())
          .field("preview", &Lesson::preview, preview_options())
          .field("position", &Lesson::position, position_options())
          .field("created_at", &Lesson::created_at, {.access = Access::read_only})
          .field("updated_at", &Lesson::updated_at, {.access = Access::read_only})
          .index({"course_id", "position"})
          .index({"section_id"});
  return schema;
}

const Schema& LessonSummary::schema() {
  static const Schema schema = define<LessonSummary>("LessonSummary", "A lesson without its content.")
                                   .field("id", &LessonSummary::id, {.access = Access::read_only})
                                   .field("course_id", &LessonSummary::course_id, {.access = Access::read_only})
                                   .field("section_id", &LessonSummary::section_id, section_options())
                                   .field("title", &LessonSummary::title, lesson_title_options())
                                   .field("kind", &LessonSummary::kind)
                                   .field("duration_minutes", &LessonSummary::duration_minutes, duration_options())
                                   .field("preview", &LessonSummary::preview, preview_options())
                                   .field("position", &LessonSummary::position, position_options());
  return schema;
}

const Schema& CourseFilter::schema() {
  static const Schema schema =
      define<CourseFilter>("CourseFilter", "Which courses, in which order.")
          .flatten(&CourseFilter::page)
          .field("q", &CourseFilter::q,
                 {.doc = "Words, or their beginnings, of title, summary, description, category and tags; blind to case "
                         "and accents.",
                  .max_length = 200,
                  .example = "sql"})
          .field("status", &CourseFilter::status,
                 {.doc = "Drafts and archived courses are seen by their owner and admins."})
          .field("category", &CourseFilter::category, {.max_length = 64})
          .field("level", &CourseFilter::level)
          .field("language", &CourseFilter::language, {.format = Format::language})
          .field("tag", &CourseFilter::tag, {.doc = "Courses that carry this tag."})
          .field("instructor_id", &CourseFilter::instructor_id)
          .field("max_price_cents", &CourseFilter::max_price_cents, {.doc = "0: free courses.", .minimum = 0})
          .field("sort", &CourseFilter::sort,
                 {.doc = "Newest first unless given, or best match first when there is a `q`."})
          .field("descending", &CourseFilter::descending, {.doc = "As suits the sort unless given."});
  return schema;
}

const Schema& CourseEvent::schema() {
  static const Schema schema = define<CourseEvent>("CourseEvent", "The course an event is about, as it was left.")
                                   .field("course_id", &CourseEvent::course_id)
                                   .field("slug", &CourseEvent::slug)
                                   .field("title", &CourseEvent::title)
                                   .field("status", &CourseEvent::status)
                                   .field("instructor_id", &CourseEvent::instructor_id);
  return schema;
}

namespace events {
const EventType course_created{"course.created", "A draft was made.", &CourseEvent::schema};
const EventType course_updated{"course.updated", "A course, its sections or lessons were changed.",
                               &CourseEvent::schema};
const EventType course_published{"course.published", "A course was opened to students.", &CourseEvent::schema};
const EventType course_unpublished{"course.unpublished", "A course was taken back to a draft.", &CourseEvent::schema};
const EventType course_archived{"course.archived", "A course was closed to newcomers.", &CourseEvent::schema};
const EventType course_deleted{"course.deleted", "A course was removed.", &CourseEvent::schema};
}  // namespace events

namespace audited {
const AuditAction course_owner_changed{"course.owner_changed", "A course was given to another owner."};
const AuditAction course_archived{"course.archived", "A course was closed to newcomers."};
const AuditAction course_deleted{"course.deleted", "A course was removed, with its lessons and quizzes."};
const AuditAction lesson_deleted{"lesson.deleted", "A lesson was removed, with everybody's progress in it."};
}  // namespace audited

}  // namespace lms
