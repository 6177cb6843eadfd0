#include <doctest/doctest.h>

#include <algorithm>
#include <thread>
#include <utility>

#include <lms/backends/memory.hpp>
#include <lms/repository.hpp>
#include <lms/testing/run_twice_storage.hpp>

#include "support/one_commit_storage.hpp"
#include "support/school.hpp"

namespace {

using namespace lms;
using test::Answered;
using test::School;

Value option(const char* text, bool correct) {
  return Object{{"text", text}, {"correct", correct}};
}

// What is secret in these questions can be told from everything else by its text.
const Value single = Object{{"kind", "single_choice"},
                            {"text", "Which reads?"},
                            {"explanation", "secret-explanation"},
                            {"options", Array{option("SELECT", true), option("UPDATE", false), option("DROP", false)}}};
const Value multiple =
    Object{{"kind", "multiple_choice"},
           {"text", "Which change rows?"},
           {"points", 2},
           {"options", Array{option("INSERT", true), option("UPDATE", true), option("SELECT", false)}}};
const Value truth = Object{{"kind", "true_false"}, {"text", "NULL equals NULL."}, {"answer", false}};
const Value brief =
    Object{{"kind", "short_answer"}, {"text", "Largest first?"}, {"accepted", Array{"secret-déscending"}}};
const Value number = Object{{"kind", "numeric"}, {"text", "How many?"}, {"answer", 987654.25}, {"tolerance", 0.5}};

/// A published course with one quiz lesson, its quiz with five questions worth six points, and a student in it.
struct Class {
  explicit Class(const Object& quiz_settings = {}, std::shared_ptr<Storage> storage = nullptr)
      : school(settings(), std::move(storage)) {
    ines = school.signed_in("ines@example.org", role::instructor);
    ada = school.signed_in("ada@example.org");
    course = school.post("/courses", Object{{"title", "SQL"}}, ines).text("id");
    lesson =
        school.post("/courses/" + course + "/lessons", Object{{"title", "Check"}, {"kind", "quiz"}}, ines).text("id");
    Object settings = quiz_settings;
    settings.set("title", "Check");
    settings.set("lesson_id", lesson);
    quiz = school.post("/courses/" + course + "/quizzes", settings, ines).text("id");
    for (const Value& question : {single, multiple, truth, brief, number})
      questions.push_back(school.post("/quizzes/" + quiz + "/questions", question, ines).body);
    REQUIRE(school.post("/courses/" + course + "/publish", {}, ines).status == 200);
    REQUIRE(school.post("/enrollments", Object{{"course_id", course}}, ada).status == 201);
  }

  static Settings settings() {
    Settings settings = School::quick_settings();
    settings.access_token_lifetime = std::chrono::hours{100};
    settings.session_timeout = std::chrono::hours{0};
    return settings;
  }
  const std::string& id(std::size_t question) const { return questions.at(question)["id"].as_string(); }
  Value chosen(std::size_t question, std::initializer_list<std::size_t> options) const {
    Array ids;
    for (const std::size_t i : options) ids.push_back(questions.at(question)["options"].as_array().at(i)["id"]);
    return Object{{"question_id", id(question)}, {"selected", ids}};
  }
  Value said(std::size_t question, Value answer) const {
    return Object{{"question_id", id(question)}, {"answer", std::move(answer)}};
  }
  Value right() const {
    return answers({chosen(0, {0}), chosen(1, {0, 1}), said(2, false), said(3, " SECRET-descending"), said(4, 987654)});
  }
  Value wrong() const { return answers({chosen(0, {1}), chosen(1, {2}), said(2, true), said(3, "DESC"), said(4, 1)}); }
  static Value answers(Array all) { return Object{{"answers", std::move(all)}}; }

  Answered attempt(const Value& body = {}, std::string_view token = {}) {
    return school.post("/quizzes/" + quiz + "/attempts", body, token.empty() ? std::string_view(ada) : token);
  }
  Answered save(const std::string& attempt_id, const Value& body) {
    return school.put("/attempts/" + attempt_id + "/answers", body, ada);
  }
  Answered submit(const std::string& attempt_id, const Value& body = {}) {
    return school.post("/attempts/" + attempt_id + "/submit", body, ada);
  }

