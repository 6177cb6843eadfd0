#include <lms/quiz.hpp>

namespace lms {

namespace {

constexpr std::size_t longest_question = 5'000;

FieldOptions selected_options() {
  return {.doc = "Of a choice: ids of options.", .max_length = 20, .example = Array{"q3Zk81fA"}};
}
FieldOptions answer_options() {
  return {.doc = "Of true_false: true or false. Of numeric: a number. Of short_answer: text.", .example = true};
}

}  // namespace

const Schema& Quiz::schema() {
  static const Schema schema =
      define<Quiz>("Quiz", "Questions that are graded as soon as they are answered.")
          .table("quizzes")
          .key("id", &Quiz::id)
          .field("course_id", &Quiz::course_id, {.access = Access::read_only, .references = "courses"})
          .field("lesson_id", &Quiz::lesson_id,
                 {.doc = "The quiz lesson of the course that is completed by passing.", .references = "lessons"})
          .field("title", &Quiz::title,
                 {.doc = "Its name.",
                  .required = true,
                  .min_length = 1,
                  .max_length = 200,
                  .format = Format::name,
                  .example = "Check yourself"})
          .field("description", &Quiz::description,
                 {.doc = "What to know before starting, in Markdown.", .max_length = 5'000, .format = Format::markdown})
          .field("time_limit_minutes", &Quiz::time_limit_minutes,
                 {.doc = "How long an attempt may take, also one in progress; 0: as long as one likes.",
                  .minimum = 0,
                  .maximum = 10'080})
          .field("max_attempts", &Quiz::max_attempts,
                 {.doc = "How often a student may try; 0: without end.", .minimum = 0, .maximum = 1'000})
          .field("pass_percent", &Quiz::pass_percent,
                 {.doc = "How much of the score passes.", .minimum = 0, .maximum = 100})
          .field("shuffle_questions", &Quiz::shuffle_questions, {.doc = "Each attempt in an order of its own."})
          .field("shuffle_options", &Quiz::shuffle_options, {.doc = "Options too."})
          .field("available_from", &Quiz::available_from, {.doc = "No attempt starts before."})
          .field("available_until", &Quiz::available_until,
                 {.doc = "No attempt starts after, and those in progress end here."})
          .field("reveal", &Quiz::reveal,
                 {.doc = "When students see the key, and the score of each question, of their attempts."})
          .field("question_count", &Quiz::question_count, {.access = Access::read_only})
          .field("paper_id", &Quiz::paper_id, {.access = Access::hidden})
          .field("created_at", &Quiz::created_at, {.access = Access::read_only})
          .field("updated_at", &Quiz::updated_at, {.access = Access::read_only})
          .unique({"lesson_id"})
          .index({"course_id"});
  return schema;
}

const Schema& QuestionOption::schema() {
  static const Schema schema =
      define<QuestionOption>("QuestionOption", "One of the options of a choice.")
          .field("id", &QuestionOption::id,
                 {.doc = "Given by the school. Sent with a change, it says which option stays.",
                  .max_length = 16,
                  .example = "q3Zk81fA"})
          .field("text", &QuestionOption::text,
                 {.required = true, .min_length = 1, .max_length = 1'000, .example = "SELECT"})
          .field("correct", &QuestionOption::correct, {.doc = "Whether to choose it.", .example = true});
  return schema;
}

const Schema& Question::schema() {
  static const Schema schema =
      define<Question>("Question", "A question with its key.")
          .table("questions")
          .key("id", &Question::id)
          .field("quiz_id", &Question::quiz_id, {.access = Access::read_only, .references = "quizzes"})
          .field("kind", &Question::kind,
                 {.doc = "How it is answered.", .access = Access::create_only, .required = true})
          .field("text", &Question::text,
                 {.doc = "What is asked, in Markdown.",
                  .required = true,
                  .min_length = 1,
                  .max_length = longest_question,
                  .format = Format::markdown,
                  .example = "Which statement reads rows?"})
          .field("points", &Question::points,
                 {.doc = "What a right answer is worth.", .minimum = 0.01, .maximum = 1'000})
          .field(
              "explanation", &Question::explanation,
              {.doc = "Shown with the key, in Markdown.", .max_length = longest_question, .format = Format::markdown})
          .field("position", &Question::position,
                 {.doc = "Within the quiz, from 1; those at and after it move. 0 when adding: at the end.",
                  .minimum = 0,
                  .maximum = 10'000})
          .field("options", &Question::options,
                 {.doc = "Of single_choice (one is correct) and multiple_choice (at least one is): 2–20.",
                  .max_length = 20})
          .field("accepted", &Question::accepted,
                 {.doc = "Of short_answer: 1–20 texts that are right, compared blind to case, accents and spacing.",
                  .max_length = 20})
          .field("answer", &Question::answer, {.doc = "Of true_false: true or false. Of numeric: a number."})
          .field("tolerance", &Question::tolerance,
                 {.doc = "Of numeric: how far an answer may lie from the right one.", .minimum = 0})
          .index({"quiz_id", "position"});
  return schema;
}

const Schema& Answer::schema() {
  static const Schema schema =
      define<Answer>("Answer", "What a student says to one question; with neither of the two, nothing yet.")
          .field("question_id", &Answer::question_id, {.required = true})
          .field("selected", &Answer::selected, selected_options())
          .field("answer", &Answer::answer, answer_options());
  return schema;
}

const Schema& AnswerSheet::schema() {
  static const Schema schema = define<AnswerSheet>("AnswerSheet", "Answers to some of the questions of an attempt.")
                                   .field("answers", &AnswerSheet::answers,
                                          {.doc = "Answers to other questions stay as they are.",
                                           .required = true,
                                           .max_length = Quizzes::max_questions});
  return schema;
}

const Schema& Submission::schema() {
  static const Schema schema =
      define<Submission>("Submission", "Answers handed in.")
          .field("answers", &Submission::answers,
                 {.doc = "Answers to other questions stay as they were saved.", .max_length = Quizzes::max_questions});
  return schema;
}

const Schema& Attempt::schema() {
  static const Schema schema =
      define<Attempt>("Attempt", "One try of a student at a quiz.")
          .table("attempts")
          .key("id", &Attempt::id)
          .field("quiz_id", &Attempt::quiz_id, {.access = Access::read_only, .references = "quizzes"})
          .field("student_id", &Attempt::student_id, {.access = Access::read_only, .references = "users"})
          .field("enrollment_id", &Attempt::enrollment_id, {.access = Access::read_only, .references = "enrollments"})
          .field("paper_id", &Attempt::paper_id, {.access = Access::hidden})
          .field("number", &Attempt::number,
                 {.doc = "Of the student's attempts at the quiz.", .access = Access::read_only})
          .field("status", &Attempt::status,
                 {.doc = "`expired`: its time ran out, and it was graded on what had been saved.",
                  .access = Access::read_only})
          .field("started_at", &Attempt::started_at, {.access = Access::read_only})
          .field("due_at", &Attempt::due_at,
                 {.doc = "When its time is over; null: never.", .access = Access::read_only})
          .field("submitted_at", &Attempt::submitted_at, {.access = Access::read_only})
          .field("max_score", &Attempt::max_score, {.access = Access::read_only})
          .field("score", &Attempt::score, {.doc = "Null until it is graded.", .access = Access::read_only})
          .field("percent", &Attempt::percent, {.doc = "Null until it is graded.", .access = Access::read_only})
          .field("passed", &Attempt::passed, {.doc = "Null until it is graded.", .access = Access::read_only})
          .field("answers", &Attempt::answers, {.access = Access::hidden})
          .field("scores", &Attempt::scores, {.access = Access::hidden})
          .unique({"student_id", "quiz_id", "number"})
          .index({"quiz_id", "started_at"})
          .index({"status", "due_at"});
  return schema;
}

const Schema& AttemptOption::schema() {
  static const Schema schema = define<AttemptOption>("AttemptOption", "One of the options of a choice, as it is asked.")
                                   .field("id", &AttemptOption::id)
                                   .field("text", &AttemptOption::text);
  return schema;
}

const Schema& AnswerKey::schema() {
  static const Schema schema = define<AnswerKey>("AnswerKey", "What would have been right, in the form of an answer.")
                                   .field("selected", &AnswerKey::selected, selected_options())
                                   .field("accepted", &AnswerKey::accepted, {.doc = "Of short_answer."})
                                   .field("answer", &AnswerKey::answer, answer_options())
                                   .field("tolerance", &AnswerKey::tolerance, {.doc = "Of numeric."})
                                   .field("explanation", &AnswerKey::explanation);
  return schema;
}

const Schema& AttemptQuestion::schema() {
  static const Schema schema =
      define<AttemptQuestion>("AttemptQuestion", "A question as it is asked, with what was answered.")
          .field("question_id", &AttemptQuestion::question_id)
          .field("kind", &AttemptQuestion::kind)
          .field("text", &AttemptQuestion::text)
          .field("points", &AttemptQuestion::points)
          .field("options", &AttemptQuestion::options)
          .field("selected", &AttemptQuestion::selected, selected_options())
          .field("answer", &AttemptQuestion::answer, answer_options())
          .field("score", &AttemptQuestion::score, {.doc = "Shown with the key."})
          .field("key", &AttemptQuestion::key, {.doc = "Null as long as its reader may not see it."});
  return schema;
}

const Schema& AttemptView::schema() {
  static const Schema schema =
      define<AttemptView>("AttemptView", "An attempt with its questions, as its reader may see it.")
          .flatten(&AttemptView::attempt)
          .field("questions", &AttemptView::questions,
                 {.doc = "In the order of this attempt.", .access = Access::read_only});
  return schema;
}

const Schema& AttemptOverview::schema() {
  static const Schema schema = define<AttemptOverview>("AttemptOverview", "An attempt as a list shows it.")
                                   .flatten(&AttemptOverview::attempt)
                                   .field("student_name", &AttemptOverview::student_name,
                                          {.access = Access::read_only, .example = "Amina Okafor"});
  return schema;
}

const Schema& AttemptFilter::schema() {
  static const Schema schema = define<AttemptFilter>("AttemptFilter", "Which attempts.")
                                   .flatten(&AttemptFilter::page)
                                   .field("student_id", &AttemptFilter::student_id)
                                   .field("status", &AttemptFilter::status);
  return schema;
}

const Schema& QuizEvent::schema() {
  static const Schema schema = define<QuizEvent>("QuizEvent", "The quiz an event is about, as it was left.")
                                   .field("quiz_id", &QuizEvent::quiz_id)
                                   .field("course_id", &QuizEvent::course_id)
                                   .field("lesson_id", &QuizEvent::lesson_id)
                                   .field("title", &QuizEvent::title)
                                   .field("question_count", &QuizEvent::question_count);
  return schema;
}

const Schema& AttemptEvent::schema() {
  static const Schema schema = define<AttemptEvent>("AttemptEvent", "The attempt an event is about, as it was left.")
                                   .field("attempt_id", &AttemptEvent::attempt_id)
                                   .field("quiz_id", &AttemptEvent::quiz_id)
                                   .field("quiz_title", &AttemptEvent::quiz_title)
                                   .field("course_id", &AttemptEvent::course_id)
                                   .field("student_id", &AttemptEvent::student_id)
                                   .field("enrollment_id", &AttemptEvent::enrollment_id)
                                   .field("number", &AttemptEvent::number)
                                   .field("status", &AttemptEvent::status)
                                   .field("score", &AttemptEvent::score, {.doc = "Null until it is graded."})
                                   .field("max_score", &AttemptEvent::max_score)
                                   .field("percent", &AttemptEvent::percent, {.doc = "Null until it is graded."})
                                   .field("passed", &AttemptEvent::passed, {.doc = "Null until it is graded."});
  return schema;
}

namespace events {
const EventType quiz_created{"quiz.created", "A quiz was made.", &QuizEvent::schema};
const EventType quiz_updated{"quiz.updated", "A quiz or its questions were changed.", &QuizEvent::schema};
const EventType quiz_deleted{"quiz.deleted", "A quiz was removed.", &QuizEvent::schema};
const EventType quiz_attempt_started{"quiz_attempt.started", "A student began an attempt.", &AttemptEvent::schema};
const EventType quiz_attempt_submitted{
    "quiz_attempt.submitted", "An attempt was handed in, or its time ran out; it is graded.", &AttemptEvent::schema};
}  // namespace events

namespace audited {
const AuditAction quiz_pass_mark_changed{"quiz.pass_mark_changed", "What it takes to pass a quiz was changed."};
const AuditAction quiz_deleted{"quiz.deleted", "A quiz was removed."};
}  // namespace audited

}  // namespace lms
