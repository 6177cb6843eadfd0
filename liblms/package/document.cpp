#include "package/document.hpp"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <string_view>

namespace lms {

namespace {

constexpr std::string_view format_name = "lms-course";
constexpr std::int64_t format_version = 1;
constexpr std::size_t most_faults = 100;
constexpr std::size_t most_prerequisites = 20;

/// Whether a field is part of a package: what a client gives to make the thing, without what belongs to one school
/// (ids, the version) and what the order in the document says.
bool travels(const Field& field) {
  const bool given = field.access == Access::normal || field.access == Access::create_only;
  const bool refers =
      field.type == FieldType::uuid || (field.type == FieldType::list && field.element == FieldType::uuid);
  return given && !refers && field.name != "position" && field.name != "version";
}

Path below(Path at, std::initializer_list<PathStep> steps) {
  at.insert(at.end(), steps);
  return at;
}

// --- reading ---

/// Reads all of a document and collects what is wrong with it.
class Reader {
 public:
  PackagedCourse read(const Value& document);

 private:
  void fail(Path at, std::string message, std::string type) {
    if (faults_.size() < most_faults) faults_.push_back({std::move(at), std::move(message), std::move(type)});
  }
  void read_head(const Value& document);
  void read_prerequisites(const Value& course, std::vector<std::string>& slugs);
  PackagedSection read_section(const Value& section, const Path& at);
  PackagedLesson read_lesson(const Value& lesson, const Path& at);
  PackagedQuiz read_quiz(const Value& quiz, const Path& at);

  /// The elements of a list; none if it is left out.
  const Array& list(const Value& parent, std::string_view name, const Path& at);
  /// Reads the fields of a T; `parts` are the members that the caller reads.
  template <HasSchema T>
  T read_fields(const Value& value, std::initializer_list<std::string_view> parts, const Path& at);
  void limit(std::size_t count, std::size_t most, Path at, const char* what);