  School school;
  std::string ines, ada, course, lesson, quiz;
  std::vector<Value> questions;
};

std::vector<std::string> places(const Answered& answered) {
  std::vector<std::string> all;
  for (const Value& fault : answered.body["detail"].as_array()) {
    std::string text;
    for (const Value& step : fault["loc"].as_array())
      text += "/" + (step.is_string() ? step.as_string() : std::to_string(step.as_integer()));
    all.push_back(text);
  }
  return all;
}

using Places = std::vector<std::string>;

const Value* question_of(const Answered& attempt, const std::string& id) {
  for (const Value& question : attempt.body["questions"].as_array())
    if (question["question_id"] == Value(id)) return &question;
  return nullptr;
}

TEST_CASE("an attempt is made, graded and passed in one call, and completes its lesson and the course") {
  Class sql;
  testing::EventRecorder recorder(sql.school.lms.events());
  const auto attempt = sql.attempt(sql.right());
  REQUIRE(attempt.status == 201);
  CHECK(attempt.text("status") == "submitted");
  CHECK(attempt.body["score"].as_real() == 6);
  CHECK(attempt.body["max_score"].as_real() == 6);
  CHECK(attempt.body["percent"].as_real() == 100);
  CHECK(attempt.body["passed"] == Value(true));
  CHECK(*attempt.headers.find("Location") == "/api/v1/attempts/" + attempt.text("id"));
  CHECK(sql.school.get("/attempts/" + attempt.text("id"), sql.ada).body == attempt.body);
  CHECK(sql.school.get("/courses/sql", sql.ada).body["enrollment"]["status"] == Value("completed"));

  const auto events = recorder.take();
  std::vector<std::string> types;
  for (const Event& event : events) types.push_back(event.type);
  CHECK(types == std::vector<std::string>{"quiz_attempt.started", "quiz_attempt.submitted", "lesson.completed",
                                          "certificate.issued", "enrollment.completed"});
  CHECK(events[0].data["attempt_id"] == attempt.body["id"]);
  CHECK(events[0].data["status"] == Value("in_progress"));
  for (const char* unknown : {"score", "percent", "passed"}) CHECK(events[0].data[unknown].is_null());
  CHECK(events[1].data["attempt_id"] == attempt.body["id"]);
  CHECK(events[1].data["score"].as_real() == 6);
  CHECK(events[1].data["passed"] == Value(true));
}

TEST_CASE("a failed attempt completes nothing, and a later one may") {
  Class sql;
  const auto failed = sql.attempt(sql.wrong());
  CHECK(failed.body["passed"] == Value(false));
  CHECK(failed.body["score"].as_real() == 0);
  CHECK(sql.school.get("/courses/sql", sql.ada).body["enrollment"]["status"] == Value("active"));
  const auto passed = sql.attempt(sql.right());
  CHECK(passed.body["passed"] == Value(true));
  CHECK(passed.number("number") == 2);
  CHECK(sql.attempt(sql.wrong()).body["passed"] == Value(false));
  CHECK(sql.school.get("/courses/sql", sql.ada).body["enrollment"]["status"] == Value("completed"));
}

TEST_CASE("an attempt goes on where it was left, and is handed in once") {
  Class sql;
  testing::EventRecorder recorder(sql.school.lms.events());
  const auto started = sql.attempt();
  REQUIRE(started.status == 201);
  const std::string id = started.text("id");
  CHECK(started.text("status") == "in_progress");
  CHECK(started.body["score"].is_null());
  CHECK(sql.attempt().body["id"] == started.body["id"]);

  CHECK(sql.save(id, Class::answers({sql.chosen(0, {1})})).status == 200);
  CHECK(sql.save(id, Class::answers({sql.said(2, false)})).status == 200);
  const auto saved = sql.save(id, Class::answers({sql.chosen(0, {0})}));
  CHECK((*question_of(saved, sql.id(0)))["selected"] == sql.chosen(0, {0})["selected"]);
  CHECK((*question_of(saved, sql.id(2)))["answer"] == Value(false));
  CHECK((*question_of(saved, sql.id(3)))["answer"].is_null());

  const auto submitted = sql.submit(id, Class::answers({sql.chosen(1, {0})}));
  CHECK(submitted.text("status") == "submitted");
  CHECK(submitted.body["score"].as_real() == 3);
  CHECK(submitted.body["percent"].as_real() == 50);
  CHECK(sql.submit(id, sql.right()).body == submitted.body);
  CHECK(sql.submit(id).body == submitted.body);
  CHECK(sql.save(id, sql.right()).code() == "attempt_closed");
  CHECK(recorder.take_types() == std::vector<std::string>{"quiz_attempt.started", "quiz_attempt.submitted"});
}

TEST_CASE("no route gives a student the key before it may be shown") {
  for (const char* reveal : {"never", "after_submit", "after_pass"}) {
    CAPTURE(reveal);
    Class sql(Object{{"reveal", reveal}, {"shuffle_options", true}});
    School& school = sql.school;
    std::vector<std::string> heard;
    const auto hear = [&](const Answered& answered) { heard.push_back(to_json(answered.body)); };
    const auto walk = [&](const std::vector<std::string>& ids) {
      for (const auto& route : school.lms.router().routes()) {
        if (route->method != http::Method::get || route->absolute) continue;
        const std::size_t open = route->path.find('{');
        if (open == std::string::npos) {
          hear(school.get(route->path, sql.ada));
          continue;
        }
        const std::string tail = route->path.substr(route->path.find('}') + 1);
        for (const std::string& id : ids) hear(school.get(route->path.substr(0, open) + id + tail, sql.ada));
      }
    };
    const auto leaks = [&] {
      return std::count_if(heard.begin(), heard.end(), [](const std::string& text) {
        return text.find("secret") != std::string::npos || text.find("987654") != std::string::npos ||
               text.find("correct") != std::string::npos;
      });
    };
    std::vector<std::string> ids{sql.course, sql.lesson, sql.quiz, "sql"};
    for (std::size_t i = 0; i < sql.questions.size(); ++i) ids.push_back(sql.id(i));
    const auto answer_wrongly = [&] {
      const auto started = sql.attempt();
      hear(started);
      hear(sql.save(started.text("id"), Class::answers({sql.chosen(0, {1})})));
      ids.push_back(started.text("id"));
      walk(ids);
      return started.text("id");
    };

    const std::string first = answer_wrongly();
    CHECK(leaks() == 0);
    hear(sql.submit(first));
    walk(ids);
    CHECK((leaks() > 0) == (std::string_view(reveal) == "after_submit"));
    if (std::string_view(reveal) == "after_submit") continue;

    sql.submit(answer_wrongly(), sql.right());
    CHECK(leaks() == 0);
    heard.clear();
    hear(school.get("/attempts/" + ids.back(), sql.ada));
    CHECK((heard[0].find("secret-explanation") != std::string::npos) == (std::string_view(reveal) == "after_pass"));
    CHECK((heard[0].find("\"key\":null") == std::string::npos) == (std::string_view(reveal) == "after_pass"));
  }
}

TEST_CASE("the owner sees the key and everybody's attempts, a student their own, a stranger nothing") {
  Class sql;
  School& school = sql.school;
  const std::string ben = school.signed_in("ben@example.org");
  const std::string otto = school.signed_in("otto@example.org", role::instructor);
  const std::string head = school.signed_in("head@example.org", role::admin);
  school.post("/enrollments", Object{{"course_id", sql.course}}, ben);
  const auto ada_tried = sql.attempt(sql.wrong());
  school.clock->advance(std::chrono::seconds{1});
  const auto ben_tried = sql.attempt(sql.right(), ben);
  const std::string path = "/attempts/" + ada_tried.text("id");

  CHECK((*question_of(school.get(path, sql.ines), sql.id(4)))["key"]["answer"].as_real() == 987654.25);
  CHECK((*question_of(school.get(path, head), sql.id(0)))["score"].as_real() == 0);
  CHECK(school.get(path, ben).code() == "attempt_not_found");
  CHECK(school.get(path, otto).code() == "attempt_not_found");
  CHECK(school.get(path).status == 401);
  CHECK(school.put(path + "/answers", sql.right(), ben).code() == "attempt_not_found");
  CHECK(school.post(path + "/submit", sql.right(), sql.ines).code() == "attempt_not_found");

  const std::string list = "/quizzes/" + sql.quiz + "/attempts";
  CHECK(school.get(list, sql.ines).number("total") == 2);
  const auto listed = school.get(list, sql.ines);
  CHECK(listed.body["items"].as_array()[0]["id"] == ben_tried.body["id"]);
  CHECK(listed.body["items"].as_array()[0]["student_name"] == Value("Test ben@example.org"));
  CHECK(listed.body["items"].as_array()[1]["student_name"] == Value("Test ada@example.org"));
  CHECK(school.get(list + "?student_id=" + ada_tried.text("student_id"), head).number("total") == 1);
  CHECK(school.get(list, sql.ada).number("total") == 1);
  CHECK(school.get(list, otto).number("total") == 0);
  CHECK(school.get(list + "?student_id=" + ben_tried.text("student_id"), sql.ada).number("total") == 0);
}

TEST_CASE("time is measured, with ten seconds of grace") {
  using namespace std::chrono_literals;
  Class sql(Object{{"time_limit_minutes", 10}});
  const auto started = sql.attempt();
  CHECK(started.text("due_at") == "2026-01-01T00:10:00Z");
  sql.save(started.text("id"), Class::answers({sql.said(2, false)}));

  sql.school.clock->advance(10min + 5s);
  CHECK(sql.save(started.text("id"), sql.right()).code() == "attempt_overdue");
  SUBCASE("within it, what is handed in counts") {
    const auto submitted = sql.submit(started.text("id"), sql.right());
    CHECK(submitted.text("status") == "submitted");
    CHECK(submitted.body["passed"] == Value(true));
  }
  SUBCASE("later, what was saved in time counts") {
    sql.school.clock->advance(6s);
    const auto submitted = sql.submit(started.text("id"), sql.right());
    CHECK(submitted.text("status") == "expired");
    CHECK(submitted.body["score"].as_real() == 1);
    CHECK(submitted.text("submitted_at") == "2026-01-01T00:10:00Z");
    CHECK(sql.submit(started.text("id")).body == submitted.body);
  }
  SUBCASE("the next start closes it") {
    sql.school.clock->advance(6s);
    CHECK(sql.attempt().number("number") == 2);
    CHECK(sql.school.get("/attempts/" + started.text("id"), sql.ada).text("status") == "expired");
  }
  SUBCASE("housekeeping closes it") {
    CHECK(sql.school.lms.quizzes().close_overdue() == 0);
    sql.school.clock->advance(6s);
    CHECK(sql.school.lms.quizzes().close_overdue() == 1);
    CHECK(sql.school.lms.quizzes().close_overdue() == 0);
    CHECK(sql.school.get("/attempts/" + started.text("id"), sql.ada).text("status") == "expired");
  }
}

TEST_CASE("an attempt that expired may have passed") {
  using namespace std::chrono_literals;
  Class sql(Object{{"time_limit_minutes", 10}});
  sql.save(sql.attempt().text("id"), sql.right());
  sql.school.clock->advance(11min);
  CHECK(sql.school.lms.quizzes().close_overdue() == 1);
  CHECK(sql.school.get("/courses/sql", sql.ada).body["enrollment"]["status"] == Value("completed"));
}

TEST_CASE("attempts are made while the quiz is open") {
  using namespace std::chrono_literals;
  Class sql(Object{{"available_from", "2026-01-02T00:00:00Z"},
                   {"available_until", "2026-01-03T00:00:00Z"},
                   {"time_limit_minutes", 60}});
  CHECK(sql.attempt().code() == "quiz_not_open");
  sql.school.clock->advance(24h);
  CHECK(sql.attempt(sql.wrong()).status == 201);
  sql.school.clock->advance(23h + 30min);
  const auto last = sql.attempt();
  CHECK(last.text("due_at") == "2026-01-03T00:00:00Z");
  sql.school.clock->advance(30min);
  CHECK(sql.submit(last.text("id"), sql.right()).text("status") == "submitted");
  CHECK(sql.attempt().code() == "quiz_closed");
}

TEST_CASE("attempts are counted, also when they race") {
  Class sql(Object{{"max_attempts", 2}});
  CHECK(sql.attempt(sql.wrong()).status == 201);
  std::vector<int> statuses(8);
  std::vector<std::thread> threads;
  for (int& status : statuses) threads.emplace_back([&] { status = sql.attempt(sql.wrong()).status; });
  for (std::thread& thread : threads) thread.join();
  CHECK(std::count(statuses.begin(), statuses.end(), 201) == 1);
  CHECK(std::count(statuses.begin(), statuses.end(), 409) == 7);
  CHECK(sql.attempt().code() == "no_attempts_left");
  CHECK(sql.school.get("/quizzes/" + sql.quiz + "/attempts", sql.ada).number("total") == 2);
}

TEST_CASE("attempts need an active enrolment") {
  Class sql;
  const std::string ben = sql.school.signed_in("ben@example.org");
  CHECK(sql.attempt({}, ben).code() == "not_enrolled");
  CHECK(sql.attempt({}, sql.ines).code() == "not_enrolled");
  CHECK(sql.school.post("/quizzes/" + sql.quiz + "/attempts").status == 401);
  const std::string enrollment = sql.school.get("/enrollments", sql.ada).body["items"].as_array()[0]["id"].as_string();
  const std::string started = sql.attempt().text("id");
  sql.school.del("/enrollments/" + enrollment, sql.ada);
  const auto late = sql.submit(started, sql.right());
  CHECK(late.body["passed"] == Value(true));
  CHECK(sql.school.get("/enrollments/" + enrollment, sql.ada).text("status") == "dropped");
}

TEST_CASE("an attempt keeps what it was asked, whatever becomes of the questions") {
  Class sql(Object{{"reveal", "after_submit"}, {"shuffle_questions", true}});
  const auto started = sql.attempt();
  REQUIRE(sql.school.patch("/questions/" + sql.id(2), Object{{"answer", true}, {"text", "NULL differs."}}, sql.ines)
              .status == 200);
  REQUIRE(sql.school.del("/questions/" + sql.id(1), sql.ines).status == 204);
  REQUIRE(sql.school.patch("/quizzes/" + sql.quiz, Object{{"shuffle_questions", false}}, sql.ines).status == 200);

  const auto seen = sql.school.get("/attempts/" + started.text("id"), sql.ada);
  CHECK(seen.body["questions"] == started.body["questions"]);
  const auto submitted = sql.submit(started.text("id"), sql.right());
  CHECK(submitted.body["score"].as_real() == 6);
  CHECK((*question_of(submitted, sql.id(2)))["key"]["answer"] == Value(false));

  const auto next = sql.attempt(Class::answers({sql.said(2, false)}));
  CHECK(next.body["questions"].as_array().size() == 4);
  CHECK(next.body["max_score"].as_real() == 4);
  CHECK(next.body["score"].as_real() == 0);
  CHECK(sql.attempt(Class::answers({sql.chosen(1, {0})})).status == 422);
}

TEST_CASE("what becomes of a quiz when its lesson or course goes is told as an event") {
  Class sql;
  School& school = sql.school;
  const std::string head = school.signed_in("head@example.org", role::admin);
  school.post("/courses/sql/lessons", Object{{"title", "More"}}, sql.ines);
  testing::EventRecorder recorder(school.lms.events());
  REQUIRE(school.del("/lessons/" + sql.lesson, sql.ines).status == 204);
  CHECK(school.get("/quizzes/" + sql.quiz, sql.ines).body["lesson_id"].is_null());
  const auto events = recorder.take();
  REQUIRE(events.size() == 2);
  CHECK(events[0].type == "quiz.updated");
  CHECK(events[0].data["lesson_id"].is_null());
  CHECK(events[1].type == "course.updated");

  const auto draft = school.post("/courses", Object{{"title", "Draft"}}, sql.ines);
  const auto quiz = school.post("/courses/draft/quizzes", Object{{"title", "Q"}}, sql.ines);
  recorder.take();
  REQUIRE(school.del("/courses/draft", head).status == 204);
  const auto gone = recorder.take();
  REQUIRE(gone.size() == 2);
  CHECK(gone[0].type == "quiz.deleted");
  CHECK(gone[0].data["quiz_id"] == quiz.body["id"]);
  CHECK(gone[1].type == "course.deleted");
  CHECK(gone[1].data["course_id"] == draft.body["id"]);
}

TEST_CASE("answers that do not fit are refused with their place") {
  Class sql;
  const auto refused = sql.attempt(
      Class::answers({sql.said(0, 1), sql.chosen(0, {0}), sql.said(2, "no"), Object{{"question_id", sql.quiz}}}));
  CHECK(refused.status == 422);
  CHECK(places(refused) == Places{"/body/answers/0/answer", "/body/answers/1/question_id", "/body/answers/2/answer",
                                  "/body/answers/3/question_id"});
  CHECK(sql.school.get("/quizzes/" + sql.quiz + "/attempts", sql.ada).number("total") == 0);
  const std::string id = sql.attempt().text("id");
  CHECK(places(sql.save(id, Object{})) == Places{"/body/answers"});
  CHECK(places(sql.save(id, Class::answers({Object{{"selected", Array{}}}}))) == Places{"/body/answers/0/question_id"});
}

TEST_CASE("questions are added, changed, moved and removed by the owner") {
  Class sql;
  School& school = sql.school;
  const std::string list = "/quizzes/" + sql.quiz + "/questions";
  const auto order = [&] {
    std::string texts;
    const auto listed = school.get(list, sql.ines);
    for (const Value& question : listed.body["items"].as_array())
      texts += question["text"].as_string().substr(0, 5) + ".";
    return texts;
  };
  CHECK(order() == "Which.Which.NULL .Large.How m.");
  CHECK(school.patch("/questions/" + sql.id(4), Object{{"position", 1}}, sql.ines).number("position") == 1);
  CHECK(order() == "How m.Which.Which.NULL .Large.");
  CHECK(school.del("/questions/" + sql.id(4), sql.ines).status == 204);
  CHECK(school.get("/quizzes/" + sql.quiz, sql.ada).number("question_count") == 4);
  CHECK(school.del("/questions/" + sql.id(4), sql.ines).code() == "question_not_found");

  Array options = sql.questions[0]["options"].as_array();
  options.pop_back();
  options.push_back(option("WITH", false));
  const auto changed = school.patch("/questions/" + sql.id(0), Object{{"options", options}}, sql.ines);
  REQUIRE(changed.status == 200);
  const Array& now = changed.body["options"].as_array();
  CHECK(now[0]["id"] == options[0]["id"]);
  CHECK(now[2]["text"] == Value("WITH"));
  CHECK(now[2]["id"].as_string().size() == 8);

  CHECK(places(school.patch("/questions/" + sql.id(0), Object{{"options", Array{option("A", true)}}}, sql.ines)) ==
        Places{"/body/options"});
  CHECK(places(school.patch("/questions/" + sql.id(0), Object{{"kind", "numeric"}}, sql.ines)) == Places{"/body/kind"});
  CHECK(places(school.post(list, Object{{"kind", "essay"}, {"text", ""}}, sql.ines)) ==
        Places{"/body/kind", "/body/text"});
}

TEST_CASE("quizzes belong to the owner of their course") {
  Class sql;
  School& school = sql.school;
  const std::string otto = school.signed_in("otto@example.org", role::instructor);
  const std::string path = "/quizzes/" + sql.quiz;
  const Value title = Object{{"title", "Mine"}};
  CHECK(school.patch(path, title, otto).code() == "not_owner");
  CHECK(school.get(path + "/questions", otto).code() == "not_owner");
  CHECK(school.patch("/questions/" + sql.id(0), Object{{"text", "?"}}, otto).code() == "not_owner");
  CHECK(school.post("/courses/" + sql.course + "/quizzes", title, otto).code() == "not_owner");
  CHECK(school.patch(path, title, sql.ada).status == 403);
  CHECK(school.get(path + "/questions", sql.ada).status == 403);
  CHECK(school.get("/courses/sql/quizzes", sql.ada).body["items"].as_array().size() == 1);
  CHECK(school.get(path).status == 401);

  school.post("/courses/" + sql.course + "/unpublish", {}, sql.ines);
  CHECK(school.patch(path, title, otto).status == 404);
  CHECK(school.get(path, otto).status == 404);
  CHECK(school.get(path, sql.ada).status == 200);
  CHECK(school.patch(path, title, school.signed_in("head@example.org", role::admin)).text("title") == "Mine");
}

TEST_CASE("a quiz completes one quiz lesson of its own course") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string course = school.post("/courses", Object{{"title", "SQL"}}, ines).text("id");
  const std::string other = school.post("/courses", Object{{"title", "Knots"}}, ines).text("id");
  const auto lesson = [&](const std::string& of, const char* kind) {
    return school.post("/courses/" + of + "/lessons", Object{{"title", "L"}, {"kind", kind}}, ines).body["id"];
  };
  const auto quiz = [&](Value lesson_id) {
    return school.post("/courses/" + course + "/quizzes", Object{{"title", "Q"}, {"lesson_id", std::move(lesson_id)}},
                       ines);
  };
  CHECK(places(quiz(lesson(course, "text"))) == Places{"/body/lesson_id"});
  CHECK(places(quiz(lesson(other, "quiz"))) == Places{"/body/lesson_id"});
  const Value home = lesson(course, "quiz");
  const auto made = quiz(home);
  REQUIRE(made.status == 201);
  CHECK(quiz(home).code() == "lesson_has_quiz");
  CHECK(school.patch("/quizzes/" + made.text("id"), Object{{"lesson_id", home}}, ines).status == 200);
  CHECK(school
            .patch("/quizzes/" + made.text("id"),
                   Object{{"available_from", "2026-02-01T00:00:00Z"}, {"available_until", "2026-02-01T00:00:00Z"}},
                   ines)
            .status == 422);

