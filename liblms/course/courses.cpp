#include <algorithm>
#include <set>
#include <utility>

#include <lms/course.hpp>
#include <lms/repository.hpp>
#include <lms/user.hpp>

#include "base/ordering.hpp"
#include "base/search.hpp"

namespace lms {

namespace {

CourseEvent event_data(const Course& course) {
  return {course.id, course.slug, course.title, course.status, course.instructor_id};
}

Condition visible_to(const Principal& who) {
  if (who.is_admin()) return everything();
  Condition published = equal("status", CourseStatus::published);
  if (!who.maybe_user()) return published;
  return any_of({std::move(published), equal("instructor_id", *who.maybe_user())});
}

std::vector<Order> order_of(const CourseFilter& filter) {
  const CourseSort sort = filter.sort.value_or(filter.q ? CourseSort::relevance : CourseSort::published_at);
  if (sort == CourseSort::relevance) {
    if (!filter.q) throw invalid({"query", "sort"}, "relevance needs a `q`", "value_error.sort");
    return {by_relevance()};
  }
  const bool newest_first = sort == CourseSort::published_at || sort == CourseSort::created_at;
  return {{std::string(name_of(sort)), filter.descending.value_or(newest_first)}};
}

std::vector<std::string> fields_of(const Schema& schema) {
  std::vector<std::string> names;
  for (const Field& field : schema.fields()) names.push_back(field.name);
  return names;
}

Value owner_of(const Course& course) {
  return course.instructor_id ? Value(course.instructor_id->text()) : Value();
}

Error slug_taken(const std::string& slug) {
  return conflict("slug_taken", "Another course has the slug " + slug + ".");
}

Condition of_course(CourseId course) {
  return equal("course_id", course);
}

/// A slug stands in addresses where an id or a word of the API can stand.
bool is_reserved(const std::string& slug) {
  return slug == "import" || CourseId::parse(slug).has_value();
}

void check_slug(const std::string& slug) {
  if (is_reserved(slug)) throw invalid({"body", "slug"}, "must not be `import` or look like an id", "value_error.slug");
}

void check_owner(UnitOfWork& uow, const Principal& who, const Course& course, const Course* before) {
  if (before && before->instructor_id == course.instructor_id) return;
  if (!course.instructor_id && !who.is_system())
    throw invalid({"body", "instructor_id"}, "a course needs an owner", "value_error.missing");
  if (course.instructor_id && !who.is_admin() && !who.is(*course.instructor_id))
    throw forbidden("permission_denied", "Only an admin may make somebody else the owner.");
  if (course.instructor_id && !Repository<User>(uow).find(*course.instructor_id))
    throw invalid({"body", "instructor_id"}, "there is no such user", "value_error.reference");
}

}  // namespace

CourseRef::CourseRef(std::string_view id_or_slug) : id_(CourseId::parse(id_or_slug)) {
  if (!id_) slug_ = id_or_slug;
}

std::string slug_of(std::string_view title) {
  std::string slug;
  for (const std::string& word : words(title)) {
    std::string part;
    for (char c : word)
      if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) part += c;
    if (part.empty()) continue;
    if (slug.size() + 1 + part.size() > 80) break;
    if (!slug.empty()) slug += '-';
    slug += part;
  }
  return slug;
}

bool owns_course(const Principal& who, const Course& course) {
  return course.instructor_id && who.is(*course.instructor_id);
}

void require_course_owner(const Principal& who, const Course& course) {
  require_owner(who, course.instructor_id.value_or(UserId()), Permission::update_course);
}

Courses::Courses(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit)
    : storage_(storage), clock_(clock), random_(random), events_(events), audit_(audit) {}

void Courses::add_hooks(Hooks hooks) {
  hooks_.push_back(std::move(hooks));
}

std::optional<Course> Courses::find_visible(UnitOfWork& uow, const Principal& who, const CourseRef& ref) const {
  const Repository<Course> courses(uow);
  auto course = ref.id() ? courses.find(*ref.id()) : courses.first(equal("slug", ref.slug()));
  if (!course) return std::nullopt;
  const bool open = course->status == CourseStatus::published || who.is_admin() || owns_course(who, *course);
  const auto admits = [&](const Hooks& hooks) { return hooks.admits && hooks.admits(uow, who, *course); };
  if (!open && std::none_of(hooks_.begin(), hooks_.end(), admits)) return std::nullopt;
  return course;
}

Course Courses::visible(UnitOfWork& uow, const Principal& who, const CourseRef& ref) const {
  auto course = find_visible(uow, who, ref);
  if (!course) throw not_found("course_not_found", "Course not found.");
  return *std::move(course);
}

Course Courses::owned(UnitOfWork& uow, const Principal& who, const CourseRef& ref) const {
  Course course = visible(uow, who, ref);
  require_course_owner(who, course);
  return course;
}

