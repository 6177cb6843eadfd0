#include "quiz/grading.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "base/search.hpp"
#include "base/utf8.hpp"

namespace lms {

namespace {

constexpr std::size_t longest_short_answer = 1'000;  // code points

/// Collects faults below one place of the input.
class Faults {
 public:
  /// `at` outlives it.
  explicit Faults(const Path& at) : at_(at) {}

  void add(Path below, std::string message, std::string type) {
    Path loc = at_;
    loc.insert(loc.end(), std::make_move_iterator(below.begin()), std::make_move_iterator(below.end()));
    faults_.push_back({std::move(loc), std::move(message), std::move(type)});
  }
  std::vector<Fault> take() && { return std::move(faults_); }

 private:
  const Path& at_;
  std::vector<Fault> faults_;
};

// --- choices ---

std::size_t count_correct(const Question& question) {
  return static_cast<std::size_t>(std::count_if(question.options.begin(), question.options.end(),
                                                [](const QuestionOption& option) { return option.correct; }));
}

void check_options(const Question& question, Faults& faults) {
  if (question.options.size() < 2)
    faults.add({"options"}, "a choice needs at least 2 options", "value_error.list.min_items");
}

void check_single_choice(const Question& question, Faults& faults) {
  check_options(question, faults);
  if (count_correct(question) != 1)
    faults.add({"options"}, "exactly one option must be correct", "value_error.options.correct");
}

void check_multiple_choice(const Question& question, Faults& faults) {
  check_options(question, faults);
  if (count_correct(question) == 0)
    faults.add({"options"}, "at least one option must be correct", "value_error.options.correct");
}

void check_selected(const Question& question, const Answer& answer, Faults& faults) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < answer.selected.size(); ++i) {
    const std::string& id = answer.selected[i];
    const bool known = std::any_of(question.options.begin(), question.options.end(),
                                   [&](const QuestionOption& option) { return option.id == id; });
    if (!known) faults.add({"selected", i}, "the question has no such option", "value_error.reference");
    if (!seen.insert(id).second) faults.add({"selected", i}, "is selected twice", "value_error.duplicate");
  }
}

void check_single_selected(const Question& question, const Answer& answer, Faults& faults) {
  check_selected(question, answer, faults);
  if (answer.selected.size() > 1)
    faults.add({"selected"}, "only one option can be selected", "value_error.list.max_items");
}

/// Right choices less wrong ones, as a part of all right ones. For a single choice that is all or nothing.
double grade_choice(const Question& question, const Answer& answer) {
  double balance = 0;
  for (const QuestionOption& option : question.options) {
    const bool selected = std::find(answer.selected.begin(), answer.selected.end(), option.id) != answer.selected.end();
    if (selected) balance += option.correct ? 1 : -1;
  }
  return std::max(0.0, balance / static_cast<double>(count_correct(question)));
}

// --- true or false ---

void check_true_false(const Question& question, Faults& faults) {
  if (!question.answer.is_bool()) faults.add({"answer"}, "must be true or false", "type_error.bool");
}

void check_truth(const Question&, const Answer& answer, Faults& faults) {
  if (!answer.answer.is_bool()) faults.add({"answer"}, "must be true or false", "type_error.bool");
}

double grade_truth(const Question& question, const Answer& answer) {
  return question.answer == answer.answer ? 1 : 0;
}

// --- short answers ---

/// Without case, accents, and blanks but single ones between words.
std::string compared(std::string_view text) {
  std::string result;
  bool blank = false;
  for (const char c : folded(text)) {
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      blank = true;
      continue;
    }
    if (blank && !result.empty()) result += ' ';
    blank = false;
    result += c;
  }
  return result;
}

void check_short_answer(const Question& question, Faults& faults) {
  if (question.accepted.empty())
    faults.add({"accepted"}, "a short answer needs at least one accepted text", "value_error.list.min_items");
  for (std::size_t i = 0; i < question.accepted.size(); ++i)
    if (compared(question.accepted[i]).empty())
      faults.add({"accepted", i}, "must not be blank", "value_error.any_str.min_length");
}

void check_text(const Question&, const Answer& answer, Faults& faults) {
  if (!answer.answer.is_string())
    faults.add({"answer"}, "must be text", "type_error.str");
  else if (count_code_points(answer.answer.as_string()) > longest_short_answer)
    faults.add({"answer"}, "must have at most " + std::to_string(longest_short_answer) + " characters",
               "value_error.any_str.max_length");
}

double grade_text(const Question& question, const Answer& answer) {
  const std::string given = compared(answer.answer.as_string());
  return std::any_of(question.accepted.begin(), question.accepted.end(),
                     [&](const std::string& accepted) { return compared(accepted) == given; })
             ? 1
             : 0;
}