  CHECK(school.del("/lessons/" + home.as_string(), ines).status == 204);
  CHECK(school.get("/quizzes/" + made.text("id"), ines).body["lesson_id"].is_null());
  const std::string head = school.signed_in("head@example.org", role::admin);
  CHECK(school.post("/quizzes/" + made.text("id") + "/questions", truth, ines).status == 201);
  CHECK(school.del("/courses/" + course, head).status == 204);
  CHECK(school.get("/quizzes/" + made.text("id"), ines).code() == "quiz_not_found");
}

TEST_CASE("a published course has a quiz with questions for each of its quiz lessons") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string course = school.post("/courses", Object{{"title", "SQL"}}, ines).text("id");
  const Value lesson =
      school.post("/courses/" + course + "/lessons", Object{{"title", "L"}, {"kind", "quiz"}}, ines).body["id"];
  const auto publish = [&] { return school.post("/courses/" + course + "/publish", {}, ines); };
  CHECK(publish().code() == "quiz_lesson_without_quiz");
  const std::string quiz =
      school.post("/courses/" + course + "/quizzes", Object{{"title", "Q"}, {"lesson_id", lesson}}, ines).text("id");
  CHECK(publish().code() == "quiz_lesson_without_quiz");
  const std::string question = school.post("/quizzes/" + quiz + "/questions", truth, ines).text("id");
  CHECK(publish().status == 200);
  CHECK(school.del("/questions/" + question, ines).code() == "quiz_lesson_without_quiz");
  CHECK(school.del("/quizzes/" + quiz, ines).code() == "quiz_lesson_without_quiz");
  CHECK(school.patch("/quizzes/" + quiz, Object{{"lesson_id", nullptr}}, ines).code() == "quiz_lesson_without_quiz");
}

