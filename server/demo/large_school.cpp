#include "demo/large_school.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include <lms/repository.hpp>

#include "demo/answers.hpp"
#include "setup.hpp"

namespace lms::server::demo {

namespace {

using namespace std::chrono_literals;

/// Rows of one transaction: enough to share its price, few enough to be done in a fraction of what a storage allows it.
constexpr std::size_t batch_size = 1'000;
constexpr std::int64_t courses_of_an_instructor = 50;

constexpr std::array<std::string_view, 16> first_names = {"Amina", "Lukas", "Sofía",  "Wei",  "Priya", "Yusuf",
                                                          "Emma",  "Hana",  "Mateus", "Omar", "Noor",  "Chiara",
                                                          "Jan",   "Leila", "Tomáš",  "Kofi"};
constexpr std::array<std::string_view, 13> last_names = {"Okafor", "Weber",  "Ramírez", "Chen",  "Nair",
                                                         "Demir",  "Sato",   "Haddad",  "Rossi", "Novák",
                                                         "Mensah", "Rahman", "Laurent"};
constexpr std::array<std::string_view, 8> subjects = {"Statistics", "Botany",  "Bookkeeping", "Astronomy",
                                                      "Rhetoric",   "Geology", "Carpentry",   "Typography"};
constexpr std::array<std::string_view, 4> aspects = {"from the ground up", "in practice", "for the curious",
                                                     "in twenty evenings"};

template <std::size_t N>
std::string_view pick(const std::array<std::string_view, N>& list, std::int64_t number) {
  return list[static_cast<std::size_t>(number) % N];
}

/// `0042`, so that names sort as they were made.
std::string padded(std::int64_t number, std::size_t width) {
  const std::string digits = std::to_string(number);
  return std::string(width - std::min(width, digits.size()), '0') + digits;
}

/// Collects rows and stores many in one transaction.
template <HasSchema T>
class Batch {
 public:
  explicit Batch(Storage& storage) : storage_(storage) { rows_.reserve(batch_size); }

  void add(T row) {
    rows_.push_back(std::move(row));
    if (rows_.size() == batch_size) store();
  }
  void store() {
    storage_.write([&](UnitOfWork& uow) { Repository<T>(uow).insert_many(rows_); });
    rows_.clear();
  }

 private:
  Storage& storage_;
  std::vector<T> rows_;
};

/// Says now and then how far something is.
class Progress {
 public:
  Progress(std::int64_t total, std::string things) : total_(total), things_(std::move(things)) {}

  void done(std::int64_t count = 1) {
    const std::int64_t before = done_;
    done_ += count;
    if (done_ == total_ || done_ * 10 / total_ > before * 10 / total_)
      say("  " + std::to_string(done_) + " of " + std::to_string(total_) + " " + things_);
  }