  std::vector<Fault> faults_;
  std::size_t lessons_ = 0;
  std::size_t questions_ = 0;
};

PackagedCourse Reader::read(const Value& document) {
  const Path root{"body"};
  read_head(document);
  PackagedCourse package;
  package.course = read_fields<Course>(document["course"], {"prerequisites"}, {"body", "course"});
  read_prerequisites(document["course"], package.prerequisites);
  for (const Value& lesson : list(document, "lessons", root))
    package.lessons.push_back(read_lesson(lesson, {"body", "lessons", package.lessons.size()}));
  for (const Value& section : list(document, "sections", root))
    package.sections.push_back(read_section(section, {"body", "sections", package.sections.size()}));
  for (const Value& quiz : list(document, "quizzes", root))
    package.quizzes.push_back(read_quiz(quiz, {"body", "quizzes", package.quizzes.size()}));
  limit(package.sections.size(), Courses::max_sections, {"body", "sections"}, "sections");
  limit(lessons_, Courses::max_lessons, root, "lessons");
  limit(questions_, CoursePackages::max_questions, root, "questions");
  if (!faults_.empty()) throw invalid(std::move(faults_));
  return package;
}

void Reader::read_head(const Value& document) {
  if (!document.is_object()) throw invalid({"body"}, "must be an object", "type_error.dict");
  static const std::set<std::string_view> known{"format", "version", "course", "sections", "lessons", "quizzes"};
  for (const auto& [name, value] : document.as_object())
    if (!known.contains(name)) fail({"body", name}, "no such field", "value_error.extra");
  if (document["format"] != Value(format_name))
    fail({"body", "format"}, "must be \"" + std::string(format_name) + "\"", "value_error.const");
  if (document["version"] != Value(format_version))
    fail({"body", "version"}, "must be " + std::to_string(format_version), "value_error.const");
}

void Reader::read_prerequisites(const Value& course, std::vector<std::string>& slugs) {
  for (const Value& slug : list(course, "prerequisites", {"body", "course"})) {
    if (!slug.is_string())
      fail({"body", "course", "prerequisites", slugs.size()}, "must be the slug of a course", "type_error.str");
    slugs.push_back(slug.is_string() ? slug.as_string() : std::string());
  }
  limit(slugs.size(), most_prerequisites, {"body", "course", "prerequisites"}, "prerequisites");
}

PackagedSection Reader::read_section(const Value& value, const Path& at) {
  PackagedSection section{.section = read_fields<Section>(value, {"lessons"}, at), .lessons = {}, .at = at};
  for (const Value& lesson : list(value, "lessons", at))
    section.lessons.push_back(read_lesson(lesson, below(at, {"lessons", section.lessons.size()})));
  return section;
}

PackagedLesson Reader::read_lesson(const Value& value, const Path& at) {
  ++lessons_;
  PackagedLesson lesson{.lesson = read_fields<Lesson>(value, {"quiz"}, at), .quiz = {}, .at = at};
  if (value["quiz"].is_null()) return lesson;
  lesson.quiz = read_quiz(value["quiz"], below(at, {"quiz"}));
  if (lesson.lesson.kind != LessonKind::quiz)
    fail(below(at, {"quiz"}), "only a lesson of kind quiz has a quiz", "value_error.extra");
  return lesson;
}

PackagedQuiz Reader::read_quiz(const Value& value, const Path& at) {
  PackagedQuiz quiz{.quiz = read_fields<Quiz>(value, {"questions"}, at), .questions = {}, .at = at};
  for (const Value& element : list(value, "questions", at)) {
    const Path place = below(at, {"questions", quiz.questions.size()});
    const std::size_t faults_before = faults_.size();
    quiz.questions.push_back(read_fields<Question>(element, {}, place));
    if (faults_.size() > faults_before) continue;
    for (Fault& fault : faults_of(quiz.questions.back(), place))
      fail(std::move(fault.loc), std::move(fault.message), std::move(fault.type));
  }
  limit(quiz.questions.size(), Quizzes::max_questions, below(at, {"questions"}), "questions");
  questions_ += quiz.questions.size();
  return quiz;
}

const Array& Reader::list(const Value& parent, std::string_view name, const Path& at) {
  static const Array none;
  const Value& value = parent[name];
  if (value.is_array()) return value.as_array();
  if (!value.is_null()) fail(below(at, {std::string(name)}), "must be a list", "type_error.list");
  return none;
}

template <HasSchema T>
T Reader::read_fields(const Value& value, std::initializer_list<std::string_view> parts, const Path& at) {
  T object{};
  Value fields = value;
  if (value.is_object()) {
    for (const std::string_view part : parts) fields.as_object().erase(part);
    for (const Field& field : T::schema().fields()) {
      const bool accepted = field.access == Access::normal || field.access == Access::create_only;
      if (accepted && !travels(field) && fields.as_object().erase(field.name))
        fail(below(at, {field.name}), "has no place in a package", "value_error.extra");
    }
  }
  try {
    T::schema().parse(&object, fields);
  } catch (const Error& error) {
    if (error.faults().empty()) throw;
    for (Fault& fault : faults_at(at, error))
      fail(std::move(fault.loc), std::move(fault.message), std::move(fault.type));
  }
  return object;
}

void Reader::limit(std::size_t count, std::size_t most, Path at, const char* what) {
  if (count > most)
    fail(std::move(at), "must have at most " + std::to_string(most) + " " + what, "value_error.list.max_items");
}

// --- writing ---

template <HasSchema T>
Object content_of(const T& object) {
  Object content;
  const Object wire = to_wire(object);
  for (const auto& [name, value] : wire)
    if (travels(*T::schema().find(name))) content.append(name, value);
  return content;
}

Value write_question(const Question& question) {
  Object content = content_of(question);
  Array options;
  for (const QuestionOption& option : question.options) {
    Object kept = to_wire(option);
    kept.erase("id");
    options.push_back(std::move(kept));
  }
  content.set("options", std::move(options));
  return content;
}

Value write_quiz(const PackagedQuiz& quiz) {
  Object content = content_of(quiz.quiz);
  Array questions;
  for (const Question& question : quiz.questions) questions.push_back(write_question(question));
  content.append("questions", std::move(questions));
  return content;
}

Array write_lessons(const std::vector<PackagedLesson>& lessons) {
  Array written;
  for (const PackagedLesson& lesson : lessons) {
    Object content = content_of(lesson.lesson);
    if (lesson.quiz) content.append("quiz", write_quiz(*lesson.quiz));
    written.push_back(std::move(content));
  }
  return written;
}

}  // namespace

std::vector<Fault> faults_at(const Path& at, const Error& error) {
  std::vector<Fault> faults = error.faults();
  for (Fault& fault : faults) {
    Path loc = at;
    loc.insert(loc.end(), fault.loc.begin() + 1, fault.loc.end());
    fault.loc = std::move(loc);
  }
  return faults;
}

PackagedCourse read_package(const Value& document) {
  return Reader().read(document);
}

Value write_package(const PackagedCourse& package) {
  Object course = content_of(package.course);
  course.append("prerequisites", Array(package.prerequisites.begin(), package.prerequisites.end()));
  Array sections;
  for (const PackagedSection& section : package.sections) {
    Object content = content_of(section.section);
    content.append("lessons", write_lessons(section.lessons));
    sections.push_back(std::move(content));
  }
  Array quizzes;
  for (const PackagedQuiz& quiz : package.quizzes) quizzes.push_back(write_quiz(quiz));
  return Object{{"format", format_name},
                {"version", format_version},
                {"course", std::move(course)},
                {"sections", std::move(sections)},
                {"lessons", write_lessons(package.lessons)},
                {"quizzes", std::move(quizzes)}};
}

}  // namespace lms