TEST_CASE("a quiz that was attempted stays") {
  Class sql;
  const std::string other =
      sql.school.post("/courses/" + sql.course + "/quizzes", Object{{"title", "Extra"}}, sql.ines).text("id");
  const std::string path = "/quizzes/" + other;
  CHECK(sql.school.post(path + "/attempts", {}, sql.ada).code() == "quiz_empty");
  sql.school.post(path + "/questions", truth, sql.ines);
  CHECK(sql.school.post(path + "/attempts", {}, sql.ada).status == 201);
  CHECK(sql.school.del(path, sql.ines).code() == "quiz_in_use");

  testing::EventRecorder recorder(sql.school.lms.events());
  const std::string unused =
      sql.school.post("/courses/" + sql.course + "/quizzes", Object{{"title", "Extra"}}, sql.ines).text("id");
  CHECK(sql.school.patch("/quizzes/" + unused, Object{{"title", "Spare"}}, sql.ines).status == 200);
  CHECK(sql.school.post("/quizzes/" + unused + "/questions", truth, sql.ines).status == 201);
  CHECK(sql.school.del("/quizzes/" + unused, sql.ines).status == 204);
  CHECK(recorder.take_types() ==
        std::vector<std::string>{"quiz.created", "quiz.updated", "quiz.updated", "quiz.deleted"});
}