Course Courses::create(const Principal& who, Course draft) {
  require(who, Permission::create_course);
  const Course checked = validated(std::move(draft));
  return storage_.write([&](UnitOfWork& uow) { return add(uow, who, checked); });
}

Course Courses::add(UnitOfWork& uow, const Principal& who, Course draft) {
  draft.created_at = draft.updated_at = clock_.now();
  draft.id = CourseId(random_.uuid(draft.created_at));
  draft.version = 1;
  if (!draft.instructor_id) draft.instructor_id = who.maybe_user();
  check_owner(uow, who, draft, nullptr);
  check_slug(draft.slug);
  check_prerequisites(uow, who, draft, nullptr);

  Repository<Course> courses(uow);
  if (!draft.slug.empty()) {
    if (!courses.insert_if_absent(draft)) throw slug_taken(draft.slug);
  } else {
    const std::string stem = slug_of(draft.title);
    draft.slug = stem;
    // A title that stands already gets a short tail of the id, which no other course has.
    if (stem.empty() || is_reserved(stem) || !courses.insert_if_absent(draft)) {
      draft.slug = (stem.empty() ? "course" : stem) + "-" + draft.id.text().substr(24);
      courses.insert(draft);
    }
  }
  events_.emit(uow, events::course_created, who, event_data(draft));
  return draft;
}

/// Whether a course requires another one, if only by what it requires.
bool Courses::leads_to(UnitOfWork& uow, CourseId from, CourseId to) {
  std::set<CourseId> seen;
  std::vector<CourseId> left{from};
  while (!left.empty()) {
    const CourseId id = left.back();
    left.pop_back();
    if (id == to) return true;
    if (!seen.insert(id).second) continue;
    if (const auto course = Repository<Course>(uow).find(id))
      left.insert(left.end(), course->prerequisites.begin(), course->prerequisites.end());
  }
  return false;
}

/// Who names a prerequisite must see it: it cannot be removed as long as it is one. Those that stand already may stay.
void Courses::check_prerequisites(UnitOfWork& uow, const Principal& who, const Course& course,
                                  const Course* before) const {
  const auto stands = [&](CourseId id) {
    return before &&
           std::find(before->prerequisites.begin(), before->prerequisites.end(), id) != before->prerequisites.end();
  };
  for (std::size_t i = 0; i < course.prerequisites.size(); ++i) {
    const CourseId id = course.prerequisites[i];
    if (id == course.id)
      throw invalid({"body", "prerequisites", i}, "a course cannot require itself", "value_error.reference");
    if (!stands(id) && !find_visible(uow, who, id))
      throw invalid({"body", "prerequisites", i}, "there is no such course", "value_error.reference");
    if (before && !stands(id) && leads_to(uow, id, course.id))
      throw invalid({"body", "prerequisites", i}, "requires this course itself, so nobody could begin either",
                    "value_error.reference.cycle");
  }
}

Course Courses::get(const Principal& who, const CourseRef& course) {
  return storage_.read([&](UnitOfWork& uow) { return visible(uow, who, course); });
}

Page<Course> Courses::list(const Principal& who, const CourseFilter& filter) {
  std::vector<Condition> conditions{visible_to(who)};
  if (filter.q) conditions.push_back(matches(*filter.q));
  if (filter.status) conditions.push_back(equal("status", *filter.status));
  if (filter.category) conditions.push_back(equal("category", *filter.category));
  if (filter.level) conditions.push_back(equal("level", *filter.level));
  if (filter.language) conditions.push_back(equal("language", *filter.language));
  if (filter.tag) conditions.push_back(contains("tags", *filter.tag));
  if (filter.instructor_id) conditions.push_back(equal("instructor_id", *filter.instructor_id));
  if (filter.max_price_cents) conditions.push_back(less_equal("price_cents", *filter.max_price_cents));
  return storage_.read(
      [&](UnitOfWork& uow) { return select_page<Course>(uow, all_of(conditions), order_of(filter), filter.page); });
}

Course Courses::update(const Principal& who, const CourseRef& ref, const Patch<Course>& patch) {
  return storage_.write([&](UnitOfWork& uow) {
    const Course before = owned(uow, who, ref);
    Course course = before;
    patch.apply(course);
    if (course.version != before.version)
      throw conflict("stale_version", "The course was changed meanwhile: this is version " +
                                          std::to_string(before.version) + ". Read it again.");
    check_owner(uow, who, course, &before);
    if (course.slug != before.slug) check_slug(course.slug);
    check_prerequisites(uow, who, course, &before);
    if (course.slug.empty()) course.slug = before.slug;
    if (course.slug != before.slug && Repository<Course>(uow).exists(equal("slug", course.slug)))
      throw slug_taken(course.slug);
    touch(uow, who, course);
    if (course.instructor_id != before.instructor_id)
      audit_.record(uow, who, audited::course_owner_changed, course.id,
                    {{"instructor_id", from_to(owner_of(before), owner_of(course))}});
    return course;
  });
}

