#include "demo/answers.hpp"

#include <utility>

namespace lms::server::demo {

std::vector<Answer> answers_worth(const std::vector<Question>& questions, double points) {
  std::vector<Answer> answers;
  for (const Question& question : questions) {
    const bool right = question.points <= points;
    if (right) points -= question.points;
    Answer answer;
    answer.question_id = question.id;
    switch (question.kind) {
      case QuestionKind::single_choice:
      case QuestionKind::multiple_choice:
        for (const QuestionOption& option : question.options) {
          if (option.correct != right) continue;
          answer.selected.push_back(option.id);
          if (!right) break;
        }
        break;
      case QuestionKind::true_false:
        answer.answer = question.answer.as_bool() == right;
        break;
      case QuestionKind::short_answer:
        answer.answer = right ? question.accepted.front() : "I do not know";
        break;
      case QuestionKind::numeric:
        answer.answer = question.answer.as_real() + (right ? 0.0 : 2 * question.tolerance + 1);
        break;
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

double total_of(const std::vector<Question>& questions) {
  double total = 0;
  for (const Question& question : questions) total += question.points;
  return total;
}

}  // namespace lms::server::demo