TEST_CASE("attempts touch nothing but their transaction") {
  Class sql({}, std::make_shared<testing::RunTwiceStorage>(open_memory_storage()));
  const std::string id = sql.attempt().text("id");
  CHECK(sql.save(id, Class::answers({sql.said(2, false)})).status == 200);
  const auto submitted = sql.submit(id, sql.right());
  CHECK(submitted.body["score"].as_real() == 6);
  CHECK(sql.attempt(sql.wrong()).number("number") == 2);
}

TEST_CASE("an attempt that ran out is closed even when no other may follow") {
  using namespace std::chrono_literals;
  Object settings{{"time_limit_minutes", 10}};
  std::string reason;
  SUBCASE("because all are used") {
    settings.set("max_attempts", 1);
    reason = "no_attempts_left";
  }
  SUBCASE("because the quiz has closed") {
    settings.set("available_until", "2026-01-01T00:10:00Z");
    reason = "quiz_closed";
  }
  Class sql(settings);
  const std::string id = sql.attempt().text("id");
  sql.save(id, sql.right());
  sql.school.clock->advance(11min);
  CHECK(sql.attempt().code() == reason);
  CHECK(sql.school.get("/attempts/" + id, sql.ada).text("status") == "expired");
  CHECK(sql.school.get("/courses/sql", sql.ada).body["enrollment"]["status"] == Value("completed"));
}