/// Stores a course that was changed in itself or in its parts, as its next version.
void Courses::touch(UnitOfWork& uow, const Principal& who, Course& course, const EventType& type) {
  course.version += 1;
  course.updated_at = clock_.now();
  Repository<Course>(uow).update(course);
  events_.emit(uow, type, who, event_data(course));
}

Course Courses::publish(const Principal& who, const CourseRef& ref) {
  return storage_.write([&](UnitOfWork& uow) {
    Course course = owned(uow, who, ref);
    if (course.status != CourseStatus::draft) throw conflict("course_not_draft", "Only a draft can be published.");
    if (course.lesson_count == 0) throw conflict("course_empty", "A course needs at least one lesson to be published.");
    for (const Hooks& hooks : hooks_)
      if (hooks.publishing) hooks.publishing(uow, who, course);
    course.status = CourseStatus::published;
    course.published_at = clock_.now();
    touch(uow, who, course, events::course_published);
    return course;
  });
}

Course Courses::unpublish(const Principal& who, const CourseRef& ref) {
  return storage_.write([&](UnitOfWork& uow) {
    Course course = owned(uow, who, ref);
    if (course.status != CourseStatus::published)
      throw conflict("course_not_published", "Only a published course can be unpublished.");
    course.status = CourseStatus::draft;
    touch(uow, who, course, events::course_unpublished);
    return course;
  });
}

Course Courses::archive(const Principal& who, const CourseRef& ref) {
  return storage_.write([&](UnitOfWork& uow) {
    Course course = owned(uow, who, ref);
    if (course.status == CourseStatus::archived) throw conflict("course_archived", "The course is archived already.");
    course.status = CourseStatus::archived;
    touch(uow, who, course, events::course_archived);
    audit_.record(uow, who, audited::course_archived, course.id, {{"slug", course.slug}});
    return course;
  });
}

void Courses::remove(const Principal& who, const CourseRef& ref) {
  storage_.write([&](UnitOfWork& uow) {
    const Course course = visible(uow, who, ref);
    require_owner(who, course.instructor_id.value_or(UserId()), Permission::delete_course);
    if (const auto other = Repository<Course>(uow).first(contains("prerequisites", course.id)))
      throw conflict("course_in_use",
                     (find_visible(uow, who, other->id) ? "The course “" + other->title + "”" : "Another course") +
                         " requires this one. Take it off the prerequisites there, or archive it.");
    for (const Hooks& hooks : hooks_)
      if (hooks.removing) hooks.removing(uow, who, course);
    Repository<Lesson>(uow).remove_where(of_course(course.id));
    Repository<Section>(uow).remove_where(of_course(course.id));
    Repository<Course>(uow).remove(course.id);
    events_.emit(uow, events::course_deleted, who, event_data(course));
    audit_.record(uow, who, audited::course_deleted, course.id,
                  {{"slug", course.slug}, {"title", course.title}, {"instructor_id", owner_of(course)}});
  });
}

std::vector<Section> Courses::sections(const Principal& who, const CourseRef& course) {
  return storage_.read(
      [&](UnitOfWork& uow) { return in_order<Section>(uow, of_course(visible(uow, who, course).id)); });
}

Section Courses::section(const Principal& who, SectionId id) {
  return storage_.read([&](UnitOfWork& uow) {
    Section section = Repository<Section>(uow).get(id);
    visible(uow, who, section.course_id);
    return section;
  });
}

Section Courses::add_section(const Principal& who, const CourseRef& ref, Section section) {
  const Section checked = validated(std::move(section));
  return storage_.write([&](UnitOfWork& uow) {
    Course course = owned(uow, who, ref);
    Section added = add_section(uow, course, checked);
    touch(uow, who, course);
    return added;
  });
}

Section Courses::add_section(UnitOfWork& uow, const Course& course, Section section) {
  if (Repository<Section>(uow).count(of_course(course.id), max_sections) == max_sections)
    throw conflict("too_many_sections", "A course can have " + std::to_string(max_sections) + " sections at most.");
  section.id = SectionId(random_.uuid(clock_.now()));
  section.course_id = course.id;
  make_room(uow, section, of_course(course.id));
  Repository<Section>(uow).insert(section);
  return section;
}

Section Courses::update_section(const Principal& who, SectionId id, const Patch<Section>& patch) {
  return storage_.write([&](UnitOfWork& uow) {
    Repository<Section> sections(uow);
    Section section = sections.get(id);
    Course course = owned(uow, who, section.course_id);
    patch.apply(section);
    if (patch.changes("position")) make_room(uow, section, of_course(course.id));
    sections.update(section);
    touch(uow, who, course);
    return section;
  });
}

