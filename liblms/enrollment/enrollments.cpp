#include <algorithm>
#include <map>
#include <utility>

#include <lms/enrollment.hpp>
#include <lms/job.hpp>
#include <lms/repository.hpp>
#include <lms/user.hpp>

#include "base/markdown.hpp"
#include "base/ordering.hpp"

namespace lms {

namespace {

constexpr std::size_t batch = 100;  // enrolments changed by one transaction
constexpr std::size_t removed_at_once = 1'000;
constexpr std::string_view recounting = "recount_enrollments";

EnrollmentEvent event_data(UnitOfWork& uow, const Enrollment& enrollment, const Course& course) {
  const User student = Repository<User>(uow).get(enrollment.student_id);
  return {.enrollment_id = enrollment.id,
          .student_id = student.id,
          .student_email = student.email,
          .course_id = course.id,
          .course_title = course.title,
          .status = enrollment.status,
          .expires_at = enrollment.expires_at,
          .completed_at = enrollment.completed_at,
          .certificate_url = std::nullopt};
}

Value time_or_null(const std::optional<Time>& time) {
  return time ? Value(to_iso8601(*time)) : Value();
}

Object audit_details(const Enrollment& enrollment) {
  return {{"student_id", enrollment.student_id.text()},
          {"course_id", enrollment.course_id.text()},
          {"expires_at", time_or_null(enrollment.expires_at)}};
}

std::int64_t percent_done(const Enrollment& enrollment, const Course& course) {
  if (enrollment.status == EnrollmentStatus::completed) return 100;
  if (course.lesson_count == 0) return 0;
  return std::min<std::int64_t>(100, enrollment.completed_lessons * 100 / course.lesson_count);
}

EnrollmentView view_of(Enrollment enrollment, std::string student_name, const Course& course) {
  const std::int64_t percent = percent_done(enrollment, course);
  enrollment.completed_lessons = std::min(enrollment.completed_lessons, course.lesson_count);
  return {std::move(enrollment), std::move(student_name), course.title, course.slug, course.lesson_count, percent};
}

EnrollmentView view_of(UnitOfWork& uow, Enrollment enrollment, const Course& course) {
  std::string name = Repository<User>(uow).get(enrollment.student_id).full_name;
  return view_of(std::move(enrollment), std::move(name), course);
}

/// What a student may see of a lesson's progress; when it was written is no part of it.
bool says_the_same(const LessonProgress& a, const LessonProgress& b) {
  return a.progress_percent == b.progress_percent && a.position_seconds == b.position_seconds &&
         a.time_spent_seconds == b.time_spent_seconds && a.completed == b.completed;
}

/// What progress needs to know of a lesson: its id, course and kind. Its content can be long.
Lesson lesson_without_content(UnitOfWork& uow, LessonId id) {
  auto found =
      Repository<Lesson>(uow).select({.where = equal("id", id), .fields = {"id", "course_id", "kind"}, .limit = 1});
  if (found.empty()) throw not_found("lesson_not_found", "Lesson not found.");
  return std::move(found.front());
}

/// Of the course, its number of lessons alone.
Course lesson_count_of(UnitOfWork& uow, CourseId id) {
  return Repository<Course>(uow).select({.where = equal("id", id), .fields = {"lesson_count"}, .limit = 1}).at(0);
}

Condition enrollment_of(UserId student, CourseId course) {
  return all_of({equal("student_id", student), equal("course_id", course)});
}

/// Takes a seat in one conditional update, so that racing enrolments never exceed the capacity.
void take_seat(UnitOfWork& uow, const Course& course) {
  std::vector<Condition> free{equal("id", course.id)};
  if (course.capacity) free.push_back(less("enrolled_count", *course.capacity));
  if (Repository<Course>(uow).update_all(all_of(std::move(free)), {add("enrolled_count", 1)}) == 0)
    throw conflict("course_full", "The course has no seat left.");
}

void free_seat(UnitOfWork& uow, CourseId course) {
  Repository<Course>(uow).update_all(equal("id", course), {add("enrolled_count", -1)});
}

bool holds_seat(const Enrollment& enrollment) {
  return enrollment.status == EnrollmentStatus::active || enrollment.status == EnrollmentStatus::completed;
}

bool works_in(const Enrollment& enrollment, Time now) {
  return holds_seat(enrollment) && (!enrollment.expires_at || *enrollment.expires_at > now);
}

/// How many enrolments the course has, counted no further than `limit`. It knows of those that hold a seat, so that a
/// list costs no more with ten thousand of them.
std::size_t count_enrollments(UnitOfWork& uow, const Course& course, std::size_t limit) {
  const auto seated = static_cast<std::size_t>(course.enrolled_count);
  if (seated >= limit) return limit;
  const std::vector<EnrollmentStatus> without_seat{EnrollmentStatus::dropped, EnrollmentStatus::expired};
  return seated + Repository<Enrollment>(uow).count(all_of({equal("course_id", course.id), in("status", without_seat)}),
                                                    limit - seated);
}

/// The lessons each of these enrolments has completed, of those that the course has now: progress goes with its lesson.
std::map<EnrollmentId, std::int64_t> completed_lessons(UnitOfWork& uow, const std::vector<EnrollmentId>& enrollments) {
  const Aggregate counting{.where = all_of({in("enrollment_id", enrollments), equal("completed", true)}),
                           .groups = {{"enrollment_id"}},
                           .measures = {{Measure::Kind::count, "", "completed"}}};
  std::map<EnrollmentId, std::int64_t> counts;
  for (const Record& row : uow.aggregate(LessonProgress::schema(), counting))
    counts[Codec<EnrollmentId>::load(row.at(0))] = row.at(1).as_integer();
  return counts;
}

/// Removes progress in a lesson; false if there is more of it than one transaction should remove.
bool remove_progress(UnitOfWork& uow, LessonId lesson) {
  Repository<LessonProgress> all(uow);
  std::vector<Id<LessonProgress>> ids;
  for (const LessonProgress& progress :
       all.select({.where = equal("lesson_id", lesson), .fields = {"id"}, .limit = removed_at_once}))
    ids.push_back(progress.id);
  all.remove_where(in("id", ids));
  return ids.size() < removed_at_once;
}

/// Those who may look at somebody's enrolment: the student, who teaches the course, and who manages enrolments.
bool may_see(const Principal& who, const Enrollment& enrollment, const Course& course) {
  return who.is(enrollment.student_id) || who.may(Permission::manage_enrollments) || owns_course(who, course);
}

}  // namespace

Enrollments::Enrollments(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit, Courses& courses)
    : storage_(storage), clock_(clock), random_(random), events_(events), audit_(audit), courses_(courses) {
  Courses::Hooks hooks;
  // A course that is no longer published stays open to those who are in it.
  hooks.admits = [this](UnitOfWork& uow, const Principal& who, const Course& course) {
    return enrollment_in(uow, who, course.id).has_value();
  };
  hooks.removing = [](UnitOfWork& uow, const Principal&, const Course& course) {
    if (Repository<Enrollment>(uow).exists(equal("course_id", course.id)))
      throw conflict("course_in_use",
                     "Students have enrolled in the course, and what they did there stays. Archive it instead.");
  };
  hooks.removing_lesson = [this](UnitOfWork& uow, const Principal&, const Course& course, const Lesson& lesson) {
    if (!remove_progress(uow, lesson.id)) return false;
    if (jobs_ && Repository<Enrollment>(uow).exists(equal("course_id", course.id)))
      jobs_->enqueue(uow, std::string(recounting), Object{{"course_id", course.id.text()}});
    return true;
  };
  courses_.add_hooks(std::move(hooks));
}

void Enrollments::on_completion(CompletionHook hook) {
  if (completion_hook_) throw internal("somebody sees to completed courses already");
  completion_hook_ = std::move(hook);
}

void Enrollments::recount_by(Jobs& jobs) {
  jobs_ = &jobs;
  jobs.handle(std::string(recounting), [this](const Job& job, std::stop_token stop) -> Value {
    const CourseId course = Codec<CourseId>::load(job.payload["course_id"]);
    return Object{{"completed", static_cast<std::int64_t>(recount(course, stop))}};
  });
}

Enrollment Enrollments::enroll(const Principal& who, const NewEnrollment& wish) {
  const bool managed = wish.student_id || wish.expires_at;
  if (managed) require(who, Permission::manage_enrollments);
  const UserId student = wish.student_id ? *wish.student_id : who.user();

  return storage_.write([&](UnitOfWork& uow) {
    const Course course = courses_.visible(uow, who, wish.course_id);
    if (course.status != CourseStatus::published)
      throw conflict("course_not_published", "Only a published course takes students.");
    if (wish.student_id && !Repository<User>(uow).find(student))
      throw invalid({"body", "student_id"}, "there is no such user", "value_error.reference");
    if (!managed) check_admission(uow, who, course);

    Repository<Enrollment> enrollments(uow);
    const Time now = clock_.now();
    auto enrollment = enrollments.first(enrollment_of(student, course.id));
    if (enrollment && works_in(*enrollment, now))
      throw conflict("already_enrolled", "The student is in this course already.");
    if (!enrollment || !holds_seat(*enrollment)) take_seat(uow, course);
    if (enrollment) {
      enrollment->status = enrollment->completed_at ? EnrollmentStatus::completed : EnrollmentStatus::active;
      enrollment->completed_lessons = completed_lessons(uow, {enrollment->id})[enrollment->id];
      enrollment->expires_at = wish.expires_at;
      enrollment->last_activity_at = now;
      enrollments.update(*enrollment);
    } else {
      enrollment.emplace();
      enrollment->id = EnrollmentId(random_.uuid(now));
      enrollment->student_id = student;
      enrollment->course_id = course.id;
      enrollment->enrolled_at = enrollment->last_activity_at = now;
      enrollment->expires_at = wish.expires_at;
      enrollments.insert(*enrollment);
    }
    events_.emit(uow, events::enrollment_created, who, event_data(uow, *enrollment, course));
    // The lessons that were missing may have been removed in the meantime.
    if (complete_course_if_done(uow, who, *enrollment, course)) enrollments.update(*enrollment);
    if (managed) audit_.record(uow, who, audited::enrollment_granted, enrollment->id, audit_details(*enrollment));
    return *enrollment;
  });
}

/// What a student who enrols on their own must bring.
void Enrollments::check_admission(UnitOfWork& uow, const Principal& who, const Course& course) const {
  if (course.price_cents > 0) throw forbidden("payment_required", "The course has to be paid for before enrolling.");
  const Repository<Enrollment> enrollments(uow);
  for (const CourseId& prerequisite : course.prerequisites) {
    const auto before = enrollments.first(enrollment_of(who.user(), prerequisite));
    if (before && before->completed_at) continue;
    const auto required = courses_.find_visible(uow, who, prerequisite);
    throw conflict("prerequisites_missing", required ? "First complete the course “" + required->title + "”."
                                                     : "First complete another course, which is not open now.");
  }
}

EnrollmentView Enrollments::get(const Principal& who, EnrollmentId id) {
  require_user(who);
  return storage_.read([&](UnitOfWork& uow) {
    auto [enrollment, course] = visible_enrollment(uow, who, id);
    return view_of(uow, std::move(enrollment), course);
  });
}

std::pair<Enrollment, Course> Enrollments::visible_enrollment(UnitOfWork& uow, const Principal& who,
                                                              EnrollmentId id) const {
  Enrollment enrollment = Repository<Enrollment>(uow).get(id);
  Course course = Repository<Course>(uow).get(enrollment.course_id);
  if (!may_see(who, enrollment, course)) throw not_found("enrollment_not_found", "Enrollment not found.");
  return {std::move(enrollment), std::move(course)};
}

Page<EnrollmentView> Enrollments::list(const Principal& who, const EnrollmentFilter& filter) {
  require_user(who);
  return storage_.read([&](UnitOfWork& uow) {
    std::vector<Condition> conditions;
    const auto named = filter.course_id ? Repository<Course>(uow).find(*filter.course_id) : std::nullopt;
    const bool sees_all = who.may(Permission::manage_enrollments) || (named && owns_course(who, *named));
    if (!sees_all) conditions.push_back(equal("student_id", who.user()));
    if (filter.course_id) conditions.push_back(equal("course_id", *filter.course_id));
    if (filter.student_id) conditions.push_back(equal("student_id", *filter.student_id));
    if (filter.status) conditions.push_back(equal("status", *filter.status));
    const Condition wanted = all_of(std::move(conditions));
    const bool whole_course = named && sees_all && !filter.student_id && !filter.status;
    const auto count = [&](std::size_t limit) {
      return whole_course ? count_enrollments(uow, *named, limit) : Repository<Enrollment>(uow).count(wanted, limit);
    };
    auto found = select_page<Enrollment>(uow, wanted, {descending("enrolled_at")}, filter.page, count);

    std::vector<CourseId> course_ids;
    std::vector<UserId> student_ids;
    for (const Enrollment& enrollment : found.items) {
      course_ids.push_back(enrollment.course_id);
      student_ids.push_back(enrollment.student_id);
    }
    std::map<CourseId, Course> courses;
    for (Course& course : Repository<Course>(uow).select(
             {.where = in("id", course_ids), .fields = {"id", "title", "slug", "lesson_count"}}))
      courses.emplace(course.id, std::move(course));
    std::map<UserId, std::string> names = names_of_users(uow, student_ids);

    Page<EnrollmentView> page{{}, found.page, found.page_size, found.total, found.total_is_more};
    for (Enrollment& enrollment : found.items) {
      const Course& course = courses.at(enrollment.course_id);
      const std::string& name = names.at(enrollment.student_id);
      page.items.push_back(view_of(std::move(enrollment), name, course));
    }
    return page;
  });
}

EnrollmentView Enrollments::update(const Principal& who, EnrollmentId id, const Patch<EnrollmentTerms>& patch) {
  require(who, Permission::manage_enrollments);
  return storage_.write([&](UnitOfWork& uow) {
    Repository<Enrollment> enrollments(uow);
    Enrollment enrollment = enrollments.get(id);
    const Course course = Repository<Course>(uow).get(enrollment.course_id);
    EnrollmentTerms terms{enrollment.expires_at};
    patch.apply(terms);
    if (terms.expires_at != enrollment.expires_at) {
      const auto before = std::exchange(enrollment.expires_at, terms.expires_at);
      enrollments.update(enrollment);
      events_.emit(uow, events::enrollment_updated, who, event_data(uow, enrollment, course));
      Object details = audit_details(enrollment);
      details.set("expires_at", from_to(time_or_null(before), time_or_null(terms.expires_at)));
      audit_.record(uow, who, audited::enrollment_updated, id, std::move(details));
    }
    return view_of(uow, enrollment, course);
  });
}

void Enrollments::drop(const Principal& who, EnrollmentId id) {
  require_user(who);
  storage_.write([&](UnitOfWork& uow) {
    auto [enrollment, course] = visible_enrollment(uow, who, id);
    if (!who.is(enrollment.student_id)) require(who, Permission::manage_enrollments);
    if (enrollment.status != EnrollmentStatus::active)
      throw conflict("enrollment_not_active", "Only an active enrolment can be dropped.");
    enrollment.status = EnrollmentStatus::dropped;
    enrollment.last_activity_at = clock_.now();
    Repository<Enrollment>(uow).update(enrollment);
    free_seat(uow, course.id);
    events_.emit(uow, events::enrollment_dropped, who, event_data(uow, enrollment, course));
    if (!who.is(enrollment.student_id))
      audit_.record(uow, who, audited::enrollment_dropped, id, audit_details(enrollment));
  });
}

std::vector<LessonProgress> Enrollments::progress(const Principal& who, EnrollmentId id) {
  require_user(who);
  return storage_.read([&](UnitOfWork& uow) {
    visible_enrollment(uow, who, id);
    return Repository<LessonProgress>(uow).select({.where = equal("enrollment_id", id)});
  });
}

Enrollment Enrollments::require_active(UnitOfWork& uow, const Principal& who, CourseId course) const {
  auto enrollment = Repository<Enrollment>(uow).first(enrollment_of(who.user(), course));
  if (!enrollment || !works_in(*enrollment, clock_.now()))
    throw forbidden("not_enrolled", "This needs an active enrolment in the course.");
  return *std::move(enrollment);
}

ProgressResult Enrollments::report(const Principal& who, LessonId id, const ProgressReport& given) {
  require_user(who);
  const ProgressReport report = validated(given);
  return storage_.write([&](UnitOfWork& uow) {
    const Lesson lesson = lesson_without_content(uow, id);
    Enrollment enrollment = require_active(uow, who, lesson.course_id);
    const bool completes = report.completed || report.progress_percent == 100;
    if (completes && lesson.kind == LessonKind::quiz)
      throw conflict("quiz_lesson", "A quiz lesson is completed by passing its quiz.");
    const LessonProgress before = progress_in(uow, enrollment, lesson);
    LessonProgress progress = before;
    progress.position_seconds = report.position_seconds;
    progress.time_spent_seconds += report.time_spent_seconds;
    progress.progress_percent = completes || progress.completed ? 100 : report.progress_percent;
    if (before.id.is_nil() || (completes && !before.completed) || !says_the_same(before, progress))
      note(uow, who, enrollment, progress, completes);
    const Course course = lesson_count_of(uow, enrollment.course_id);
    return ProgressResult{progress, enrollment.status, percent_done(enrollment, course)};
  });
}

void Enrollments::complete_lesson(UnitOfWork& uow, const Principal& who, Enrollment& enrollment, const Lesson& lesson) {
  LessonProgress progress = progress_in(uow, enrollment, lesson);
  if (progress.completed) return;
  progress.progress_percent = 100;
  note(uow, who, enrollment, progress, true);
}

LessonProgress Enrollments::progress_in(UnitOfWork& uow, const Enrollment& enrollment, const Lesson& lesson) const {
  if (auto known = Repository<LessonProgress>(uow).first(
          all_of({equal("enrollment_id", enrollment.id), equal("lesson_id", lesson.id)})))
    return *std::move(known);
  LessonProgress fresh;
  fresh.enrollment_id = enrollment.id;
  fresh.lesson_id = lesson.id;
  return fresh;
}

/// Stores the progress, and what follows from it for the enrolment.
void Enrollments::note(UnitOfWork& uow, const Principal& who, Enrollment& enrollment, LessonProgress& progress,
                       bool completes) {
  const Time now = clock_.now();
  const bool newly_completed = completes && !progress.completed;
  progress.updated_at = now;
  if (newly_completed) {
    progress.completed = true;
    progress.completed_at = now;
  }
  Repository<LessonProgress> all(uow);
  if (progress.id.is_nil()) {
    progress.id = Id<LessonProgress>(random_.uuid(now));
    all.insert(progress);
  } else {
    all.update(progress);
  }
  enrollment.last_activity_at = now;
  if (newly_completed) {
    // Counted, not added up: a lesson may have been removed that is still in the number.
    enrollment.completed_lessons = completed_lessons(uow, {enrollment.id})[enrollment.id];
    events_.emit(uow, events::lesson_completed, who,
                 LessonCompletedEvent{enrollment.id, enrollment.student_id, enrollment.course_id, progress.lesson_id});
    complete_course_if_done(uow, who, enrollment, Repository<Course>(uow).get(enrollment.course_id));
  }
  Repository<Enrollment>(uow).update(enrollment);
}

bool Enrollments::complete_course_if_done(UnitOfWork& uow, const Principal& who, Enrollment& enrollment,
                                          const Course& course) {
  if (enrollment.status != EnrollmentStatus::active || course.lesson_count == 0) return false;
  if (enrollment.completed_lessons < course.lesson_count) return false;
  enrollment.status = EnrollmentStatus::completed;
  enrollment.completed_at = clock_.now();
  EnrollmentEvent data = event_data(uow, enrollment, course);
  if (completion_hook_) data.certificate_url = completion_hook_(uow, enrollment, course);
  events_.emit(uow, events::enrollment_completed, who, data);
  return true;
}

std::size_t Enrollments::recount(CourseId id, std::stop_token stop) {
  struct Batch {
    std::size_t completed = 0;
    std::vector<Value> last = {};  ///< where the next one begins; empty: nowhere
  };
  std::size_t completed = 0;
  for (std::vector<Value> after;;) {
    if (stop.stop_requested()) throw unavailable("stopped", "The school is being stopped.");
    const Batch done = storage_.write([&](UnitOfWork& uow) {
      Batch counted;
      const auto course = Repository<Course>(uow).find(id);
      if (!course) return counted;
      Repository<Enrollment> enrollments(uow);
      auto some = enrollments.select(
          {.where = equal("course_id", id), .order = {ascending("enrolled_at")}, .limit = batch, .after = after});
      if (some.size() == batch) counted.last = {Codec<Time>::store(some.back().enrolled_at), some.back().id.text()};
      std::vector<EnrollmentId> ids;
      for (const Enrollment& enrollment : some) ids.push_back(enrollment.id);
      auto counts = completed_lessons(uow, ids);
      for (Enrollment& enrollment : some) {
        const std::int64_t before = std::exchange(enrollment.completed_lessons, counts[enrollment.id]);
        const bool completes = complete_course_if_done(uow, Principal::system(), enrollment, *course);
        if (completes || enrollment.completed_lessons != before) enrollments.update(enrollment);
        counted.completed += completes ? 1 : 0;
      }
      return counted;
    });
    completed += done.completed;
    if (done.last.empty()) return completed;
    after = done.last;
  }
}

LessonView Enrollments::open_lesson(const Principal& who, LessonId id) {
  return storage_.read([&](UnitOfWork& uow) {
    LessonView view{Repository<Lesson>(uow).get(id), {}, {}};
    const Course course = courses_.visible(uow, who, view.lesson.course_id);
    const auto enrollment = enrollment_in(uow, who, course.id);
    const bool enrolled = enrollment && works_in(*enrollment, clock_.now());
    if (!enrolled && !who.is_admin() && !owns_course(who, course) && !view.lesson.preview) {
      require_user(who);
      throw forbidden("not_enrolled", "Enrol in the course to read this lesson.");
    }
    if (enrolled)
      view.progress = Repository<LessonProgress>(uow).first(
          all_of({equal("enrollment_id", enrollment->id), equal("lesson_id", id)}));
    view.content_html = markdown_to_html(view.lesson.content);
    return view;
  });
}

std::optional<Enrollment> Enrollments::enrollment_in(UnitOfWork& uow, const Principal& who, CourseId course) const {
  if (!who.maybe_user()) return std::nullopt;
  return Repository<Enrollment>(uow).first(enrollment_of(*who.maybe_user(), course));
}

CourseView Enrollments::open_course(const Principal& who, const CourseRef& course) {
  return storage_.read([&](UnitOfWork& uow) {
    CourseView view;
    view.course = courses_.visible(uow, who, course);
    view.enrollment = enrollment_in(uow, who, view.course.id);
    view.description_html = markdown_to_html(view.course.description);
    if (view.course.instructor_id)
      if (const auto instructor = Repository<User>(uow).find(*view.course.instructor_id))
        view.instructor_name = instructor->full_name;
    view.sections = in_order<Section>(uow, equal("course_id", view.course.id));
    return view;
  });
}

std::size_t Enrollments::expire_overdue() {
  const auto expire_some = [&](UnitOfWork& uow) {
    Repository<Enrollment> enrollments(uow);
    const Repository<Course> courses(uow);
    auto overdue = enrollments.select(
        {.where = all_of({equal("status", EnrollmentStatus::active), less_equal("expires_at", clock_.now())}),
         .order = {ascending("expires_at")},
         .limit = batch,
         .lock = Lock::skip_locked});
    for (Enrollment& enrollment : overdue) {
      enrollment.status = EnrollmentStatus::expired;
      enrollments.update(enrollment);
      free_seat(uow, enrollment.course_id);
      events_.emit(uow, events::enrollment_expired, Principal::system(),
                   event_data(uow, enrollment, courses.get(enrollment.course_id)));
    }
    return overdue.size();
  };
  std::size_t expired = 0;
  for (;;) {
    const std::size_t now_expired = storage_.write(expire_some);
    expired += now_expired;
    if (now_expired < batch) return expired;
  }
}

}  // namespace lms