TEST_CASE("attempts in progress end when the quiz says now, but never before now") {
  using namespace std::chrono_literals;
  Class sql(Object{{"time_limit_minutes", 10}});
  const std::string path = "/attempts/" + sql.attempt().text("id");
  const auto due_after = [&](const Object& change) {
    REQUIRE(sql.school.patch("/quizzes/" + sql.quiz, change, sql.ines).status == 200);
    const Value due = sql.school.get(path, sql.ada).body["due_at"];
    return due.is_null() ? std::string("never") : due.as_string();
  };
  CHECK(due_after({{"time_limit_minutes", 20}}) == "2026-01-01T00:20:00Z");
  CHECK(due_after({{"available_until", "2026-01-01T00:15:00Z"}}) == "2026-01-01T00:15:00Z");
  CHECK(due_after({{"available_until", "2026-01-01T00:30:00Z"}}) == "2026-01-01T00:20:00Z");
  CHECK(due_after({{"time_limit_minutes", 0}}) == "2026-01-01T00:30:00Z");
  CHECK(due_after({{"available_until", nullptr}}) == "never");
  CHECK(due_after({{"time_limit_minutes", 5}}) == "2026-01-01T00:05:00Z");
  sql.school.clock->advance(2min);
  CHECK(due_after({{"time_limit_minutes", 1}}) == "2026-01-01T00:02:00Z");
  sql.school.clock->advance(5min);
  CHECK(due_after({{"time_limit_minutes", 4}}) == "2026-01-01T00:02:00Z");
  CHECK(due_after({{"time_limit_minutes", 60}}) == "2026-01-01T01:00:00Z");
  CHECK(sql.school.post(path + "/submit", sql.right(), sql.ada).text("status") == "submitted");
  const std::string due = sql.school.get(path, sql.ada).text("due_at");
  CHECK(due_after({{"time_limit_minutes", 10}}) == due);
}

