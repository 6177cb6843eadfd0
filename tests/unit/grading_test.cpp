#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <lms/quiz.hpp>
#include <lms/testing/seeded_random.hpp>

#include "quiz/grading.hpp"
#include "quiz/paper.hpp"

namespace {

using namespace lms;

Question question(QuestionKind kind) {
  Question made;
  made.id = QuestionId(testing::SeededRandom(7).uuid(Time()));
  made.kind = kind;
  made.text = "?";
  return made;
}

Question choice(QuestionKind kind, const std::vector<bool>& correct) {
  Question made = question(kind);
  for (std::size_t i = 0; i < correct.size(); ++i)
    made.options.push_back({std::string(1, static_cast<char>('a' + i)), "option", correct[i]});
  return made;
}

Question numeric(double answer, double tolerance) {
  Question made = question(QuestionKind::numeric);
  made.answer = answer;
  made.tolerance = tolerance;
  return made;
}

Question short_answer(std::vector<std::string> accepted) {
  Question made = question(QuestionKind::short_answer);
  made.accepted = std::move(accepted);
  return made;
}

Answer selected(std::vector<std::string> ids) {
  return {{}, std::move(ids), {}};
}
Answer said(Value value) {
  return {{}, {}, std::move(value)};
}

std::string place(const Fault& fault) {
  std::string text;
  for (const PathStep& step : fault.loc)
    text += "/" + (std::holds_alternative<std::string>(step) ? std::get<std::string>(step)
                                                             : std::to_string(std::get<std::size_t>(step)));
  return text;
}

std::vector<std::string> places(const std::vector<Fault>& faults) {
  std::vector<std::string> all;
  for (const Fault& fault : faults) all.push_back(place(fault));
  return all;
}

using Places = std::vector<std::string>;

TEST_CASE("a single choice is right or wrong") {
  const Question question = choice(QuestionKind::single_choice, {false, true, false});
  CHECK(correctness(question, selected({"b"})) == 1);
  CHECK(correctness(question, selected({"a"})) == 0);
  CHECK(correctness(question, selected({})) == 0);
}

TEST_CASE("wrong choices cost as much as right ones bring, but never below nothing") {
  const Question question = choice(QuestionKind::multiple_choice, {true, true, true, false, false});
  CHECK(correctness(question, selected({"a", "b", "c"})) == 1);
  CHECK(correctness(question, selected({"a", "b"})) == doctest::Approx(2.0 / 3));
  CHECK(correctness(question, selected({"a", "b", "d"})) == doctest::Approx(1.0 / 3));
  CHECK(correctness(question, selected({"a", "d", "e"})) == 0);
  CHECK(correctness(question, selected({"a", "b", "c", "d", "e"})) == doctest::Approx(1.0 / 3));
}

TEST_CASE("a truth has one answer") {
  Question truth = question(QuestionKind::true_false);
  truth.answer = false;
  CHECK(correctness(truth, said(false)) == 1);
  CHECK(correctness(truth, said(true)) == 0);
  CHECK(correctness(truth, said({})) == 0);
}

TEST_CASE("a number may lie as far off as is tolerated") {
  CHECK(correctness(numeric(10, 0), said(10)) == 1);
  CHECK(correctness(numeric(10, 0), said(10.0)) == 1);
  CHECK(correctness(numeric(10, 0), said(10.001)) == 0);
  CHECK(correctness(numeric(0.3, 0.1), said(0.4)) == 1);
  CHECK(correctness(numeric(0.3, 0.1), said(0.41)) == 0);
  CHECK(correctness(numeric(-5, 2), said(-7)) == 1);
  CHECK(correctness(numeric(-5, 2), said(7)) == 0);
  CHECK(correctness(numeric(0, 0.1), said(-0.1)) == 1);
  CHECK(correctness(numeric(1.6e-19, 0), said(1.6e-19)) == 1);
  CHECK(correctness(numeric(1.6e-19, 0), said(0)) == 0);
  CHECK(correctness(numeric(1.6e-19, 1e-20), said(1.7e-19)) == 1);
}

TEST_CASE("a short answer is compared blind to case, accents and spacing, to nothing else") {
  const Question capital = short_answer({"Bogotá", "Bogotá D.C."});
  CHECK(correctness(capital, said("  BOGOTA ")) == 1);
  CHECK(correctness(capital, said("bogota   d.c.")) == 1);
  CHECK(correctness(capital, said("bogota dc")) == 0);
  CHECK(correctness(capital, said("bogot")) == 0);
  CHECK(correctness(short_answer({"C++"}), said("c")) == 0);
  CHECK(correctness(short_answer({"C++"}), said("c++")) == 1);
  CHECK(correctness(short_answer({"ﬁx 4"}), said("fix４")) == 0);
  CHECK(correctness(short_answer({"ﬁx 4"}), said("FIX\t４")) == 1);
}

TEST_CASE("a question that breaks the rules of its kind is told where") {
  const Path at{"body"};
  const auto faulty = [&](Question question) {
    for (QuestionOption& option : question.options) option.id.clear();
    return places(faults_of(question, at));
  };

  CHECK(faulty(choice(QuestionKind::single_choice, {true, true})) == Places{"/body/options"});
  CHECK(faulty(choice(QuestionKind::single_choice, {false, false})) == Places{"/body/options"});
  CHECK(faulty(choice(QuestionKind::multiple_choice, {false, false})) == Places{"/body/options"});
  CHECK(faulty(choice(QuestionKind::multiple_choice, {true})) == Places{"/body/options"});
  CHECK(faulty(question(QuestionKind::true_false)) == Places{"/body/answer"});
  CHECK(faulty(question(QuestionKind::numeric)) == Places{"/body/answer"});
  CHECK(faulty(short_answer({})) == Places{"/body/accepted"});
  CHECK(faulty(short_answer({"right", " \t"})) == Places{"/body/accepted/1"});

  Question truth = choice(QuestionKind::true_false, {true, false});
  truth.answer = true;
  truth.tolerance = 1;
  CHECK(faulty(truth) == Places{"/body/options", "/body/tolerance"});
}

TEST_CASE("options keep only ids they had") {
  const Question before = choice(QuestionKind::single_choice, {true, false});
  Question after = before;
  after.options.push_back({"", "new", false});
  CHECK(faults_of(after, {"body"}, &before).empty());
  after.options[2].id = "z";
  CHECK(places(faults_of(after, {"body"}, &before)) == Places{"/body/options/2/id"});
  after.options[2].id = "a";
  CHECK(places(faults_of(after, {"body"}, &before)) == Places{"/body/options/2/id"});
  CHECK(places(faults_of(before, {"body"})) == Places{"/body/options/0/id", "/body/options/1/id"});
}

TEST_CASE("an answer that does not fit its question is told where") {
  const Path at{"body"};
  const Question one = choice(QuestionKind::single_choice, {true, false});
  const Question truth = question(QuestionKind::true_false);
  CHECK(places(faults_of(one, selected({"z"}), at)) == Places{"/body/selected/0"});
  CHECK(places(faults_of(one, selected({"a", "b"}), at)) == Places{"/body/selected"});
  CHECK(places(faults_of(one, said(true), at)) == Places{"/body/answer"});
  CHECK(places(faults_of(truth, selected({"a"}), at)) == Places{"/body/selected"});
  CHECK(places(faults_of(truth, said("true"), at)) == Places{"/body/answer"});
  CHECK(places(faults_of(numeric(1, 0), said("1"), at)) == Places{"/body/answer"});
  CHECK(places(faults_of(short_answer({"x"}), said(1), at)) == Places{"/body/answer"});
  CHECK(places(faults_of(short_answer({"x"}), said(std::string(1'001, 'x')), at)) == Places{"/body/answer"});
  CHECK(faults_of(truth, said({}), at).empty());
  CHECK(faults_of(one, selected({}), at).empty());
}

QuizPaper paper_of_two() {
  testing::SeededRandom random(3);
  QuizPaper paper;
  paper.questions = {choice(QuestionKind::multiple_choice, {true, true, true, false}), numeric(10, 0)};
  for (Question& question : paper.questions) question.id = QuestionId(random.uuid(Time()));
  paper.questions[0].points = 2;
  return paper;
}

TEST_CASE("tenths add up to a pass, though they do not in binary") {
  QuizPaper paper;
  testing::SeededRandom random(5);
  Attempt attempt;
  for (int i = 0; i < 10; ++i) {
    paper.questions.push_back(choice(QuestionKind::multiple_choice, std::vector<bool>(10, true)));
    paper.questions.back().id = QuestionId(random.uuid(Time()));
    attempt.answers.push_back({paper.questions.back().id, {"a"}, {}});
  }
  attempt.max_score = max_score(paper);
  grade(paper, attempt, 10);
  CHECK(*attempt.passed);
  CHECK(*attempt.score == 1);
  CHECK(*attempt.percent == 10);
  grade(paper, attempt, 11);
  CHECK_FALSE(*attempt.passed);
}

TEST_CASE("answers are graded by points, and what was not answered brings none") {
  const QuizPaper paper = paper_of_two();
  Attempt attempt;
  attempt.max_score = max_score(paper);
  CHECK(attempt.max_score == 3);
  grade(paper, attempt, 0);
  CHECK(*attempt.passed);
  CHECK(*attempt.score == 0);
  attempt.answers = {{paper.questions[0].id, {"a", "b", "c"}, {}}};
  grade(paper, attempt, 67);
  CHECK_FALSE(*attempt.passed);
  CHECK(*attempt.score == 2);
  CHECK(attempt.scores == std::vector<double>{2, 0});
}

TEST_CASE("newer answers replace older ones to the same question, and only them") {
  const QuizPaper paper = paper_of_two();
  std::vector<Answer> sheet;
  merge_answers(paper, sheet, {{paper.questions[0].id, {"a"}, {}}});
  merge_answers(paper, sheet, {{paper.questions[1].id, {}, 9}});
  merge_answers(paper, sheet, {{paper.questions[1].id, {}, 10}});
  REQUIRE(sheet.size() == 2);
  for (const Answer& answer : sheet)
    if (answer.question_id == paper.questions[0].id)
      CHECK(answer.selected == std::vector<std::string>{"a"});
    else
      CHECK(answer.answer == Value(10));
}

TEST_CASE("every answer that fits no question is told, and none is kept") {
  const QuizPaper paper = paper_of_two();
  std::vector<Answer> sheet;
  try {
    merge_answers(paper, sheet, {{paper.questions[0].id, {"a"}, {}}, {{}, {}, 1}, {paper.questions[0].id, {"q"}, {}}});
    FAIL("was accepted");
  } catch (const Error& error) {
    CHECK(places(error.faults()) ==
          Places{"/body/answers/1/question_id", "/body/answers/2/question_id", "/body/answers/2/selected/0"});
  }
  CHECK(sheet.empty());
}

TEST_CASE("an attempt keeps its order, and attempts differ in it") {
  QuizPaper paper;
  paper.shuffle_questions = paper.shuffle_options = true;
  testing::SeededRandom random(11);
  for (int i = 0; i < 10; ++i) {
    paper.questions.push_back(choice(QuestionKind::single_choice, {true, false, false, false, false}));
    paper.questions.back().id = QuestionId(random.uuid(Time()));
  }
  const auto order = [&](AttemptId id) {
    Attempt attempt;
    attempt.id = id;
    std::string text;
    const AttemptView view = view_of(paper, attempt, false);
    for (const AttemptQuestion& question : view.questions) {
      text += question.question_id.text();
      for (const AttemptOption& option : question.options) text += option.id;
    }
    return text;
  };
  const AttemptId one(random.uuid(Time())), two(random.uuid(Time()));
  CHECK(order(one) == order(one));
  CHECK(order(one) != order(two));
  // Written down so that no release reorders attempts that were made before it.
  const auto fixed = *AttemptId::parse("0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40");
  Attempt attempt;
  attempt.id = fixed;
  paper.shuffle_questions = false;
  const AttemptView view = view_of(paper, attempt, false);
  std::string options;
  for (const AttemptOption& option : view.questions[0].options) options += option.id;
  CHECK(options == "bdace");
}

TEST_CASE("a view without the key has no trace of it") {
  const QuizPaper paper = paper_of_two();
  Attempt attempt;
  attempt.max_score = max_score(paper);
  attempt.answers = {{paper.questions[1].id, {}, 9}};
  grade(paper, attempt, 50);
  const AttemptView bare = view_of(paper, attempt, false);
  for (const AttemptQuestion& question : bare.questions) {
    CHECK_FALSE(question.key);
    CHECK_FALSE(question.score);
  }
  const AttemptView full = view_of(paper, attempt, true);
  REQUIRE(full.questions[0].key);
  CHECK(full.questions[0].key->selected == std::vector<std::string>{"a", "b", "c"});
  CHECK(full.questions[1].key->answer == Value(10.0));
  CHECK(*full.questions[1].score == 0);
  CHECK(full.questions[1].answer == Value(9));
}

}  // namespace
