#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/audit.hpp>
#include <lms/course.hpp>
#include <lms/enrollment.hpp>
#include <lms/event.hpp>
#include <lms/export.hpp>
#include <lms/page.hpp>
#include <lms/principal.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/random.hpp>
#include <lms/spi/storage.hpp>

namespace lms {

/// When a student may see the answer key, and the score of each question, of an attempt of theirs.
enum class Reveal { never, after_submit, after_pass };
constexpr auto names_of(Reveal) {
  return std::array<std::string_view, 3>{"never", "after_submit", "after_pass"};
}

using QuizPaperId = Id<struct QuizPaper>;

struct LMS_API Quiz {
  QuizId id;
  CourseId course_id;
  std::optional<LessonId> lesson_id;  ///< of kind quiz, in the same course; completed by passing
  std::string title;
  std::string description;              ///< Markdown
  std::int64_t time_limit_minutes = 0;  ///< 0: none
  std::int64_t max_attempts = 0;        ///< 0: unlimited
  std::int64_t pass_percent = 70;
  bool shuffle_questions = false;
  bool shuffle_options = false;
  std::optional<Time> available_from;
  std::optional<Time> available_until;  ///< attempts end here at the latest
  Reveal reveal = Reveal::after_pass;
  std::int64_t question_count = 0;
  QuizPaperId paper_id;  ///< of what an attempt that starts now is asked
  Time created_at;
  Time updated_at;

  static const Schema& schema();
};

enum class QuestionKind { single_choice, multiple_choice, true_false, short_answer, numeric };
constexpr auto names_of(QuestionKind) {
  return std::array<std::string_view, 5>{"single_choice", "multiple_choice", "true_false", "short_answer", "numeric"};
}

struct LMS_API QuestionOption {
  std::string id;  ///< given by the library; to change a question, send it with the options that stay
  std::string text;
  bool correct = false;

  static const Schema& schema();
};

/// A question with its key: for those who manage the quiz.
struct LMS_API Question {
  QuestionId id;
  QuizId quiz_id;
  QuestionKind kind{};
  std::string text;
  double points = 1;
  std::string explanation;              ///< shown with the key
  std::int64_t position = 0;            ///< from 1; 0 when adding: at the end
  std::vector<QuestionOption> options;  ///< of the choice kinds
  std::vector<std::string> accepted;    ///< of short_answer; compared blind to case, accents and spacing
  Value answer;                         ///< of true_false and numeric
  double tolerance = 0;                 ///< of numeric: how far an answer may lie from the right one

  static const Schema& schema();
};

/// What breaks the rules of the question's kind, each fault below `at`. Options keep an id only from `before`.
LMS_API std::vector<Fault> faults_of(const Question& question, const Path& at, const Question* before = nullptr);

/// What a student says to one question. Neither of the two: nothing yet.
struct LMS_API Answer {
  QuestionId question_id;
  std::vector<std::string> selected = {};  ///< of the choice kinds: ids of options
  Value answer = {};                       ///< of the others: true or false, a number, or text

  static const Schema& schema();
};

struct LMS_API AnswerSheet {
  std::vector<Answer> answers;

  static const Schema& schema();
};

struct LMS_API Submission {
  std::optional<std::vector<Answer>> answers;

  static const Schema& schema();
};

enum class AttemptStatus {
  in_progress,
  submitted,
  expired  ///< its time ran out; graded on what had been saved
};
constexpr auto names_of(AttemptStatus) {
  return std::array<std::string_view, 3>{"in_progress", "submitted", "expired"};
}

/// One try of a student at a quiz.
struct LMS_API Attempt {
  AttemptId id;
  QuizId quiz_id;
  UserId student_id;
  EnrollmentId enrollment_id;
  QuizPaperId paper_id;     ///< what was asked; stays when the quiz's questions change
  std::int64_t number = 1;  ///< of the student's attempts at the quiz, from 1
  AttemptStatus status = AttemptStatus::in_progress;
  Time started_at;
  std::optional<Time> due_at;
  std::optional<Time> submitted_at;
  double max_score = 0;
  std::optional<double> score;  ///< once graded, as the next two; two decimals
  std::optional<double> percent;
  std::optional<bool> passed;
  std::vector<Answer> answers;
  std::vector<double> scores;  ///< once graded: of each question, in the order of the paper

  static const Schema& schema();
};

struct LMS_API AttemptOption {
  std::string id;
  std::string text;