void Courses::remove_section(const Principal& who, SectionId id) {
  storage_.write([&](UnitOfWork& uow) {
    Repository<Section> sections(uow);
    const Section section = sections.get(id);
    Course course = owned(uow, who, section.course_id);
    Repository<Lesson>(uow).update_all(equal("section_id", id), {set("section_id", std::optional<SectionId>())});
    sections.remove(id);
    touch(uow, who, course);
  });
}

std::vector<LessonSummary> Courses::outline(const Principal& who, const CourseRef& course) {
  std::vector<std::string> fields = fields_of(LessonSummary::schema());
  std::erase(fields, "course_id");  // known
  CourseId id;
  auto lessons = storage_.read([&](UnitOfWork& uow) {
    id = visible(uow, who, course).id;
    return Repository<Lesson>(uow).select({.where = of_course(id), .order = {ascending("position")}, .fields = fields});
  });
  std::vector<LessonSummary> outline;
  outline.reserve(lessons.size());
  for (Lesson& lesson : lessons)
    outline.push_back({.id = lesson.id,
                       .course_id = id,
                       .section_id = lesson.section_id,
                       .title = std::move(lesson.title),
                       .kind = lesson.kind,
                       .duration_minutes = lesson.duration_minutes,
                       .preview = lesson.preview,
                       .position = lesson.position});
  return outline;
}

Lesson Courses::add_lesson(const Principal& who, const CourseRef& ref, Lesson lesson) {
  const Lesson checked = validated(std::move(lesson));
  return storage_.write([&](UnitOfWork& uow) {
    Course course = owned(uow, who, ref);
    if (checked.kind == LessonKind::quiz && course.status == CourseStatus::published)
      throw conflict(
          "quiz_lesson_without_quiz",
          "Until it has its quiz, nobody could complete the course. Take the course back to a draft, add the "
          "lesson and its quiz, and publish it again.");
    Lesson added = add_lesson(uow, course, checked);
    touch(uow, who, course);
    return added;
  });
}

Lesson Courses::add_lesson(UnitOfWork& uow, Course& course, Lesson lesson) {
  if (course.lesson_count >= static_cast<std::int64_t>(max_lessons))
    throw conflict("too_many_lessons", "A course can have " + std::to_string(max_lessons) + " lessons at most.");
  lesson.created_at = lesson.updated_at = clock_.now();
  lesson.id = LessonId(random_.uuid(lesson.created_at));
  lesson.course_id = course.id;
  check_lesson(uow, lesson);
  make_room(uow, lesson, of_course(course.id));
  Repository<Lesson>(uow).insert(lesson);
  course.lesson_count += 1;
  return lesson;
}

void Courses::check_lesson(UnitOfWork& uow, const Lesson& lesson) const {
  if ((lesson.kind == LessonKind::video || lesson.kind == LessonKind::file) && !lesson.url)
    throw invalid({"body", "url"}, "a video or file needs its address", "value_error.missing");
  if (!lesson.section_id) return;
  const auto section = Repository<Section>(uow).find(*lesson.section_id);
  if (!section || section->course_id != lesson.course_id)
    throw invalid({"body", "section_id"}, "the course has no such section", "value_error.reference");
}

Lesson Courses::update_lesson(const Principal& who, LessonId id, const Patch<Lesson>& patch) {
  return storage_.write([&](UnitOfWork& uow) {
    Repository<Lesson> lessons(uow);
    Lesson lesson = lessons.get(id);
    Course course = owned(uow, who, lesson.course_id);
    patch.apply(lesson);
    check_lesson(uow, lesson);
    if (patch.changes("position")) make_room(uow, lesson, of_course(course.id));
    lesson.updated_at = clock_.now();
    lessons.update(lesson);
    touch(uow, who, course);
    return lesson;
  });
}

void Courses::remove_lesson(const Principal& who, LessonId id) {
  const auto remove = [&](UnitOfWork& uow) {
    Repository<Lesson> lessons(uow);
    const Lesson lesson = lessons.get(id);
    Course course = owned(uow, who, lesson.course_id);
    if (course.status == CourseStatus::published && course.lesson_count == 1)
      throw conflict("course_empty", "A published course needs at least one lesson.");
    course.lesson_count -= 1;
    for (const Hooks& hooks : hooks_)
      if (hooks.removing_lesson && !hooks.removing_lesson(uow, who, course, lesson)) return false;
    lessons.remove(id);
    touch(uow, who, course);
    audit_.record(uow, who, audited::lesson_deleted, id, {{"course_id", course.id.text()}, {"title", lesson.title}});
    return true;
  };
  while (!storage_.write(remove)) {
  }
}

}  // namespace lms