 private:
  std::int64_t total_;
  std::int64_t done_ = 0;
  std::string things_;
};

std::string lesson_text(std::string_view subject, std::int64_t number) {
  std::string text = "## What this is about\n\nStep " + std::to_string(number) + " of *" + std::string(subject) +
                     "* takes up where the last one ended.\n\n";
  for (int paragraph = 1; paragraph <= 4; ++paragraph)
    text +=
        "A question comes first, then an example that can be done by hand, then the **rule** that it follows. "
        "Whoever has done the example knows the rule already; the text only gives it a name.\n\n";
  return text + "- Read the example.\n- Do it with numbers of your own.\n- Say the rule aloud.\n";
}

/// The kinds of question take turns.
Question make_question(Random& random, Time now, QuizId quiz, std::int64_t position) {
  Question question;
  question.id = QuestionId(random.uuid(now));
  question.quiz_id = quiz;
  question.position = position;
  question.explanation = "The lesson before has the rule.";
  const auto option = [&](std::string text, bool correct) {
    question.options.push_back({random.token(6), std::move(text), correct});
  };
  const std::string number = std::to_string(position);
  switch (position % 5) {
    case 1:
      question.kind = QuestionKind::single_choice;
      question.text = "Which of these is " + number + "?";
      for (std::int64_t i = 0; i < 4; ++i) option(std::to_string(position + i), i == 0);
      break;
    case 2:
      question.kind = QuestionKind::multiple_choice;
      question.text = "Which of these are less than " + number + "?";
      for (std::int64_t i = -2; i < 2; ++i) option(std::to_string(position + i), i < 0);
      break;
    case 3:
      question.kind = QuestionKind::true_false;
      question.text = "Is " + number + " more than nothing?";
      question.answer = true;
      break;
    case 4:
      question.kind = QuestionKind::numeric;
      question.text = "How much is " + number + " and a half, within a tenth?";
      question.answer = static_cast<double>(position) + 0.5;
      question.tolerance = 0.1;
      break;
    default:
      question.kind = QuestionKind::short_answer;
      question.text = "What is the number " + number + " in digits?";
      question.accepted = {number};
  }
  return question;
}

class LargeSchool {
 public:
  LargeSchool(Lms& school, HistoryClock& clock, const SchoolSize& size, Time opening, Time now)
      : storage_(school.storage()), school_(school), clock_(clock), size_(size), opening_(opening), now_(now) {
    const std::int64_t instructors =
        std::clamp<std::int64_t>(size.courses / courses_of_an_instructor, 1, (size.users - 1) / 2);
    staff_count_ = 1 + instructors;
    student_count_ = size.users - staff_count_;
    const std::int64_t half = size.courses / 2;
    enrollment_count_ = student_count_ * half;
    if (enrollment_count_ > size.enrollments) enrollment_count_ = std::max(size.enrollments, student_count_);
    courses_of_all_ = enrollment_count_ / student_count_;
    first_in_one_more_ = enrollment_count_ % student_count_;
  }

  SchoolExport make(const std::string& password) {
    clock_.set(opening_);
    say("Making " + std::to_string(size_.users) + " accounts");
    make_staff(password);
    make_students(password);
    say("Making " + std::to_string(size_.courses) + " courses");
    make_courses();
    say("Enrolling " + std::to_string(student_count_) + " students");
    enroll();
    clock_.set(now_);
    return std::move(export_);
  }

 private:
  static std::string account_line(const User& user, const std::string& password) {
    return user.email + '\t' + password + '\t' + user.id.text() + '\t' + user.role + '\n';
  }

  void make_staff(const std::string& password) {
    std::vector<NewUser> accounts{{"admin@example.org", "", "Mirela Ionescu", std::string(role::admin)}};
    for (std::int64_t i = 1; i < staff_count_; ++i)
      accounts.push_back(
          {"instructor" + padded(i, 4) + "@example.org", "", name(i + 5), std::string(role::instructor)});
    staff_ = school_.users().create_many(Principal::system(), accounts, password);
  }

  /// They come evenly over the time since the school opened.
  Time arrival(std::int64_t student) const { return opening_ + (now_ - opening_) * student / student_count_; }

  static std::string name(std::int64_t number) {
    return std::string(pick(first_names, number)) + ' ' + std::string(pick(last_names, number));
  }

  void make_students(const std::string& password) {
    Batch<User> users(storage_);
    Progress progress(student_count_, "students");
    students_.reserve(static_cast<std::size_t>(student_count_));
    for (std::int64_t i = 0; i < student_count_; ++i) {
      clock_.set(arrival(i));
      const std::string email = "student" + padded(i + 1, 6) + "@example.org";
      User student = school_.users().make({email, "", name(i), std::nullopt}, staff_.front().password_hash);
      students_.push_back(student.id);
      export_.users += account_line(student, password);
      users.add(std::move(student));
      progress.done();
    }
    users.store();
    for (const User& user : staff_) export_.users += account_line(user, password);
  }

  std::int64_t students_in(std::int64_t course) const {
    return course < courses_of_all_ ? student_count_ : course == courses_of_all_ ? first_in_one_more_ : 0;
  }

  void make_courses() {
    Progress progress(size_.courses, "courses");
    for (std::int64_t i = 0; i < size_.courses; ++i) {
      make_course(i);
      progress.done();
    }
  }

