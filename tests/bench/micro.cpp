// The pieces of a request one by one. Google Benchmark's options apply; the databases are made in the working folder.
// Times are those of the whole process, with the thread that writes the log.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <lms/backends/log.hpp>
#include <lms/backends/memory.hpp>
#include <lms/backends/sqlite.hpp>
#include <lms/lms.hpp>

#include "auth/verified_tokens.hpp"
#include "http/answer_cache.hpp"

namespace {

using namespace lms;
using benchmark::State;

constexpr std::int64_t lesson_count = 20;
constexpr std::int64_t question_count = 10;

std::unique_ptr<Storage> open_sqlite(const std::string& path) {
  for (const char* ending : {"", "-wal", "-shm"}) std::filesystem::remove(path + ending);
  return open_sqlite_storage({.path = path});
}

/// A school on SQLite with one course, and a log that goes nowhere but is written.
struct Campus {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> nowhere{std::fopen("/dev/null", "w"), &std::fclose};
  Lms school{settings(), {.storage = open_sqlite("micro.db"), .log = open_log({.stream = nowhere.get()})}};
  Course course;
  std::vector<Question> questions;
  std::string token;

  Campus() {
    const Principal office = Principal::system();
    const std::string password = "correct horse battery";
    const User teacher = school.users().create(office, {"ines@example.org", password, "Inés Prado", "instructor"});
    const Principal ines(teacher.id, "instructor", std::make_shared<const Roles>());
    course = school.courses().create(ines, {.title = "Knots",
                                            .summary = "From the reef knot to the bowline.",
                                            .description = std::string(500, 'k'),
                                            .category = "outdoors",
                                            .tags = {"rope", "hands"}});
    for (std::int64_t i = 0; i < lesson_count; ++i)
      school.courses().add_lesson(ines, course.id, {.title = "Knot " + std::to_string(i), .duration_minutes = 10});
    course = school.courses().publish(ines, course.id);
    const Quiz quiz = school.quizzes().create(ines, course.id, {.title = "Did it hold?"});
    for (std::int64_t i = 0; i < question_count; ++i)
      questions.push_back(school.quizzes().add_question(
          ines, quiz.id,
          {.kind = QuestionKind::single_choice,
           .text = "Which one?",
           .options = {{.text = "Reef knot", .correct = true}, {.text = "Bowline"}, {.text = "Granny"}}}));
    school.auth().register_student({"ada@example.org", password, "Ada Byron"});
    token = std::get<Login>(school.auth().login({"ada@example.org", password})).tokens.access_token;
  }

  /// What a student sends to attempt the quiz.
  Value submission() const {
    Array answers;
    for (const Question& question : questions)
      answers.push_back(
          Object{{"question_id", question.id.text()}, {"selected", Array{Value(question.options.front().id)}}});
    return Object{{"answers", std::move(answers)}};
  }

