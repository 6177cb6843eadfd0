#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <lms/lms.hpp>

#include "commands.hpp"
#include "demo/answers.hpp"
#include "demo/courses.hpp"
#include "demo/history_clock.hpp"
#include "demo/large_school.hpp"
#include "demo/people.hpp"
#include "failure.hpp"
#include "setup.hpp"
#include "text_file.hpp"

namespace lms::server {

namespace {

using namespace std::chrono_literals;
using demo::answers_worth;
using demo::HistoryClock;
using demo::Student;
using demo::Study;
using demo::total_of;

const std::string password = "learn-by-doing";
constexpr auto history = std::chrono::days{42};  // how long ago the demo school opened

/// What people will do, each at a time.
class Timeline {
 public:
  void at(Time when, std::function<void()> what) { steps_.push_back({when, std::move(what)}); }

  /// Does it all in order, as far as it lies before `end`.
  void play(HistoryClock& clock, Time end) {
    std::stable_sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) { return a.when < b.when; });
    const auto last = std::find_if(steps_.begin(), steps_.end(), [&](const Step& step) { return step.when >= end; });
    const auto count = last - steps_.begin();
    for (auto step = steps_.begin(); step != last; ++step) {
      clock.set(step->when);
      step->what();
      const auto done = step - steps_.begin() + 1;
      if (done % 50 == 0 || done == count) say("  " + std::to_string(done) + " of " + std::to_string(count) + " steps");
    }
  }

 private:
  struct Step {
    Time when;
    std::function<void()> what;
  };
  std::vector<Step> steps_;
};

class DemoSchool {
 public:
  DemoSchool(Lms& school, HistoryClock& clock) : school_(school), clock_(clock) {}

  void make(Time now) {
    clock_.set(now - history);
    say("Making accounts");
    const auto staff = make_accounts(demo::staff());
    const auto students = make_accounts(demo::accounts_of(demo::students()));
    clock_.set(now - history + 2h);
    for (const EmbeddedFile& file : demo_courses::files()) open_course(staff, file);
    say("Sending " + std::to_string(students.size()) + " students through them");
    const auto plans = demo::students();
    for (std::size_t i = 0; i < plans.size(); ++i)
      for (const Study& study : plans[i].studies) plan(principal(students[i]), i, study, now - history);
    timeline_.play(clock_, now);
    clock_.set(now);
  }

  /// Its people, a line each, and how far they are.
  std::string roll() {
    std::string lines;
    for (const auto& account : demo::staff()) lines += line(account.role.value_or(""), account.email, "");
    for (const Student& student : demo::students()) {
      const auto user = school_.users().find_by_email(Principal::system(), student.email);
      EnrollmentFilter filter;
      filter.student_id = user->id;
      std::string state;
      for (const EnrollmentView& view : school_.enrollments().list(Principal::system(), filter).items) {
        const bool dropped = view.enrollment.status == EnrollmentStatus::dropped;
        state += (state.empty() ? "" : ", ") + view.course_slug + " " +
                 (dropped ? "dropped" : std::to_string(view.progress_percent) + "%");
      }
      lines += line("student", student.email, state.empty() ? "not enrolled" : state);
    }
    return lines;
  }

 private:
  struct Ready {
    Course course;
    std::vector<LessonSummary> outline;
    std::vector<Quiz> quizzes;
  };

  static std::string line(std::string role, std::string email, const std::string& state) {
    role.resize(11, ' ');
    if (!state.empty()) email.resize(32, ' ');
    return "  " + role + email + state + "\n";
  }

  std::vector<User> make_accounts(const std::vector<NewUser>& accounts) {
    return school_.users().create_many(Principal::system(), accounts, password);
  }

  Principal principal(const User& user) const { return {user.id, user.role, roles_}; }

  void open_course(const std::vector<User>& staff, const EmbeddedFile& file) {
    const Value package = parse_json(file.bytes);
    const auto teacher = std::find_if(staff.begin(), staff.end(), [&](const User& user) {
      return user.email == demo::instructor_of(package["course"]["slug"].as_string());
    });
    const Principal who = principal(*teacher);
    const CourseId id = school_.packages().import_package(who, package).id;
    Course course = school_.courses().publish(who, id);
    say("Opening " + course.title);
    courses_.push_back({course, school_.courses().outline(who, course.slug), school_.quizzes().list(who, course.slug)});
  }

