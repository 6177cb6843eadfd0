#include <map>
#include <utility>

#include <lms/course_package.hpp>
#include <lms/repository.hpp>

#include "base/ordering.hpp"
#include "package/document.hpp"

namespace lms {

namespace {

bool has_quizzes(const PackagedCourse& package) {
  const auto any = [](const std::vector<PackagedLesson>& lessons) {
    for (const PackagedLesson& lesson : lessons)
      if (lesson.quiz) return true;
    return false;
  };
  if (!package.quizzes.empty() || any(package.lessons)) return true;
  for (const PackagedSection& section : package.sections)
    if (any(section.lessons)) return true;
  return false;
}

std::vector<CourseId> find_prerequisites(UnitOfWork& uow, const Courses& courses, const Principal& who,
                                         const std::vector<std::string>& slugs) {
  std::vector<CourseId> found;
  for (const std::string& slug : slugs) {
    const auto course = courses.find_visible(uow, who, slug);
    if (!course)
      throw invalid({"body", "course", "prerequisites", found.size()}, "there is no course with this slug",
                    "value_error.reference");
    found.push_back(course->id);
  }
  return found;
}

}  // namespace

Course CoursePackages::import_package(const Principal& who, const Value& document) {
  require(who, Permission::create_course);
  const PackagedCourse package = read_package(document);
  if (has_quizzes(package)) require(who, Permission::manage_quizzes);

  return storage_.write([&](UnitOfWork& uow) {
    Course draft = package.course;
    draft.prerequisites = find_prerequisites(uow, courses_, who, package.prerequisites);
    Course course = placed({"body", "course"}, [&] { return courses_.add(uow, who, draft); });

    const auto add_quiz = [&](const PackagedQuiz& packaged, std::optional<LessonId> lesson) {
      Quiz quiz = packaged.quiz;
      quiz.lesson_id = lesson;
      placed(packaged.at, [&] { quizzes_.add(uow, who, course, quiz, packaged.questions); });
    };
    const auto add_lessons = [&](const std::vector<PackagedLesson>& lessons, std::optional<SectionId> section) {
      for (const PackagedLesson& packaged : lessons) {
        Lesson lesson = packaged.lesson;
        lesson.section_id = section;
        lesson.position = course.lesson_count + 1;
        const LessonId id = placed(packaged.at, [&] { return courses_.add_lesson(uow, course, lesson).id; });
        if (packaged.quiz) add_quiz(*packaged.quiz, id);
      }
    };
    add_lessons(package.lessons, std::nullopt);
    for (const PackagedSection& section : package.sections)
      add_lessons(section.lessons, courses_.add_section(uow, course, section.section).id);
    for (const PackagedQuiz& quiz : package.quizzes) add_quiz(quiz, std::nullopt);
    Repository<Course>(uow).update(course);  // knows the number of its lessons now
    return course;
  });
}

Value CoursePackages::export_package(const Principal& who, const CourseRef& course) {
  return write_package(storage_.read([&](UnitOfWork& uow) {
    PackagedCourse package;
    package.course = courses_.visible(uow, who, course);
    require_course_owner(who, package.course);
    const CourseId id = package.course.id;
    for (const CourseId& prerequisite : package.course.prerequisites)
      package.prerequisites.push_back(Repository<Course>(uow).get(prerequisite).slug);

    std::map<LessonId, PackagedQuiz> quizzes;
    for (Quiz& quiz : Repository<Quiz>(uow).select({.where = equal("course_id", id)})) {
      auto questions = in_order<Question>(uow, equal("quiz_id", quiz.id));
      const auto lesson = quiz.lesson_id;
      PackagedQuiz packaged{std::move(quiz), std::move(questions), {}};
      if (lesson)
        quizzes.emplace(*lesson, std::move(packaged));
      else
        package.quizzes.push_back(std::move(packaged));
    }

    const Condition of_course = equal("course_id", id);
    std::map<SectionId, std::size_t> places;
    for (Section& section : in_order<Section>(uow, of_course)) {
      places.emplace(section.id, package.sections.size());
      package.sections.push_back({std::move(section), {}, {}});
    }
    for (Lesson& lesson : in_order<Lesson>(uow, of_course)) {
      auto& home = lesson.section_id ? package.sections[places.at(*lesson.section_id)].lessons : package.lessons;
      const auto quiz = quizzes.find(lesson.id);
      home.push_back({std::move(lesson), std::nullopt, {}});
      if (quiz != quizzes.end()) home.back().quiz = std::move(quiz->second);
    }
    return package;
  }));
}

}  // namespace lms