  static const Schema& schema();
};

/// What would have been right, in the form of an answer.
struct LMS_API AnswerKey {
  std::vector<std::string> selected;
  std::vector<std::string> accepted;
  Value answer;
  double tolerance = 0;
  std::string explanation;

  static const Schema& schema();
};

/// A question as it is asked in an attempt, with what the student answered.
struct LMS_API AttemptQuestion {
  QuestionId question_id;
  QuestionKind kind{};
  std::string text;
  double points = 1;
  std::vector<AttemptOption> options;
  std::vector<std::string> selected;
  Value answer;
  std::optional<double> score;   ///< with the key
  std::optional<AnswerKey> key;  ///< once its reader may see it

  static const Schema& schema();
};

/// An attempt as its reader may see it.
struct LMS_API AttemptView {
  Attempt attempt;
  std::vector<AttemptQuestion> questions;  ///< in the order of this attempt

  static const Schema& schema();
};

/// An attempt as a list shows it.
struct LMS_API AttemptOverview {
  Attempt attempt;
  std::string student_name;

  static const Schema& schema();
};

struct LMS_API AttemptFilter {
  PageRequest page;
  std::optional<UserId> student_id = {};
  std::optional<AttemptStatus> status = {};

  static const Schema& schema();
};

/// The data of `quiz.…` events.
struct LMS_API QuizEvent {
  QuizId quiz_id;
  CourseId course_id;
  std::optional<LessonId> lesson_id;
  std::string title;
  std::int64_t question_count = 0;

  static const Schema& schema();
};

/// The data of `quiz_attempt.…` events.
struct LMS_API AttemptEvent {
  AttemptId attempt_id;
  QuizId quiz_id;
  std::string quiz_title;
  CourseId course_id;
  UserId student_id;
  EnrollmentId enrollment_id;
  std::int64_t number = 1;
  AttemptStatus status{};
  std::optional<double> score;  ///< once graded, as percent and passed
  double max_score = 0;
  std::optional<double> percent;
  std::optional<bool> passed;

  static const Schema& schema();
};

namespace events {
extern LMS_API const EventType quiz_created, quiz_updated, quiz_deleted, quiz_attempt_started, quiz_attempt_submitted;
}

namespace audited {
extern LMS_API const AuditAction quiz_pass_mark_changed, quiz_deleted;
}

/// Quizzes, their questions, and students' attempts at them. Thread-safe; each call is one transaction, where nothing
/// else is said: if it throws, nothing changed. A new pass mark and the removal of a quiz are audited.
///
/// Quizzes are seen by those who see their course or are enrolled in it, and changed by its owner with `manage_quizzes`
/// and admins; otherwise Error not_found for who may not see the course, forbidden for the rest.
class LMS_API Quizzes {
 public:
  static constexpr std::size_t max_quizzes = 1000;   ///< of a course
  static constexpr std::size_t max_questions = 200;  ///< of a quiz
  /// How late a submission may arrive and still count as in time.
  static constexpr std::chrono::seconds grace{10};

  /// Adds hooks to `courses`: a course is published only when each lesson of kind quiz has a quiz with a question
  /// (conflict `quiz_lesson_without_quiz`); quizzes go with their course, and stay without a lesson when that goes.
  Quizzes(Storage& storage, Clock& clock, Random& random, Events& events, Audit& audit, Courses& courses,
          Enrollments& enrollments);

  /// Emits `quiz.created`. Of the struct, what the school itself says (id, counts, times) is not read.
  /// @throws Error
  ///   invalid for what breaks the schema's rules, or a lesson that is no quiz lesson of the course;
  ///   conflict `lesson_has_quiz`, `too_many_quizzes`.
  Quiz create(const Principal& who, const CourseRef& course, Quiz quiz);
  Quiz get(const Principal& who, QuizId id);
  std::vector<Quiz> list(const Principal& who, const CourseRef& course);
  /// Attempts in progress end when the new `time_limit_minutes` and `available_until` say, but never before now. Emits
  /// `quiz.updated`. @throws Error as create; conflict `quiz_lesson_without_quiz` if a published course needs the
  ///   quiz where it is.
  Quiz update(const Principal& who, QuizId id, const Patch<Quiz>& patch);
  /// Removes a quiz nobody ever attempted. Emits `quiz.deleted`.
  /// @throws Error conflict `quiz_in_use`; `quiz_lesson_without_quiz` as update.
  void remove(const Principal& who, QuizId id);