  void plan(const Principal& who, std::size_t number, const Study& study, Time opening) {
    const auto course = std::find_if(courses_.begin(), courses_.end(),
                                     [&](const Ready& ready) { return ready.course.slug == study.course; });
    const CourseId course_id = course->course.id;
    Time when = opening + std::chrono::days(study.start_day) + std::chrono::minutes(540 + 37 * number);
    timeline_.at(when, [this, who, course_id] { school_.enrollments().enroll(who, {.course_id = course_id}); });

    bool stumbles = study.stumbles;
    for (std::size_t i = 0; i < course->outline.size() && i <= study.lessons; ++i) {
      const LessonSummary& lesson = course->outline[i];
      when += std::chrono::minutes(180 + (number * 311 + i * 173) % 900);
      if (lesson.kind == LessonKind::quiz) {
        const QuizId quiz = quiz_of(*course, lesson.id);
        if (i < study.lessons && stumbles) {
          take(who, quiz, when, 0.4);
          when += 40min;
        }
        // Who has come this far but not further is stuck at the quiz.
        take(who, quiz, when, i < study.lessons ? 1.0 - 0.15 * static_cast<double>(number % 2) : 0.5);
        stumbles = false;
      } else {
        const std::int64_t percent = i < study.lessons ? 100 : 40;
        timeline_.at(when, [this, who, lesson, percent] {
          school_.enrollments().report(who, lesson.id,
                                       {.progress_percent = percent,
                                        .time_spent_seconds = lesson.duration_minutes * 60 * percent / 100,
                                        .completed = percent == 100});
        });
      }
    }
    if (study.drops) timeline_.at(when + 24h, [this, who, course_id] { drop(who, course_id); });
  }

  static QuizId quiz_of(const Ready& ready, LessonId lesson) {
    return std::find_if(ready.quizzes.begin(), ready.quizzes.end(),
                        [&](const Quiz& quiz) { return quiz.lesson_id == lesson; })
        ->id;
  }

  /// An attempt in which `share` of all points is reached, or a little less.
  void take(const Principal& who, QuizId quiz, Time when, double share) {
    timeline_.at(when, [this, who, quiz] { school_.quizzes().start(who, quiz); });
    timeline_.at(when + 6min, [this, who, quiz, share] {
      const auto questions = school_.quizzes().questions(Principal::system(), quiz);
      const AttemptId attempt = school_.quizzes().start(who, quiz).attempt.id;
      school_.quizzes().submit(who, attempt, answers_worth(questions, share * total_of(questions)));
    });
  }

  void drop(const Principal& who, CourseId course) {
    EnrollmentFilter filter;
    filter.course_id = course;
    filter.student_id = who.user();
    school_.enrollments().drop(who, school_.enrollments().list(who, filter).items.at(0).enrollment.id);
  }

  Lms& school_;
  HistoryClock& clock_;
  std::shared_ptr<const Roles> roles_ = std::make_shared<const Roles>();
  std::vector<Ready> courses_;
  Timeline timeline_;
};

void remove_database(const std::string& path) {
  std::error_code ignored;
  for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(path + ending, ignored);
}

/// Makes the school and returns what to say of it.
using Make = std::function<std::string(Lms&, HistoryClock&, Time now)>;

std::string fill(Settings settings, const std::string& path, const Make& make) {
  settings.database_url = "sqlite:///" + path;
  settings.admin_email.clear();
  settings.admin_password.clear();
  Backends backends = open_backends(settings, Purpose::command);
  const Time now = backends.clock->now();
  const auto clock = std::make_shared<HistoryClock>(now);
  backends.clock = clock;
  Lms school(settings, std::move(backends));
  if (school.users().list(Principal::system(), {}).total > 0)
    throw Failure(ExitCode::failure, path +
                                         " has accounts already, and a demo school is made in an empty database only; "
                                         "name another one, for example --database sqlite:///demo.db");
  return make(school, *clock, now);
}