  /// A published course of text lessons, and a quiz that stands by itself.
  void make_course(std::int64_t number) {
    Random& random = school_.random();
    const Time made = opening_ + std::chrono::minutes(number);
    Course course;
    course.id = CourseId(random.uuid(made));
    course.slug = "course-" + padded(number + 1, 5);
    course.title = std::string(pick(subjects, number)) + ' ' + std::string(pick(aspects, number / 8)) + ", part " +
                   std::to_string(number + 1);
    course.summary = "Step by step, each with an example.";
    course.description = "For everybody who has time in the evening.\n\n" + lesson_text(course.title, 0);
    course.category = "science";
    course.tags = {"evening", "beginners"};
    course.instructor_id = staff_[static_cast<std::size_t>(1 + number % (staff_count_ - 1))].id;
    course.status = CourseStatus::published;
    course.lesson_count = size_.lessons;
    course.enrolled_count = students_in(number);
    course.version = 2;  // made, then published
    course.created_at = made;
    course.updated_at = made;
    course.published_at = made;

    std::vector<Lesson> lessons;
    for (std::int64_t position = 1; position <= size_.lessons; ++position) {
      Lesson lesson;
      lesson.id = LessonId(random.uuid(made));
      lesson.course_id = course.id;
      lesson.title = "Step " + std::to_string(position);
      lesson.content = lesson_text(course.title, position);
      lesson.duration_minutes = 10 + position % 20;
      lesson.preview = position == 1;
      lesson.position = position;
      lesson.created_at = lesson.updated_at = made;
      lessons.push_back(std::move(lesson));
    }

    Quiz quiz;
    quiz.id = QuizId(random.uuid(made));
    quiz.course_id = course.id;
    quiz.title = "Check yourself";
    quiz.paper_id = QuizPaperId(random.uuid(made));
    quiz.question_count = size_.questions;
    quiz.created_at = quiz.updated_at = made;
    std::vector<Question> questions;
    for (std::int64_t position = 1; position <= size_.questions; ++position)
      questions.push_back(make_question(random, made, quiz.id, position));

    storage_.write([&](UnitOfWork& uow) {
      Repository<Course>(uow).insert(course);
      Repository<Lesson>(uow).insert_many(lessons);
      Repository<Quiz>(uow).insert(quiz);
      Repository<Question>(uow).insert_many(questions);
    });

    export_.courses += course.id.text() + '\n';
    if (number >= size_.courses / 2) export_.courses_open += course.id.text() + '\n';
    if (number < courses_of_all_) {
      for (const Lesson& lesson : lessons) export_.lessons += lesson.id.text() + '\n';
      const AnswerSheet sheet{answers_worth(questions, total_of(questions))};
      export_.quizzes += quiz.id.text() + '\t' + to_json(to_wire(sheet)) + '\n';
    }
    if (students_in(number) > 0) taken_.push_back(course.id);
  }

  void enroll() {
    Batch<Enrollment> enrollments(storage_);
    Progress progress(enrollment_count_, "enrolments");
    for (std::int64_t student = 0; student < student_count_; ++student) {
      const auto courses = static_cast<std::size_t>(courses_of_all_ + (student < first_in_one_more_ ? 1 : 0));
      Time when = arrival(student);
      for (std::size_t i = 0; i < courses; ++i) {
        Enrollment enrollment;
        enrollment.id = EnrollmentId(school_.random().uuid(when));
        enrollment.student_id = students_[static_cast<std::size_t>(student)];
        enrollment.course_id = taken_[i];
        enrollment.enrolled_at = enrollment.last_activity_at = when;
        enrollments.add(std::move(enrollment));
        progress.done();
        when += 1s;
      }
    }
    enrollments.store();
  }

  Storage& storage_;
  Lms& school_;
  HistoryClock& clock_;
  SchoolSize size_;
  Time opening_;
  Time now_;

  std::int64_t staff_count_ = 0;
  std::int64_t student_count_ = 0;
  std::int64_t enrollment_count_ = 0;
  std::int64_t courses_of_all_ = 0;     ///< so many of the first courses have every student
  std::int64_t first_in_one_more_ = 0;  ///< so many of the first students are in the next course, too

  std::vector<User> staff_;
  std::vector<UserId> students_;
  std::vector<CourseId> taken_;  ///< courses that have students
  SchoolExport export_;
};

}  // namespace

SchoolExport make_large_school(Lms& school, HistoryClock& clock, const SchoolSize& size, const std::string& password,
                               Time opening, Time now) {
  return LargeSchool(school, clock, size, opening, now).make(password);
}

}  // namespace lms::server::demo
