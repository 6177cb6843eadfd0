#include "quiz/routes.hpp"

#include <utility>

namespace lms {

namespace {

Value question_example() {
  return Object{{"kind", "single_choice"},
                {"text", "Which statement reads rows?"},
                {"points", 1},
                {"explanation", "SELECT reads, the others change."},
                {"options", Array{Object{{"text", "SELECT"}, {"correct", true}}, Object{{"text", "UPDATE"}}}}};
}

Value answers_example() {
  const char* question = "0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40";
  return Object{{"answers", Array{Object{{"question_id", question}, {"selected", Array{"q3Zk81fA"}}}}}};
}

Submission submission(const Call& call) {
  return call.body().is_null() ? Submission() : call.body<Submission>();
}

}  // namespace

void add_quiz_routes(Router& router, Quizzes& quizzes) {
  using enum http::Method;
  const RouteError not_owner{ErrorCode::forbidden, "not_owner", "The course belongs to somebody else."};
  const RouteError not_enrolled{ErrorCode::forbidden, "not_enrolled", "This needs an active enrolment in the course."};
  const RouteError course_hidden{ErrorCode::not_found, "course_not_found", "There is no such course, or it is hidden."};
  const RouteError lesson_has_quiz{ErrorCode::conflict, "lesson_has_quiz", "The lesson has a quiz already."};
  const RouteError needed{ErrorCode::conflict, "quiz_lesson_without_quiz",
                          "A published course needs the quiz for its lesson."};

  router.add({.method = get,
              .path = "/courses/{id}/quizzes",
              .operation = "listQuizzes",
              .tag = "quizzes",
              .summary = "The quizzes of a course",
              .output_mode = Output::items,
              .output = &Quiz::schema(),
              .errors = {course_hidden},
              .text_params = {{"id", CourseRef::doc}},
              .handler = [&](Call& call) { return ok(quizzes.list(call.who(), call.path("id"))); }});

  router.add({.method = post,
              .path = "/courses/{id}/quizzes",
              .operation = "createQuiz",
              .tag = "quizzes",
              .summary = "Add a quiz to a course",
              .allow = Permission::manage_quizzes,
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &Quiz::schema(),
              .output = &Quiz::schema(),
              .status = 201,
              .errors = {not_owner,
                         course_hidden,
                         lesson_has_quiz,
                         {ErrorCode::conflict, "too_many_quizzes", "The course has as many quizzes as it can."}},
              .takes_idempotency_key = true,
              .text_params = {{"id", CourseRef::doc}},
              .handler = [&, prefix = router.prefix()](Call& call) {
                const Quiz quiz = quizzes.create(call.who(), call.path("id"), call.body<Quiz>());
                return created(quiz, prefix + "/quizzes/" + quiz.id.text());
              }});

  router.add({.method = get,
              .path = "/quizzes/{id}",
              .operation = "getQuiz",
              .tag = "quizzes",
              .summary = "A quiz, without its questions",
              .output = &Quiz::schema(),
              .errors = {course_hidden},
              .handler = [&](Call& call) { return ok(quizzes.get(call.who(), call.id<QuizId>("id"))); }});

  router.add({.method = patch,
              .path = "/quizzes/{id}",
              .operation = "updateQuiz",
              .tag = "quizzes",
              .summary = "Change a quiz",
              .description =
                  "Attempts in progress end when the new `time_limit_minutes` and `available_until` say, but never "
                  "before the moment of the change.",
              .allow = Permission::manage_quizzes,
              .weight = Weight::wait,
              .input_mode = Input::change,
              .input = &Quiz::schema(),
              .output = &Quiz::schema(),
              .errors = {not_owner, course_hidden, lesson_has_quiz, needed},
              .handler = [&](Call& call) {
                return ok(quizzes.update(call.who(), call.id<QuizId>("id"), call.patch<Quiz>()));
              }});

  router.add({.method = del,
              .path = "/quizzes/{id}",
              .operation = "deleteQuiz",
              .tag = "quizzes",
              .summary = "Remove a quiz nobody ever attempted",
              .allow = Permission::manage_quizzes,
              .weight = Weight::write,
              .output_mode = Output::nothing,
              .status = 204,
              .errors = {not_owner,
                         course_hidden,
                         needed,
                         {ErrorCode::conflict, "quiz_in_use",
                          "The quiz has been attempted, and its results stay. Close it instead by `available_until`."}},
              .handler = [&](Call& call) {
                quizzes.remove(call.who(), call.id<QuizId>("id"));
                return no_content();
              }});

  router.add({.method = get,
              .path = "/quizzes/{id}/questions",
              .operation = "listQuestions",
              .tag = "quizzes",
              .summary = "The questions of a quiz with their key, in order",
              .description = "For those who may change the quiz. Students meet the questions in an attempt.",
              .allow = Permission::manage_quizzes,
              .output_mode = Output::items,
              .output = &Question::schema(),
              .errors = {not_owner, course_hidden},
              .handler = [&](Call& call) { return ok(quizzes.questions(call.who(), call.id<QuizId>("id"))); }});

  router.add({.method = post,
              .path = "/quizzes/{id}/questions",
              .operation = "addQuestion",
              .tag = "quizzes",
              .summary = "Add a question",
              .description = "Attempts that have started keep the questions they were started with.",
              .allow = Permission::manage_quizzes,
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &Question::schema(),
              .input_example = question_example(),
              .output = &Question::schema(),
              .status = 201,
              .errors = {not_owner,
                         course_hidden,
                         {ErrorCode::conflict, "too_many_questions", "The quiz has as many questions as it can."}},
              .takes_idempotency_key = true,
              .handler = [&, prefix = router.prefix()](Call& call) {
                const Question question =
                    quizzes.add_question(call.who(), call.id<QuizId>("id"), call.body<Question>());
                return created(question, prefix + "/questions/" + question.id.text());
              }});

  router.add({.method = get,
              .path = "/questions/{id}",
              .operation = "getQuestion",
              .tag = "quizzes",
              .summary = "A question with its key",
              .description = "For those who may change the quiz.",
              .allow = Permission::manage_quizzes,
              .output = &Question::schema(),
              .errors = {not_owner, course_hidden},
              .handler = [&](Call& call) { return ok(quizzes.question(call.who(), call.id<QuestionId>("id"))); }});

  router.add({.method = patch,
              .path = "/questions/{id}",
              .operation = "updateQuestion",
              .tag = "quizzes",
              .summary = "Change or move a question",
              .description = "`options` replace the former ones; those that are sent with their id keep it.",
              .allow = Permission::manage_quizzes,
              .weight = Weight::write,
              .input_mode = Input::change,
              .input = &Question::schema(),
              .output = &Question::schema(),
              .errors = {not_owner, course_hidden},
              .handler = [&](Call& call) {
                return ok(quizzes.update_question(call.who(), call.id<QuestionId>("id"), call.patch<Question>()));
              }});

  router.add({.method = del,
              .path = "/questions/{id}",
              .operation = "deleteQuestion",
              .tag = "quizzes",
              .summary = "Remove a question",
              .allow = Permission::manage_quizzes,
              .weight = Weight::write,
              .output_mode = Output::nothing,
              .status = 204,
              .errors = {not_owner, course_hidden, needed},
              .handler = [&](Call& call) {
                quizzes.remove_question(call.who(), call.id<QuestionId>("id"));
                return no_content();
              }});

  router.add({.method = get,
              .path = "/quizzes/{id}/attempts",
              .operation = "listAttempts",
              .tag = "attempts",
              .summary = "Attempts at a quiz, newest first",
              .description = "One's own; everybody's for those who may change the quiz.",
              .query = &AttemptFilter::schema(),
              .output_mode = Output::page,
              .output = &AttemptOverview::schema(),
              .errors = {course_hidden},
              .handler = [&](Call& call) {
                return ok(quizzes.attempts(call.who(), call.id<QuizId>("id"), call.query<AttemptFilter>()));
              }});

  router.add({.method = post,
              .path = "/quizzes/{id}/attempts",
              .operation = "startAttempt",
              .tag = "attempts",
              .summary = "Start an attempt, or make one in a single call",
              .description =
                  "Answers with the attempt in progress if there is one. With `answers`, it is submitted and "
                  "graded at once.",
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &Submission::schema(),
              .input_example = answers_example(),
              .output = &AttemptView::schema(),
              .status = 201,
              .errors = {not_enrolled,
                         {ErrorCode::conflict, "quiz_not_open", "The quiz opens later."},
                         {ErrorCode::conflict, "quiz_closed", "The quiz has closed."},
                         {ErrorCode::conflict, "quiz_empty", "The quiz has no questions."},
                         {ErrorCode::conflict, "no_attempts_left", "All attempts have been used."}},
              .takes_idempotency_key = true,
              .body_optional = true,
              .handler = [&, prefix = router.prefix()](Call& call) {
                const QuizId quiz = call.id<QuizId>("id");
                const auto answers = submission(call).answers;
                const AttemptView view =
                    answers ? quizzes.attempt(call.who(), quiz, *answers) : quizzes.start(call.who(), quiz);
                return created(view, prefix + "/attempts/" + view.attempt.id.text());
              }});

  router.add({.method = get,
              .path = "/attempts/{id}",
              .operation = "getAttempt",
              .tag = "attempts",
              .summary = "An attempt with its questions",
              .description =
                  "The key and the score of each question are shown once the quiz's `reveal` allows it, and to "
                  "those who may change the quiz.",
              .output = &AttemptView::schema(),
              .handler = [&](Call& call) { return ok(quizzes.review(call.who(), call.id<AttemptId>("id"))); }});

  router.add({.method = put,
              .path = "/attempts/{id}/answers",
              .operation = "saveAnswers",
              .tag = "attempts",
              .summary = "Keep answers for later",
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &AnswerSheet::schema(),
              .input_example = answers_example(),
              .output = &AttemptView::schema(),
              .errors = {{ErrorCode::conflict, "attempt_closed", "The attempt has been graded."},
                         {ErrorCode::conflict, "attempt_overdue", "The time of the attempt is over."}},
              .handler = [&](Call& call) {
                return ok(quizzes.save(call.who(), call.id<AttemptId>("id"), call.body<AnswerSheet>().answers));
              }});

  router.add({.method = post,
              .path = "/attempts/{id}/submit",
              .operation = "submitAttempt",
              .tag = "attempts",
              .summary = "Hand in an attempt to be graded",
              .description =
                  "Again, it answers the same. Ten seconds after `due_at` at the latest; later, what was saved "
                  "in time is graded and the attempt is `expired`.",
              .weight = Weight::write,
              .input_mode = Input::create,
              .input = &Submission::schema(),
              .input_example = answers_example(),
              .output = &AttemptView::schema(),
              .body_optional = true,
              .handler = [&](Call& call) {
                const auto answers = submission(call).answers.value_or(std::vector<Answer>());
                return ok(quizzes.submit(call.who(), call.id<AttemptId>("id"), answers));
              }});
}

}  // namespace lms