TEST_CASE("an attempt keeps its paper though the commit failed in which that was first written") {
  class FailsToCommit final : public test::OneCommitStorage {
   public:
    using OneCommitStorage::OneCommitStorage;
    bool fails = false;

   protected:
    void do_write(const Function& function, Isolation) override {
      wrapped().write([&](UnitOfWork& unit) {
        function(unit);
        if (std::exchange(fails, false)) throw unavailable("storage_full", "The disk is full.");
      });
    }
  };
  const std::shared_ptr<Storage> store = open_memory_storage();
  const auto storage = std::make_shared<FailsToCommit>(store);
  Class sql({}, storage);
  storage->fails = true;
  CHECK(sql.attempt().status == 503);
  const Answered started = sql.attempt();
  INFO(to_json(started.body));
  REQUIRE(started.status == 201);
  const std::string& id = started.text("id");
  School elsewhere(Class::settings(), store);
  CHECK(elsewhere.get("/attempts/" + id, sql.ada).body["questions"].as_array().size() == 5);
}

TEST_CASE("an attempt that cannot be closed does not keep the others") {
  using namespace std::chrono_literals;
  Class sql(Object{{"time_limit_minutes", 10}});
  School& school = sql.school;
  const std::string ben = school.signed_in("ben@example.org");
  school.post("/enrollments", Object{{"course_id", sql.course}}, ben);
  const std::string broken = sql.attempt().text("id");
  school.clock->advance(1min);
  const std::string good = sql.attempt({}, ben).text("id");
  school.lms.storage().write([&](UnitOfWork& uow) {
    Repository<Attempt>(uow).update_where(equal("id", broken), {set("paper_id", QuizPaperId(Uuid()))});
  });
  school.clock->advance(1h);
  CHECK_THROWS_WITH_AS(school.lms.quizzes().close_overdue(), doctest::Contains(broken.c_str()), Error);
  CHECK(school.get("/attempts/" + good, ben).text("status") == "expired");
}

TEST_CASE("a published course takes no quiz lesson, which would have no quiz yet") {
  Class sql;
  const std::string path = "/courses/" + sql.course;
  const Value lesson = Object{{"title", "More"}, {"kind", "quiz"}};
  const auto refused = sql.school.post(path + "/lessons", lesson, sql.ines);
  CHECK(refused.status == 409);
  CHECK(refused.code() == "quiz_lesson_without_quiz");
  CHECK(sql.school.post(path + "/lessons", Object{{"title", "Text"}}, sql.ines).status == 201);
  REQUIRE(sql.school.post(path + "/unpublish", {}, sql.ines).status == 200);
  CHECK(sql.school.post(path + "/lessons", lesson, sql.ines).status == 201);
}

}  // namespace