  static Settings settings() {
    Settings settings;
    settings.argon2_memory_kib = 64;
    settings.argon2_iterations = 1;
    settings.rate_limit_requests = RateRule::most;  // counted, and never refused
    settings.rate_limit_auth_per_minute = RateRule::most;
    return settings;
  }
};

Campus& campus() {
  static Campus campus;
  return campus;
}

void check_token(State& state) {
  const Tokens& tokens = campus().school.auth().tokens();
  for (auto _ : state) {
    const TokenVerdict verdict = tokens.decode(campus().token, TokenType::access);
    if (!std::holds_alternative<TokenClaims>(verdict)) return state.SkipWithError("the token is refused");
  }
}

/// A token that was checked before, among those of a thousand others.
void recognize_token(State& state) {
  VerifiedTokens verified;
  const auto claims = std::get<TokenClaims>(campus().school.auth().tokens().decode(campus().token, TokenType::access));
  for (int i = 0; i < 1'000; ++i) verified.remember(campus().token + std::to_string(i), claims);
  verified.remember(campus().token, claims);
  const Time now = campus().school.clock().now();
  for (auto _ : state)
    if (!verified.find(campus().token, now)) return state.SkipWithError("the token is not known");
}

/// One of a thousand clients, under the rule of its address, as by default.
void check_rate_limit(State& state) {
  const auto limiter = open_memory_rate_limiter();
  const Time now = campus().school.clock().now();
  std::vector<std::string> clients;
  for (int i = 0; i < 1'000; ++i) clients.push_back("ip:192.0.2." + std::to_string(i));
  std::size_t next = 0;
  for (auto _ : state) {
    const std::vector<RateCheck> checks{{"default", clients[next++ % clients.size()], {.limit = RateRule::most}}};
    if (!limiter->decide(checks, now).allowed) return state.SkipWithError("the request is refused");
  }
}

/// Answers about a hundred courses, each made from five records and a table.
void find_kept_answer(State& state) {
  const Changes changes;
  AnswerCache answers(changes, 16UL * 1024 * 1024);
  const Time now = campus().school.clock().now();
  std::vector<std::string> targets;
  for (std::size_t i = 0; i < 100; ++i) {
    const std::string id = campus().school.random().uuid(now).text();
    std::vector<Dependency> shows{Dependency::on(Section::schema())};
    for (const char* part : {"", "1", "2", "3", "4"}) shows.push_back(Dependency::on(Course::schema(), id + part));
    targets.push_back("/api/v1/courses/" + id);
    answers.keep(targets.back(), {.headers = {{"Content-Type", "application/json"}},
                                  .body = std::string(2'000, 'k'),
                                  .shows = std::move(shows),
                                  .moment = changes.now(),
                                  .made = now,
                                  .expires = now + std::chrono::hours{1}});
  }
  std::size_t next = 0;
  for (auto _ : state)
    if (!answers.find(targets[next++ % targets.size()], now)) return state.SkipWithError("the answer was not kept");
}

/// What a commit costs those who are to learn of it: a transaction that has written four records.
void note_changes(State& state) {
  Changes changes;
  const std::string id = campus().course.id.text();
  for (auto _ : state) {
    Writes writes;
    for (const Schema* schema : {&LessonProgress::schema(), &Enrollment::schema(), &Event::schema(), &Course::schema()})
      writes.add(*schema, id);
    changes.note(writes);
  }
}

/// Whether one record has changed.
void ask_changes(State& state) {
  const Changes changes;
  const Dependency course = Dependency::on(Course::schema(), campus().course.id.text());
  for (auto _ : state) benchmark::DoNotOptimize(changes.since(changes.now(), course));
}

void parse_attempt(State& state) {
  const std::string text = to_json(campus().submission());
  for (auto _ : state) benchmark::DoNotOptimize(parse_json(text));
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}

void serialise_course(State& state) {
  const Value course = to_wire(campus().course);
  for (auto _ : state) benchmark::DoNotOptimize(to_json(course));
}

void validate_attempt(State& state) {
  const Value body = campus().submission();
  for (auto _ : state) benchmark::DoNotOptimize(parse<Submission>(body));
}

void show_course(State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(to_wire(campus().course));
}

void match_route(State& state) {
  const Router& router = campus().school.router();
  const std::string path = "/api/v1/courses/" + campus().course.id.text() + "/lessons";
  for (auto _ : state)
    if (!router.match(http::Method::get, path).route) return state.SkipWithError("there is no such route");
}

/// A hundred events in a transaction; the figure is that of one.
void append_events(State& state, Storage& storage) {
  constexpr int batch = 100;
  storage.migrate();
  SystemClock clock;
  SystemRandom random;
  Events events(storage, clock, random);
  const Course& course = campus().course;
  const CourseEvent data{course.id, course.slug, course.title, course.status, course.instructor_id};
  while (state.KeepRunningBatch(batch))
    storage.write([&](UnitOfWork& uow) {
      for (int i = 0; i < batch; ++i) events.emit(uow, events::course_updated, Principal::system(), data);
    });
}

void append_events_in_memory(State& state) {
  const auto storage = open_memory_storage();
  append_events(state, *storage);
}

void append_events_in_sqlite(State& state) {
  const auto storage = open_sqlite("micro-events.db");
  append_events(state, *storage);
}

void answer(State& state, const std::string& target, bool signed_in) {
  http::Headers headers{{"Host", "127.0.0.1:8000"}, {"User-Agent", "bench"}, {"Accept", "*/*"}};
  if (signed_in) headers.add("Authorization", "Bearer " + campus().token);
  for (auto _ : state) {
    http::Request request{.target = target, .headers = headers, .peer = "127.0.0.1"};
    const auto response = campus().school.try_handle(request);
    if (!response || response->status != 200) return state.SkipWithError("the answer is not 200");
  }
}

void answer_health(State& state) {
  answer(state, "/health", false);
}
void answer_course(State& state) {
  answer(state, "/api/v1/courses/" + campus().course.id.text(), false);
}
void answer_courses(State& state) {
  answer(state, "/api/v1/courses", false);
}
void answer_lessons(State& state) {
  answer(state, "/api/v1/courses/" + campus().course.id.text() + "/lessons", true);
}
void answer_me(State& state) {
  answer(state, "/api/v1/users/me", true);
}

}  // namespace

BENCHMARK(check_token)->MeasureProcessCPUTime();
BENCHMARK(recognize_token)->MeasureProcessCPUTime();
BENCHMARK(check_rate_limit)->MeasureProcessCPUTime();
BENCHMARK(find_kept_answer)->MeasureProcessCPUTime();
BENCHMARK(note_changes)->MeasureProcessCPUTime();
BENCHMARK(ask_changes)->MeasureProcessCPUTime();
BENCHMARK(parse_attempt)->MeasureProcessCPUTime();
BENCHMARK(serialise_course)->MeasureProcessCPUTime();
BENCHMARK(validate_attempt)->MeasureProcessCPUTime();
BENCHMARK(show_course)->MeasureProcessCPUTime();
BENCHMARK(match_route)->MeasureProcessCPUTime();
BENCHMARK(append_events_in_memory)->MeasureProcessCPUTime();
BENCHMARK(append_events_in_sqlite)->MeasureProcessCPUTime();
BENCHMARK(answer_health)->MeasureProcessCPUTime();
BENCHMARK(answer_me)->MeasureProcessCPUTime();
BENCHMARK(answer_course)->MeasureProcessCPUTime();
BENCHMARK(answer_courses)->MeasureProcessCPUTime();
BENCHMARK(answer_lessons)->MeasureProcessCPUTime();

BENCHMARK_MAIN();