/// A new database comes into being under another name, so that a demo school is there whole or not at all.
std::string fill_new(const Settings& settings, const std::string& path, const Make& make) {
  const std::string part = path + ".part";
  remove_database(part);
  try {
    std::string said = fill(settings, part, make);
    std::filesystem::rename(part, path);
    return said;
  } catch (const std::exception&) {
    remove_database(part);
    throw;
  }
}

std::string make_written_school(Lms& school, HistoryClock& clock, Time now) {
  DemoSchool demo(school, clock);
  demo.make(now);
  return demo.roll();
}

/// Runs what touches files of an export.
template <class Operation>
auto naming_failures(const std::string& folder, Operation&& operation) {
  try {
    return operation();
  } catch (const std::system_error& error) {
    throw Failure(ExitCode::cannot_create, "cannot write the export in " + folder + ": " + error.code().message());
  }
}

void write_export(const demo::SchoolExport& texts, const std::string& folder) {
  naming_failures(folder, [&] {
    const std::filesystem::path place(folder);
    write_text_file(place / "users.txt", texts.users, Readers::owner);  // with passwords
    write_text_file(place / "courses.txt", texts.courses);
    write_text_file(place / "courses_open.txt", texts.courses_open);
    write_text_file(place / "lessons.txt", texts.lessons);
    write_text_file(place / "quizzes.txt", texts.quizzes);
  });
}

std::string make_large_school(const DemoOptions& options, Lms& school, HistoryClock& clock, Time now) {
  demo::SchoolSize size;
  size.users = options.users.value_or(size.users);
  size.courses = options.courses.value_or(size.courses);
  size.lessons = options.lessons.value_or(size.lessons);
  size.questions = options.questions.value_or(size.questions);
  size.enrollments = options.enrollments.value_or(size.enrollments);
  const auto texts = demo::make_large_school(school, clock, size, password, now - history, now);
  std::string said = "  admin       admin@example.org\n  student     student000001@example.org, and so on\n";
  if (options.export_folder) {
    write_export(texts, *options.export_folder);
    said += "\nThe accounts, and the ids of courses, lessons and quizzes, are in " + *options.export_folder + ".\n";
  }
  return said;
}

void print_what_to_try(const CommonOptions& common, const Settings& settings, const std::string& student) {
  const std::string api = address_of(settings, settings.port) + settings.api_prefix;
  const std::string database = common.database ? " --database " + *common.database : "";
  std::printf(
      "\nServe it with `lms-server serve%s`, and then try:\n\n"
      "  curl -s %s/courses | jq -r '.items[].title'\n"
      "  token=$(curl -s %s/auth/login -H 'Content-Type: application/json' \\\n"
      "    -d '{\"email\": \"%s\", \"password\": \"%s\"}' | jq -r .access_token)\n"
      "  curl -s %s/enrollments -H \"Authorization: Bearer $token\" | jq\n",
      database.c_str(), api.c_str(), api.c_str(), student.c_str(), password.c_str(), api.c_str());
}

}  // namespace

void make_demo(const CommonOptions& common, const DemoOptions& options) {
  const Settings settings = read_settings(common).settings;
  if (settings.environment == Environment::production)
    throw Failure(ExitCode::bad_settings,
                  "The accounts of a demo school share a password that everybody knows, so there "
                  "is none where ENVIRONMENT is production.");
  const DatabaseUrl url = parse_database_url(settings.database_url);
  if (url.path.empty())
    throw Failure(ExitCode::usage,
                  "A demo school is made in a file; name one, for example --database sqlite:///demo.db");
  if (options.export_folder)
    naming_failures(*options.export_folder, [&] { std::filesystem::create_directories(*options.export_folder); });
  const Make make_large = [&](Lms& school, HistoryClock& clock, Time now) {
    return make_large_school(options, school, clock, now);
  };
  const Make make = options.large() ? make_large : Make(make_written_school);
  const std::string said =
      std::filesystem::exists(url.path) ? fill(settings, url.path, make) : fill_new(settings, url.path, make);
  std::printf("The demo school is in %s. Everybody's password is %s.\n\n%s", url.path.c_str(), password.c_str(),
              said.c_str());
  print_what_to_try(common, settings, options.large() ? "student000001@example.org" : demo::students().front().email);
}

}  // namespace lms::server