// --- numbers ---

bool is_finite_number(const Value& value) {
  return value.is_number() && std::isfinite(value.as_real());
}

void check_numeric(const Question& question, Faults& faults) {
  if (!is_finite_number(question.answer)) faults.add({"answer"}, "must be a number", "type_error.float");
}

void check_number(const Question&, const Answer& answer, Faults& faults) {
  if (!is_finite_number(answer.answer)) faults.add({"answer"}, "must be a number", "type_error.float");
}

double grade_number(const Question& question, const Answer& answer) {
  const double right = question.answer.as_real();
  // 0.4 lies within 0.1 of 0.3, whatever binary makes of it.
  const double slack = 1e-9 * std::max(std::abs(right), question.tolerance);
  return std::abs(answer.answer.as_real() - right) <= question.tolerance + slack ? 1 : 0;
}

// --- the table ---

/// Where a question holds its key.
enum class Part { options, accepted, answer };

struct Rules {
  Part key;
  bool has_tolerance;
  void (*check_question)(const Question&, Faults&);
  void (*check_answer)(const Question&, const Answer&, Faults&);  ///< of an answer that was given
  double (*grade)(const Question&, const Answer&);
};

/// In the order of QuestionKind.
constexpr std::array table{
    Rules{Part::options, false, check_single_choice, check_single_selected, grade_choice},
    Rules{Part::options, false, check_multiple_choice, check_selected, grade_choice},
    Rules{Part::answer, false, check_true_false, check_truth, grade_truth},
    Rules{Part::accepted, false, check_short_answer, check_text, grade_text},
    Rules{Part::answer, true, check_numeric, check_number, grade_number},
};
static_assert(table.size() == names_of(QuestionKind()).size());

const Rules& rules_of(QuestionKind kind) {
  return table.at(static_cast<std::size_t>(kind));
}

bool is_given(const Answer& answer) {
  return !answer.selected.empty() || !answer.answer.is_null();
}

void check_parts(const Question& question, const Rules& rules, Faults& faults) {
  const auto refuse = [&](const char* part) {
    faults.add({part}, "a question of kind " + std::string(name_of(question.kind)) + " has no such part",
               "value_error.extra");
  };
  if (rules.key != Part::options && !question.options.empty()) refuse("options");
  if (rules.key != Part::accepted && !question.accepted.empty()) refuse("accepted");
  if (rules.key != Part::answer && !question.answer.is_null()) refuse("answer");
  if (!rules.has_tolerance && question.tolerance != 0) refuse("tolerance");
}

void check_option_ids(const Question& question, const Question* before, Faults& faults) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < question.options.size(); ++i) {
    const std::string& id = question.options[i].id;
    if (id.empty()) continue;
    const bool known = before && std::any_of(before->options.begin(), before->options.end(),
                                             [&](const QuestionOption& option) { return option.id == id; });
    if (!known)
      faults.add({"options", i, "id"}, "the question has no such option; leave the id of a new one out",
                 "value_error.reference");
    if (!seen.insert(id).second) faults.add({"options", i, "id"}, "is given twice", "value_error.duplicate");
  }
}

}  // namespace

std::vector<Fault> faults_of(const Question& question, const Path& at, const Question* before) {
  const Rules& rules = rules_of(question.kind);
  Faults faults(at);
  check_parts(question, rules, faults);
  check_option_ids(question, before, faults);
  rules.check_question(question, faults);
  return std::move(faults).take();
}

std::vector<Fault> faults_of(const Question& question, const Answer& answer, const Path& at) {
  const Rules& rules = rules_of(question.kind);
  Faults faults(at);
  const bool choice = rules.key == Part::options;
  if (choice && !answer.answer.is_null())
    faults.add({"answer"}, "a choice is answered by `selected`", "value_error.extra");
  else if (!choice && !answer.selected.empty())
    faults.add({"selected"}, "only a choice is answered by `selected`", "value_error.extra");
  else if (is_given(answer))
    rules.check_answer(question, answer, faults);
  return std::move(faults).take();
}

double correctness(const Question& question, const Answer& answer) {
  return is_given(answer) ? rules_of(question.kind).grade(question, answer) : 0;
}

AnswerKey key_of(const Question& question) {
  AnswerKey key{.selected = {},
                .accepted = question.accepted,
                .answer = question.answer,
                .tolerance = question.tolerance,
                .explanation = question.explanation};
  for (const QuestionOption& option : question.options)
    if (option.correct) key.selected.push_back(option.id);
  return key;
}

}  // namespace lms
