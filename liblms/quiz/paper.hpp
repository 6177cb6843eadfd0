#pragma once

#include <cstddef>
#include <vector>

#include <lms/quiz.hpp>

namespace lms {

/// What attempts are asked: the questions of a quiz with their key, as they were at one time. It never changes, so that
/// grading and review stay true; each change of the quiz's questions makes another.
struct QuizPaper {
  QuizPaperId id;
  QuizId quiz_id;
  bool shuffle_questions = false;
  bool shuffle_options = false;
  std::vector<Question> questions;

  static const Schema& schema();
};

double max_score(const QuizPaper& paper);

/// The attempt as it was asked, in an order that is its own and always the same.
AttemptView view_of(const QuizPaper& paper, const Attempt& attempt, bool with_key);

/// Replaces answers by newer ones to the same questions.
/// @throws Error invalid at body/answers/… for what does not fit the questions.
void merge_answers(const QuizPaper& paper, std::vector<Answer>& sheet, const std::vector<Answer>& answers);

/// Sets the scores of an attempt, and with them whether it is passed.
void grade(const QuizPaper& paper, Attempt& attempt, std::int64_t pass_percent);

}  // namespace lms
