#include "quiz/paper.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "quiz/grading.hpp"

namespace lms {

namespace {

/// The same sequence for the same attempt, on every platform and in every release. Fair enough for an order, no secret.
class Shuffle {
 public:
  explicit Shuffle(AttemptId attempt) {
    for (std::size_t i = 8; i < 16; ++i) state_ = state_ << 8 | attempt.uuid.bytes[i];  // the random half
  }

  template <class T>
  void operator()(std::vector<T>& elements) {
    for (std::size_t left = elements.size(); left > 1; --left) std::swap(elements[left - 1], elements[next() % left]);
  }

 private:
  std::uint64_t next() {  // SplitMix64
    std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }

  std::uint64_t state_ = 0;
};

const Answer* find(const std::vector<Answer>& answers, QuestionId question) {
  const auto found = std::find_if(answers.begin(), answers.end(),
                                  [&](const Answer& answer) { return answer.question_id == question; });
  return found == answers.end() ? nullptr : &*found;
}

AttemptQuestion asked(const Question& question, const Answer* answer) {
  AttemptQuestion view;
  view.question_id = question.id;
  view.kind = question.kind;
  view.text = question.text;
  view.points = question.points;
  for (const QuestionOption& option : question.options) view.options.push_back({option.id, option.text});
  if (answer) {
    view.selected = answer->selected;
    view.answer = answer->answer;
  }
  return view;
}

double two_decimals(double number) {
  return std::round(number * 100) / 100;
}

}  // namespace

const Schema& QuizPaper::schema() {
  static const Schema schema = define<QuizPaper>("QuizPaper", "What attempts at a quiz are asked.")
                                   .table("quiz_papers")
                                   .key("id", &QuizPaper::id)
                                   .field("quiz_id", &QuizPaper::quiz_id, {.references = "quizzes"})
                                   .field("shuffle_questions", &QuizPaper::shuffle_questions)
                                   .field("shuffle_options", &QuizPaper::shuffle_options)
                                   .field("questions", &QuizPaper::questions)
                                   .index({"quiz_id"});
  return schema;
}

double max_score(const QuizPaper& paper) {
  return std::accumulate(paper.questions.begin(), paper.questions.end(), 0.0,
                         [](double sum, const Question& question) { return sum + question.points; });
}

AttemptView view_of(const QuizPaper& paper, const Attempt& attempt, bool with_key) {
  AttemptView view{.attempt = attempt, .questions = {}};
  view.questions.reserve(paper.questions.size());
  for (std::size_t i = 0; i < paper.questions.size(); ++i) {
    const Question& question = paper.questions[i];
    AttemptQuestion& shown = view.questions.emplace_back(asked(question, find(attempt.answers, question.id)));
    if (!with_key) continue;
    shown.key = key_of(question);
    if (i < attempt.scores.size()) shown.score = two_decimals(attempt.scores[i]);
  }
  Shuffle shuffle(attempt.id);
  if (paper.shuffle_questions) shuffle(view.questions);
  if (paper.shuffle_options)
    for (AttemptQuestion& question : view.questions) shuffle(question.options);
  return view;
}

void merge_answers(const QuizPaper& paper, std::vector<Answer>& sheet, const std::vector<Answer>& answers) {
  std::vector<Fault> faults;
  std::vector<Answer> entered;
  entered.reserve(answers.size());
  Path at{"body", "answers", std::size_t{0}};
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Answer& answer = answers[i];
    at.back() = i;
    const auto refuse_id = [&](std::string message, std::string type) {
      faults.push_back({{"body", "answers", i, "question_id"}, std::move(message), std::move(type)});
    };
    const auto question = std::find_if(paper.questions.begin(), paper.questions.end(),
                                       [&](const Question& asked) { return asked.id == answer.question_id; });
    if (question == paper.questions.end()) {
      refuse_id("the attempt has no such question", "value_error.reference");
      continue;
    }
    if (find(entered, answer.question_id)) refuse_id("is answered twice", "value_error.duplicate");
    for (Fault& fault : faults_of(*question, answer, at)) faults.push_back(std::move(fault));
    entered.push_back(answer);
  }
  if (!faults.empty()) throw invalid(std::move(faults));
  for (Answer& answer : sheet)
    if (!find(entered, answer.question_id)) entered.push_back(std::move(answer));
  sheet = std::move(entered);
}

void grade(const QuizPaper& paper, Attempt& attempt, std::int64_t pass_percent) {
  attempt.scores.clear();
  double sum = 0;
  for (const Question& question : paper.questions) {
    const Answer* answer = find(attempt.answers, question.id);
    attempt.scores.push_back(answer ? correctness(question, *answer) * question.points : 0);
    sum += attempt.scores.back();
  }
  const double percent = attempt.max_score > 0 ? 100 * sum / attempt.max_score : 0;
  attempt.score = two_decimals(sum);
  attempt.percent = two_decimals(percent);
  attempt.passed = percent >= static_cast<double>(pass_percent) - 1e-9;  // thirds do not add up to one in binary
}

}  // namespace lms
