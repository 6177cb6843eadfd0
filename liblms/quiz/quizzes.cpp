#include <lms/quiz.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <lms/repository.hpp>

#include "base/ordering.hpp"
#include "quiz/paper.hpp"

namespace lms {

namespace {

constexpr std::size_t option_id_bytes = 6;

QuizEvent event_data(const Quiz& quiz) {
  return {quiz.id, quiz.course_id, quiz.lesson_id, quiz.title, quiz.question_count};
}

void require_manager(const Principal& who, const Course& course) {
  require_owner(who, course.instructor_id.value_or(UserId()), Permission::manage_quizzes);
}

void check_window(const Quiz& quiz) {
  if (quiz.available_from && quiz.available_until && *quiz.available_until <= *quiz.available_from)
    throw invalid({"body", "available_until"}, "must lie after available_from", "value_error.range");
}

void check_lesson(UnitOfWork& uow, const Quiz& quiz) {
  if (!quiz.lesson_id) return;
  const auto lesson = Repository<Lesson>(uow).find(*quiz.lesson_id);
  if (!lesson || lesson->course_id != quiz.course_id)
    throw invalid({"body", "lesson_id"}, "the course has no such lesson", "value_error.reference");
  if (lesson->kind != LessonKind::quiz)
    throw invalid({"body", "lesson_id"}, "must be a lesson of kind quiz", "value_error.lesson_kind");
  if (Repository<Quiz>(uow).exists(all_of({equal("lesson_id", lesson->id), none_of({equal("id", quiz.id)})})))
    throw conflict("lesson_has_quiz", "The lesson has a quiz already.");
}

/// Every quiz lesson of a course needs a quiz that can be passed, or nobody could complete the course.
void check_every_quiz_lesson(UnitOfWork& uow, const Course& course) {
  std::set<LessonId> ready;
  for (const Quiz& quiz : Repository<Quiz>(uow).select({.where = equal("course_id", course.id)}))
    if (quiz.lesson_id && quiz.question_count > 0) ready.insert(*quiz.lesson_id);
  const Condition quiz_lessons = all_of({equal("course_id", course.id), equal("kind", LessonKind::quiz)});
  for (const Lesson& lesson : Repository<Lesson>(uow).select({.where = quiz_lessons}))
    if (!ready.contains(lesson.id))
      throw conflict("quiz_lesson_without_quiz", "The lesson “" + lesson.title + "” has no quiz with questions yet.");
}

void check_not_needed(const Course& course, const Quiz& quiz) {
  if (quiz.lesson_id && course.status == CourseStatus::published)
    throw conflict("quiz_lesson_without_quiz", "A published course needs this quiz for its lesson.");
}

void remove_all(UnitOfWork& uow, const std::vector<QuizId>& quizzes) {
  if (quizzes.empty()) return;
  Repository<Question>(uow).remove_where(in("quiz_id", quizzes));
  Repository<QuizPaper>(uow).remove_where(in("quiz_id", quizzes));
  Repository<Quiz>(uow).remove_where(in("id", quizzes));
}

Condition of_quiz(QuizId quiz) {
  return equal("quiz_id", quiz);
}

Error too_many_questions() {
  return conflict("too_many_questions",
                  "A quiz can have " + std::to_string(Quizzes::max_questions) + " questions at most.");
}

void check(const Question& question, const Question* before = nullptr) {
  auto faults = faults_of(question, {"body"}, before);
  if (!faults.empty()) throw invalid(std::move(faults));
}

}  // namespace

Quizzes::Quizzes(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit, Courses& courses,
                 Enrollments& enrollments)
    : storage_(storage),
      clock_(clock),
      random_(random),
      events_(events),
      audit_(audit),
      courses_(courses),
      enrollments_(enrollments) {
  Courses::Hooks hooks;
  hooks.publishing = [](UnitOfWork& uow, const Principal&, const Course& course) {
    check_every_quiz_lesson(uow, course);
  };
  hooks.removing = [this](UnitOfWork& uow, const Principal& who, const Course& course) {
    std::vector<QuizId> ids;
    for (const Quiz& quiz : Repository<Quiz>(uow).select({.where = equal("course_id", course.id)})) {
      ids.push_back(quiz.id);
      events_.emit(uow, events::quiz_deleted, who, event_data(quiz));
    }
    remove_all(uow, ids);
  };
  hooks.removing_lesson = [this](UnitOfWork& uow, const Principal& who, const Course&, const Lesson& lesson) {
    auto quiz = Repository<Quiz>(uow).first(equal("lesson_id", lesson.id));
    if (!quiz) return true;
    quiz->lesson_id = std::nullopt;
    touch(uow, who, *quiz);
    return true;
  };
  courses_.add_hooks(std::move(hooks));
}

Quiz Quizzes::create(const Principal& who, const CourseRef& course, Quiz quiz) {
  const Quiz checked = validated(std::move(quiz));
  return storage_.write([&](UnitOfWork& uow) {
    const Course home = courses_.visible(uow, who, course);
    require_manager(who, home);
    if (Repository<Quiz>(uow).count(equal("course_id", home.id), max_quizzes) == max_quizzes)
      throw conflict("too_many_quizzes", "A course can have " + std::to_string(max_quizzes) + " quizzes at most.");
    return add(uow, who, home, checked, {});
  });
}

Quiz Quizzes::add(UnitOfWork& uow, const Principal& who, const Course& course, Quiz quiz,
                  std::vector<Question> questions) {
  if (questions.size() > max_questions) throw too_many_questions();
  quiz.course_id = course.id;
  quiz.created_at = quiz.updated_at = clock_.now();
  quiz.id = QuizId(random_.uuid(quiz.created_at));
  quiz.paper_id = QuizPaperId(random_.uuid(quiz.created_at));
  quiz.question_count = static_cast<std::int64_t>(questions.size());
  check_window(quiz);
  check_lesson(uow, quiz);
  Repository<Quiz>(uow).insert(quiz);
  std::int64_t position = 0;
  for (Question& question : questions) {
    prepare(question, quiz.id);
    question.position = ++position;
  }
  Repository<Question>(uow).insert_many(questions);
  events_.emit(uow, events::quiz_created, who, event_data(quiz));
  return quiz;
}

/// Names a new question, and the options of any question that have no name yet.
void Quizzes::prepare(Question& question, QuizId quiz) const {
  if (question.id.is_nil()) {
    question.id = QuestionId(random_.uuid(clock_.now()));
    question.quiz_id = quiz;
  }
  for (QuestionOption& option : question.options)
    if (option.id.empty()) option.id = random_.token(option_id_bytes);
}

Quiz Quizzes::get(const Principal& who, QuizId id) {
  return storage_.read([&](UnitOfWork& uow) {
    Quiz quiz = Repository<Quiz>(uow).get(id);
    courses_.visible(uow, who, quiz.course_id);
    return quiz;
  });
}

std::vector<Quiz> Quizzes::list(const Principal& who, const CourseRef& course) {
  return storage_.read([&](UnitOfWork& uow) {
    return Repository<Quiz>(uow).select({.where = equal("course_id", courses_.visible(uow, who, course).id)});
  });
}

/// A quiz with its course, for those who may change it.
Quizzes::Managed Quizzes::managed(UnitOfWork& uow, const Principal& who, QuizId id) const {
  Quiz quiz = Repository<Quiz>(uow).get(id);
  Course course = courses_.visible(uow, who, quiz.course_id);
  require_manager(who, course);
  return {std::move(quiz), std::move(course)};
}

Quiz Quizzes::update(const Principal& who, QuizId id, const Patch<Quiz>& patch) {
  return storage_.write([&](UnitOfWork& uow) {
    const auto [before, course] = managed(uow, who, id);
    Quiz quiz = before;
    patch.apply(quiz);
    check_window(quiz);
    if (quiz.lesson_id != before.lesson_id) {
      check_not_needed(course, before);
      check_lesson(uow, quiz);
    }
    if (quiz.shuffle_questions != before.shuffle_questions || quiz.shuffle_options != before.shuffle_options)
      renew_paper(quiz);
    touch(uow, who, quiz);
    if (quiz.time_limit_minutes != before.time_limit_minutes || quiz.available_until != before.available_until)
      move_deadlines(uow, quiz);
    if (quiz.pass_percent != before.pass_percent)
      audit_.record(
          uow, who, audited::quiz_pass_mark_changed, id,
          {{"course_id", course.id.text()}, {"pass_percent", from_to(before.pass_percent, quiz.pass_percent)}});
    return quiz;
  });
}

/// Attempts that start from now on are asked otherwise than those before.
void Quizzes::renew_paper(Quiz& quiz) const {
  quiz.paper_id = QuizPaperId(random_.uuid(clock_.now()));
}

/// Stores a quiz that was changed in itself or in its questions.
void Quizzes::touch(UnitOfWork& uow, const Principal& who, Quiz& quiz) {
  quiz.updated_at = clock_.now();
  Repository<Quiz>(uow).update(quiz);
  events_.emit(uow, events::quiz_updated, who, event_data(quiz));
}

void Quizzes::remove(const Principal& who, QuizId id) {
  storage_.write([&](UnitOfWork& uow) {
    const auto [quiz, course] = managed(uow, who, id);
    check_not_needed(course, quiz);
    if (Repository<Attempt>(uow).exists(equal("quiz_id", id)))
      throw conflict(
          "quiz_in_use",
          "Students have attempted the quiz, and their results stay. Close it instead by `available_until`.");
    remove_all(uow, {id});
    events_.emit(uow, events::quiz_deleted, who, event_data(quiz));
    audit_.record(uow, who, audited::quiz_deleted, id, {{"course_id", course.id.text()}, {"title", quiz.title}});
  });
}

std::vector<Question> Quizzes::questions(const Principal& who, QuizId id) {
  return storage_.read([&](UnitOfWork& uow) {
    managed(uow, who, id);
    return in_order<Question>(uow, of_quiz(id));
  });
}

Question Quizzes::question(const Principal& who, QuestionId id) {
  return storage_.read([&](UnitOfWork& uow) {
    Question question = Repository<Question>(uow).get(id);
    managed(uow, who, question.quiz_id);
    return question;
  });
}

Question Quizzes::add_question(const Principal& who, QuizId id, Question question) {
  const Question checked = validated(std::move(question));
  return storage_.write([&](UnitOfWork& uow) {
    auto [quiz, course] = managed(uow, who, id);
    if (quiz.question_count >= static_cast<std::int64_t>(max_questions)) throw too_many_questions();
    check(checked);
    Question added = checked;
    prepare(added, id);
    make_room(uow, added, of_quiz(id));
    Repository<Question>(uow).insert(added);
    quiz.question_count += 1;
    renew_paper(quiz);
    touch(uow, who, quiz);
    return added;
  });
}

Question Quizzes::update_question(const Principal& who, QuestionId id, const Patch<Question>& patch) {
  return storage_.write([&](UnitOfWork& uow) {
    Repository<Question> questions(uow);
    const Question before = questions.get(id);
    auto [quiz, course] = managed(uow, who, before.quiz_id);
    Question question = before;
    patch.apply(question);
    check(question, &before);
    prepare(question, quiz.id);
    if (question.position != before.position) make_room(uow, question, of_quiz(quiz.id));
    questions.update(question);
    renew_paper(quiz);
    touch(uow, who, quiz);
    return question;
  });
}

void Quizzes::remove_question(const Principal& who, QuestionId id) {
  storage_.write([&](UnitOfWork& uow) {
    Repository<Question> questions(uow);
    const Question question = questions.get(id);
    auto [quiz, course] = managed(uow, who, question.quiz_id);
    if (quiz.question_count == 1) check_not_needed(course, quiz);
    questions.remove(id);
    quiz.question_count -= 1;
    renew_paper(quiz);
    touch(uow, who, quiz);
  });
}

}  // namespace lms
