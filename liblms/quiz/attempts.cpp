#include <algorithm>
#include <map>
#include <utility>

#include <lms/quiz.hpp>
#include <lms/repository.hpp>
#include <lms/user.hpp>

#include "base/ordering.hpp"
#include "quiz/paper.hpp"

namespace lms {

namespace {

constexpr std::size_t most_remembered_questions = 10'000;

bool is_open(const Attempt& attempt) {
  return attempt.status == AttemptStatus::in_progress;
}

bool is_overdue(const Attempt& attempt, Time now) {
  return attempt.due_at && now > *attempt.due_at + Quizzes::grace;
}

std::optional<Time> due_at(const Quiz& quiz, Time start) {
  if (quiz.time_limit_minutes == 0) return quiz.available_until;
  const Time end = start + std::chrono::minutes(quiz.time_limit_minutes);
  return quiz.available_until ? std::min(end, *quiz.available_until) : end;
}

void require_open(const Quiz& quiz, Time now) {
  if (quiz.available_from && now < *quiz.available_from)
    throw conflict("quiz_not_open", "The quiz opens at " + to_iso8601(*quiz.available_from) + ".");
  if (quiz.available_until && now >= *quiz.available_until)
    throw conflict("quiz_closed", "The quiz closed at " + to_iso8601(*quiz.available_until) + ".");
}

AttemptEvent event_data(const Quiz& quiz, const Attempt& attempt) {
  return {.attempt_id = attempt.id,
          .quiz_id = quiz.id,
          .quiz_title = quiz.title,
          .course_id = quiz.course_id,
          .student_id = attempt.student_id,
          .enrollment_id = attempt.enrollment_id,
          .number = attempt.number,
          .status = attempt.status,
          .score = attempt.score,
          .max_score = attempt.max_score,
          .percent = attempt.percent,
          .passed = attempt.passed};
}

/// The student's newest attempt at the quiz, as far as the next one depends on it.
std::optional<Attempt> latest(UnitOfWork& uow, UserId student, QuizId quiz) {
  auto found = Repository<Attempt>(uow).select({.where = all_of({equal("student_id", student), equal("quiz_id", quiz)}),
                                                .order = {descending("number")},
                                                .fields = {"id", "number", "status"},
                                                .limit = 1});
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

bool manages(const Principal& who, const Course& course) {
  return who.is_admin() || (who.may(Permission::manage_quizzes) && owns_course(who, course));
}

bool reveals_key(const Quiz& quiz, const Attempt& attempt) {
  if (is_open(attempt)) return false;
  switch (quiz.reveal) {
    case Reveal::never:
      return false;
    case Reveal::after_submit:
      return true;
    case Reveal::after_pass:
      return attempt.passed.value_or(false);
  }
  return false;
}

}  // namespace

// --- papers ---

Quizzes::Paper Quizzes::paper(UnitOfWork& uow, QuizPaperId id) {
  {
    const std::lock_guard lock(papers_mutex_);
    if (const auto known = papers_.find(id); known != papers_.end()) return known->second;
  }
  auto stored = Repository<QuizPaper>(uow).find(id);
  return stored ? std::make_shared<const QuizPaper>(*std::move(stored)) : nullptr;
}

/// The paper of an attempt that starts now; the first one writes it. Whether it is stored only storage can say: what
/// was remembered may have been undone, for writes that share a commit are told of it only when it is made.
Quizzes::Paper Quizzes::current_paper(UnitOfWork& uow, const Quiz& quiz) {
  const bool is_stored =
      !Repository<QuizPaper>(uow).select({.where = equal("id", quiz.paper_id), .fields = {"id"}, .limit = 1}).empty();
  if (is_stored) return paper(uow, quiz.paper_id);
  auto fresh =
      std::make_shared<const QuizPaper>(QuizPaper{.id = quiz.paper_id,
                                                  .quiz_id = quiz.id,
                                                  .shuffle_questions = quiz.shuffle_questions,
                                                  .shuffle_options = quiz.shuffle_options,
                                                  .questions = in_order<Question>(uow, equal("quiz_id", quiz.id))});
  Repository<QuizPaper>(uow).insert(*fresh);
  return fresh;
}

void Quizzes::remember(const Paper& paper) {
  const std::lock_guard lock(papers_mutex_);
  if (papers_.contains(paper->id)) return;
  if (remembered_questions_ + paper->questions.size() > most_remembered_questions) {
    papers_.clear();
    remembered_questions_ = 0;
  }
  papers_.emplace(paper->id, paper);
  remembered_questions_ += paper->questions.size();
}

// --- attempts ---

/// Lets `use` work on the student's attempt in progress, or on a new one, and shows what comes of it. An attempt that
/// is found overdue is closed in a transaction of its own: if no other may follow, its end has to be committed all the
/// same.
template <class Use>
AttemptView Quizzes::sit(const Principal& who, QuizId quiz, Use&& use) {
  require_user(who);
  for (;;) {
    const auto sitting = storage_.write([&](UnitOfWork& uow) -> std::optional<Sitting> {
      Sitting current = begin(uow, who, quiz);
      if (is_overdue(current.attempt, clock_.now())) {
        close(uow, who, current, AttemptStatus::expired, *current.attempt.due_at);
        return std::nullopt;
      }
      use(uow, current);
      return current;
    });
    if (sitting) return shown_to_student(*sitting);
  }
}

/// The student's attempt in progress, overdue or not; otherwise a new one, if there may be one.
Quizzes::Sitting Quizzes::begin(UnitOfWork& uow, const Principal& who, QuizId id) {
  Quiz quiz = Repository<Quiz>(uow).get(id);
  Enrollment enrollment = enrollments_.require_active(uow, who, quiz.course_id);
  const Time now = clock_.now();
  const auto last = latest(uow, who.user(), id);
  const std::int64_t number = last ? last->number + 1 : 1;
  if (last && is_open(*last)) {
    Sitting open = own_sitting(uow, who, last->id);
    open.enrollment = std::move(enrollment);
    return open;
  }

  require_open(quiz, now);
  if (quiz.question_count == 0) throw conflict("quiz_empty", "The quiz has no questions yet.");
  if (quiz.max_attempts > 0 && number > quiz.max_attempts)
    throw conflict("no_attempts_left", "All " + std::to_string(quiz.max_attempts) + " attempts have been used.");
  Attempt attempt;
  attempt.id = AttemptId(random_.uuid(now));
  attempt.quiz_id = quiz.id;
  attempt.student_id = who.user();
  attempt.enrollment_id = enrollment.id;
  attempt.number = number;
  attempt.started_at = now;
  attempt.due_at = due_at(quiz, now);
  const Paper asked = current_paper(uow, quiz);
  attempt.paper_id = asked->id;
  attempt.max_score = max_score(*asked);
  events_.emit(uow, events::quiz_attempt_started, who, event_data(quiz, attempt));
  return {std::move(quiz), asked, std::move(attempt), false, std::move(enrollment)};
}

AttemptView Quizzes::start(const Principal& who, QuizId quiz) {
  return sit(who, quiz, [](UnitOfWork& uow, Sitting& sitting) {
    if (!sitting.stored) Repository<Attempt>(uow).insert(sitting.attempt);
  });
}

AttemptView Quizzes::attempt(const Principal& who, QuizId quiz, const std::vector<Answer>& answers) {
  return sit(who, quiz, [&](UnitOfWork& uow, Sitting& sitting) {
    merge_answers(*sitting.paper, sitting.attempt.answers, answers);
    close(uow, who, sitting, AttemptStatus::submitted, clock_.now());
  });
}

Quizzes::Sitting Quizzes::sitting_of(UnitOfWork& uow, Attempt attempt) {
  Quiz quiz = Repository<Quiz>(uow).get(attempt.quiz_id);
  Paper asked = paper(uow, attempt.paper_id);
  if (!asked) throw internal("the paper of an attempt is missing");
  return {std::move(quiz), std::move(asked), std::move(attempt), true, std::nullopt};
}

Quizzes::Sitting Quizzes::own_sitting(UnitOfWork& uow, const Principal& who, AttemptId id) {
  Attempt attempt = Repository<Attempt>(uow).get(id);
  if (!who.is(attempt.student_id)) throw not_found("attempt_not_found", "Attempt not found.");
  return sitting_of(uow, std::move(attempt));
}

AttemptView Quizzes::save(const Principal& who, AttemptId id, const std::vector<Answer>& answers) {
  require_user(who);
  return shown_to_student(storage_.write([&](UnitOfWork& uow) {
    Sitting sitting = own_sitting(uow, who, id);
    if (!is_open(sitting.attempt)) throw conflict("attempt_closed", "The attempt has been graded.");
    if (sitting.attempt.due_at && clock_.now() > *sitting.attempt.due_at)
      throw conflict("attempt_overdue", "The time of the attempt is over.");
    merge_answers(*sitting.paper, sitting.attempt.answers, answers);
    Repository<Attempt>(uow).update(sitting.attempt);
    return sitting;
  }));
}

AttemptView Quizzes::submit(const Principal& who, AttemptId id, const std::vector<Answer>& answers) {
  require_user(who);
  return shown_to_student(storage_.write([&](UnitOfWork& uow) {
    Sitting sitting = own_sitting(uow, who, id);
    const Time now = clock_.now();
    if (!is_open(sitting.attempt)) return sitting;
    if (is_overdue(sitting.attempt, now)) {
      close(uow, who, sitting, AttemptStatus::expired, *sitting.attempt.due_at);
      return sitting;
    }
    merge_answers(*sitting.paper, sitting.attempt.answers, answers);
    close(uow, who, sitting, AttemptStatus::submitted, now);
    return sitting;
  }));
}

/// Grades the attempt and stores it with all that follows from it.
void Quizzes::close(UnitOfWork& uow, const Principal& who, Sitting& sitting, AttemptStatus status, Time at) {
  Attempt& attempt = sitting.attempt;
  attempt.status = status;
  attempt.submitted_at = at;
  grade(*sitting.paper, attempt, sitting.quiz.pass_percent);
  Repository<Attempt> attempts(uow);
  if (sitting.stored)
    attempts.update(attempt);
  else
    attempts.insert(attempt);
  sitting.stored = true;
  events_.emit(uow, events::quiz_attempt_submitted, who, event_data(sitting.quiz, attempt));

  if (!*attempt.passed || !sitting.quiz.lesson_id) return;
  if (!sitting.enrollment) sitting.enrollment = Repository<Enrollment>(uow).get(attempt.enrollment_id);
  const bool in_course = sitting.enrollment->status == EnrollmentStatus::active ||
                         sitting.enrollment->status == EnrollmentStatus::completed;
  if (in_course)
    enrollments_.complete_lesson(uow, who, *sitting.enrollment, Repository<Lesson>(uow).get(*sitting.quiz.lesson_id));
}

AttemptView Quizzes::shown_to_student(const Sitting& sitting) {
  remember(sitting.paper);
  return view_of(*sitting.paper, sitting.attempt, reveals_key(sitting.quiz, sitting.attempt));
}

AttemptView Quizzes::review(const Principal& who, AttemptId id) {
  require_user(who);
  const Sitting sitting = storage_.read([&](UnitOfWork& uow) {
    Sitting found = sitting_of(uow, Repository<Attempt>(uow).get(id));
    if (!who.is(found.attempt.student_id) && !manages(who, Repository<Course>(uow).get(found.quiz.course_id)))
      throw not_found("attempt_not_found", "Attempt not found.");
    return found;
  });
  if (who.is(sitting.attempt.student_id)) return shown_to_student(sitting);
  return view_of(*sitting.paper, sitting.attempt, true);
}

Page<AttemptOverview> Quizzes::attempts(const Principal& who, QuizId id, const AttemptFilter& filter) {
  require_user(who);
  return storage_.read([&](UnitOfWork& uow) {
    const Quiz quiz = Repository<Quiz>(uow).get(id);
    std::vector<Condition> conditions{equal("quiz_id", id)};
    if (!manages(who, courses_.visible(uow, who, quiz.course_id)))
      conditions.push_back(equal("student_id", who.user()));
    if (filter.student_id) conditions.push_back(equal("student_id", *filter.student_id));
    if (filter.status) conditions.push_back(equal("status", *filter.status));
    auto found = select_page<Attempt>(uow, all_of(std::move(conditions)), {descending("started_at")}, filter.page);

    std::vector<UserId> student_ids;
    for (const Attempt& attempt : found.items) student_ids.push_back(attempt.student_id);
    const auto names = names_of_users(uow, student_ids);
    Page<AttemptOverview> page{{}, found.page, found.page_size, found.total, found.total_is_more};
    for (Attempt& attempt : found.items) {
      const std::string& name = names.at(attempt.student_id);
      page.items.push_back({std::move(attempt), name});
    }
    return page;
  });
}

/// Gives attempts in progress the end that the quiz has now. One that would have ended already ends now, or when its
/// time was over before.
void Quizzes::move_deadlines(UnitOfWork& uow, const Quiz& quiz) const {
  const Time now = clock_.now();
  Repository<Attempt> attempts(uow);
  const auto open =
      attempts.select({.where = all_of({equal("quiz_id", quiz.id), equal("status", AttemptStatus::in_progress)}),
                       .fields = {"id", "started_at", "due_at"}});
  std::map<std::optional<Time>, std::vector<AttemptId>> moved;
  for (const Attempt& attempt : open) {
    std::optional<Time> due = due_at(quiz, attempt.started_at);
    if (due && *due < now) due = attempt.due_at ? std::min(*attempt.due_at, now) : now;
    if (due != attempt.due_at) moved[due].push_back(attempt.id);
  }
  for (const auto& [due, ids] : moved) attempts.update_all(in("id", ids), {set("due_at", due)});
}

std::size_t Quizzes::close_overdue() {
  constexpr std::size_t batch = 100;
  std::vector<AttemptId> stuck;
  std::string fault;
  const auto overdue = [&] {
    return all_of({equal("status", AttemptStatus::in_progress), less("due_at", clock_.now() - grace)});
  };
  const auto close_all = [&](const std::vector<AttemptId>& ids) {
    return storage_.write([&](UnitOfWork& uow) {
      auto attempts = Repository<Attempt>(uow).select(
          {.where = all_of({in("id", ids), overdue()}), .order = {ascending("due_at")}, .lock = Lock::skip_locked});
      for (Attempt& attempt : attempts) {
        Sitting sitting = sitting_of(uow, std::move(attempt));
        close(uow, Principal::system(), sitting, AttemptStatus::expired, *sitting.attempt.due_at);
      }
      return attempts.size();
    });
  };
  std::size_t closed = 0;
  for (;;) {
    const std::vector<AttemptId> ids = storage_.read([&](UnitOfWork& uow) {
      const auto found = Repository<Attempt>(uow).select({.where = all_of({overdue(), none_of({in("id", stuck)})}),
                                                          .order = {ascending("due_at")},
                                                          .fields = {"id"},
                                                          .limit = batch});
      std::vector<AttemptId> some;
      for (const Attempt& attempt : found) some.push_back(attempt.id);
      return some;
    });
    const std::size_t before = closed + stuck.size();
    try {
      closed += close_all(ids);
    } catch (const std::exception&) {
      // One that cannot be closed must not keep the others: each by itself.
      for (const AttemptId id : ids) try {
          closed += close_all({id});
        } catch (const std::exception& error) {
          stuck.push_back(id);
          fault = "attempt " + id.text() + ": " + error.what();
        }
    }
    const bool none_left = ids.size() < batch;
    const bool no_progress = closed + stuck.size() == before;  // others are at them
    if (none_left || no_progress || stuck.size() >= batch) break;
  }
  if (!stuck.empty()) throw internal(std::to_string(stuck.size()) + " overdue attempts could not be closed; " + fault);
  return closed;
}

}  // namespace lms
