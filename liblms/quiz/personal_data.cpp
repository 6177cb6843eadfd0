#include "quiz/personal_data.hpp"

#include <lms/quiz.hpp>

#include "quiz/paper.hpp"

namespace lms {

namespace {

/// As the student was asked and has answered. The key is not theirs, so it is left out whoever asks.
Object with_questions(UnitOfWork& uow, const Attempt& attempt) {
  const auto paper = Repository<QuizPaper>(uow).find(attempt.paper_id);
  const auto quiz = Repository<Quiz>(uow).find(attempt.quiz_id);
  Object shown = paper ? to_wire(view_of(*paper, attempt, false)) : to_wire(attempt);
  shown.append("quiz_title", quiz ? Value(quiz->title) : Value());
  return shown;
}

/// What somebody has written in their own words may say who they are; what they chose does not.
bool erase_texts(Attempt& attempt) {
  bool is_changed = false;
  for (Answer& answer : attempt.answers) {
    if (!answer.answer.is_string()) continue;
    answer.answer = Value();
    is_changed = true;
  }
  return is_changed;
}

std::string erase_attempts(UnitOfWork& uow, const Erasure& erasure, const std::string& after) {
  constexpr std::size_t at_once = 50;
  Condition where = equal("student_id", erasure.user_id);
  if (!after.empty()) where = all_of({std::move(where), greater("id", after)});
  Repository<Attempt> attempts(uow);
  auto found = attempts.select({.where = std::move(where), .limit = at_once});
  for (Attempt& attempt : found)
    if (erase_texts(attempt)) attempts.update(attempt);
  return found.size() == at_once ? found.back().id.text() : std::string();
}

}  // namespace

void add_personal_attempts(PersonalData& data) {
  data.on_export("attempts", [](UnitOfWork& uow, const User& user, const std::string& after) {
    return export_records<Attempt>(uow, equal("student_id", user.id), after,
                                   [&](const Attempt& attempt) { return with_questions(uow, attempt); });
  });
  data.on_erasure(erase_attempts);
}

}  // namespace lms