  /// With their key, in the order of their position: for those who may change the quiz.
  std::vector<Question> questions(const Principal& who, QuizId quiz);
  /// With its key, for the same.
  Question question(const Principal& who, QuestionId id);
  /// Attempts that have started keep the questions they were started with. Emits `quiz.updated`, as the next two.
  /// @throws Error invalid; conflict `too_many_questions`.
  Question add_question(const Principal& who, QuizId quiz, Question question);
  Question update_question(const Principal& who, QuestionId id, const Patch<Question>& patch);
  /// @throws Error conflict `quiz_lesson_without_quiz` if it is the last one and a published course needs the quiz.
  void remove_question(const Principal& who, QuestionId id);

  /// Begins an attempt and emits `quiz_attempt.started`, or returns the one in progress.
  /// @throws Error forbidden `not_enrolled`; conflict `quiz_not_open`, `quiz_closed`, `quiz_empty`, `no_attempts_left`.
  AttemptView start(const Principal& who, QuizId quiz);
  /// `start` and `submit` at once.
  AttemptView attempt(const Principal& who, QuizId quiz, const std::vector<Answer>& answers);
  /// Keeps answers for later; those to other questions stay as they are. A draft, hence no event.
  /// @throws Error not_found unless it is `who`'s own; invalid; conflict `attempt_closed`, `attempt_overdue`.
  AttemptView save(const Principal& who, AttemptId id, const std::vector<Answer>& answers);
  /// Saves the answers and grades the attempt; if it is passed, completes the quiz's lesson. Later than `grace`, it is
  /// graded on what was saved in time and expires. One that was graded before is returned as it is.
  /// Emits `quiz_attempt.submitted`. @throws Error not_found unless it is `who`'s own; invalid.
  AttemptView submit(const Principal& who, AttemptId id, const std::vector<Answer>& answers = {});
  /// The student's own, without the key until the quiz reveals it; those who may change the quiz see all of it.
  /// @throws Error not_found for others.
  AttemptView review(const Principal& who, AttemptId id);
  /// Newest first. Students see their own; those who may change the quiz everybody's.
  Page<AttemptOverview> attempts(const Principal& who, QuizId quiz, const AttemptFilter& filter);
  /// Expires all attempts whose time is over, in several transactions if they are many; returns how many.
  /// @throws Error internal if some could not be closed; the others were, unless those are a hundred.
  std::size_t close_overdue();

 private:
  friend class CoursePackages;  // makes quizzes of parts that it has checked, in the transaction of their course

  using Paper = std::shared_ptr<const QuizPaper>;
  /// An attempt with what a view of it needs.
  struct Sitting {
    Quiz quiz;
    Paper paper;
    Attempt attempt;
    bool stored = true;                    ///< false: begun, but not in storage yet
    std::optional<Enrollment> enrollment;  ///< read when it is needed
  };

  struct Managed {
    Quiz quiz;
    Course course;
  };

  /// Takes what was checked against the schema and with `faults_of`, and does not ask whose the course is.
  Quiz add(UnitOfWork& uow, const Principal& who, const Course& course, Quiz quiz, std::vector<Question> questions);
  Managed managed(UnitOfWork& uow, const Principal& who, QuizId id) const;
  void touch(UnitOfWork& uow, const Principal& who, Quiz& quiz);
  void renew_paper(Quiz& quiz) const;
  void move_deadlines(UnitOfWork& uow, const Quiz& quiz) const;
  void prepare(Question& question, QuizId quiz) const;

  template <class Use>
  AttemptView sit(const Principal& who, QuizId quiz, Use&& use);
  Sitting begin(UnitOfWork& uow, const Principal& who, QuizId id);
  Sitting own_sitting(UnitOfWork& uow, const Principal& who, AttemptId id);
  Sitting sitting_of(UnitOfWork& uow, Attempt attempt);
  void close(UnitOfWork& uow, const Principal& who, Sitting& sitting, AttemptStatus status, Time at);
  Paper paper(UnitOfWork& uow, QuizPaperId id);
  Paper current_paper(UnitOfWork& uow, const Quiz& quiz);
  AttemptView shown_to_student(const Sitting& sitting);
  void remember(const Paper& paper);

  Storage& storage_;
  Clock& clock_;
  Random& random_;
  Events& events_;
  Audit& audit_;
  Courses& courses_;
  Enrollments& enrollments_;

  std::mutex papers_mutex_;
  std::map<QuizPaperId, Paper> papers_;  ///< papers never change, so a copy never is stale
  std::size_t remembered_questions_ = 0;
};

}  // namespace lms
