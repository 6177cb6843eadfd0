#include <doctest/doctest.h>

#include <functional>

#include <lms/testing/faulty_storage.hpp>

#include "support/school.hpp"

namespace {

using namespace lms;
using test::School;
using testing::FaultyStorage;

constexpr const char* password = School::password;

/// Two lessons to read and one to pass.
const Value package = parse_json(R"({
  "format": "lms-course", "version": 1, "course": {"title": "Knots"},
  "sections": [{"title": "Two knots", "lessons": [
    {"title": "Reef knot", "kind": "text", "content": "Right over left, left over right."},
    {"title": "Bowline", "kind": "text", "content": "The rabbit comes out of the hole."},
    {"title": "Did it hold?", "kind": "quiz", "quiz": {"title": "Knots", "pass_percent": 100, "questions": [
      {"kind": "true_false", "text": "A reef knot joins two ropes of equal thickness.", "answer": true}]}}]}]})");

/// Everything that is stored, table by table, but tries to sign in: one counts before it is known how it ends.
std::vector<std::vector<Record>> whole_store(Storage& storage) {
  return storage.read([](UnitOfWork& uow) {
    std::vector<std::vector<Record>> tables;
    for (const Schema* schema : stored_schemas())
      if (schema->table() != "login_failures") tables.push_back(uow.select(*schema, {}));
    return tables;
  });
}

std::string reason_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.reason();
  }
  return "";
}

/// Ada, enrolled in a published course, and what there is of it.
struct Term {
  explicit Term(Lms& school) : course(school.packages().import_package(Principal::system(), package)), school_(school) {
    school.courses().publish(Principal::system(), course.id);
    school.auth().register_student({"ada@example.org", password, "Ada Byron"});
    ada = school.auth().authenticate(
        std::get<Login>(school.auth().login({"ada@example.org", password})).tokens.access_token);
    lessons = school.courses().outline(*ada, course.slug);
    quiz = school.quizzes().list(*ada, course.slug).front().id;
  }

  void enroll() const { school_.enrollments().enroll(*ada, {.course_id = course.id}); }
  void read(std::size_t lesson) const {
    school_.enrollments().report(*ada, lessons[lesson].id, {.progress_percent = 100, .completed = true});
  }
  void pass() const {
    const AttemptView attempt = school_.quizzes().start(*ada, quiz);
    school_.quizzes().submit(*ada, attempt.attempt.id, right_answer(attempt));
  }
  static std::vector<Answer> right_answer(const AttemptView& attempt) {
    return {{.question_id = attempt.questions.front().question_id, .answer = true}};
  }

  Course course;
  std::optional<Principal> ada;
  decltype(std::declval<Courses&>().outline(*ada, "")) lessons;
  QuizId quiz;

 private:
  Lms& school_;
};

/// Makes a school ready for a call and returns that call.
using Prepare = std::function<std::function<void()>(Lms&)>;

/// Lets the call fail at its first step, its second and so on, each time in a new school: it must say so, leave nothing
/// behind, and succeed when it is made again.
void check_every_step(const Prepare& prepare) {
  std::size_t n = 1;
  for (;; ++n) {
    CAPTURE(n);
    const auto storage = std::make_shared<FaultyStorage>(open_memory_storage());
    School school(School::quick_settings(), storage);
    const std::function<void()> call = prepare(school.lms);
    const auto before = whole_store(*storage);

    storage->fail_at(n);
    const std::string reason = reason_of(call);
    if (!storage->has_failed()) {
      storage->heal();
      CHECK(reason.empty());
      break;
    }
    CHECK(reason == "storage_unavailable");
    CHECK(whole_store(*storage) == before);
    CHECK(reason_of(call).empty());
    CHECK(whole_store(*storage) != before);
  }
  CHECK(n > 3);  // a read, a write and a commit at least
}

}  // namespace

TEST_CASE("whatever step of a call the storage fails at, nothing of it stays and it can be made again") {
  SUBCASE("register") {
    check_every_step([](Lms& school) {
      return [&] { school.auth().register_student({"ada@example.org", password, "Ada Byron"}); };
    });
  }
  SUBCASE("log in") {
    check_every_step([](Lms& school) {
      school.auth().register_student({"ada@example.org", password, "Ada Byron"});
      return [&] { school.auth().login({"ada@example.org", password}); };
    });
  }
  SUBCASE("rotate a refresh token") {
    check_every_step([](Lms& school) {
      school.auth().register_student({"ada@example.org", password, "Ada Byron"});
      const std::string token =
          std::get<Login>(school.auth().login({"ada@example.org", password})).tokens.refresh_token;
      return [&school, token] { school.auth().refresh(token); };
    });
  }
  SUBCASE("import a course") {
    check_every_step(
        [](Lms& school) { return [&] { school.packages().import_package(Principal::system(), package); }; });
  }
  SUBCASE("publish it") {
    check_every_step([](Lms& school) {
      const CourseId id = school.packages().import_package(Principal::system(), package).id;
      return [&school, id] { school.courses().publish(Principal::system(), id); };
    });
  }
  SUBCASE("enrol") {
    check_every_step([](Lms& school) { return [term = Term(school)] { term.enroll(); }; });
  }
  SUBCASE("report progress") {
    check_every_step([](Lms& school) {
      const Term term(school);
      term.enroll();
      return [term] { term.read(0); };
    });
  }
  SUBCASE("report the progress that completes the course and brings the certificate") {
    check_every_step([](Lms& school) {
      const Term term(school);
      term.enroll();
      term.read(0);
      term.pass();
      return [term] { term.read(1); };
    });
  }
  SUBCASE("start an attempt") {
    check_every_step([](Lms& school) {
      const Term term(school);
      term.enroll();
      return [&school, term] { school.quizzes().start(*term.ada, term.quiz); };
    });
  }
  SUBCASE("submit the attempt that completes the course") {
    check_every_step([](Lms& school) {
      const Term term(school);
      term.enroll();
      term.read(0);
      term.read(1);
      const AttemptView attempt = school.quizzes().start(*term.ada, term.quiz);
      return [&school, term, attempt] {
        school.quizzes().submit(*term.ada, attempt.attempt.id, Term::right_answer(attempt));
      };
    });
  }
  SUBCASE("remove a lesson") {
    check_every_step([](Lms& school) {
      const Term term(school);
      term.enroll();
      return [&school, term] { school.courses().remove_lesson(Principal::system(), term.lessons[0].id); };
    });
  }
  SUBCASE("delete a course") {
    check_every_step([](Lms& school) {
      const CourseId id = school.packages().import_package(Principal::system(), package).id;
      return [&school, id] { school.courses().remove(Principal::system(), id); };
    });
  }
}

TEST_CASE("a log-out fails and leaves the session, or ends it, whatever step the storage fails at") {
  std::size_t n = 1;
  for (;; ++n) {
    CAPTURE(n);
    const auto storage = std::make_shared<FaultyStorage>(open_memory_storage());
    School school(School::quick_settings(), storage);
    const std::string token = school.signed_in("ada@example.org");
    const auto before = whole_store(*storage);

    // The reads that authenticate the request come before.
    storage->fail_at(n);
    const int status = school.post("/auth/logout", {}, token).status;
    const bool failed = storage->has_failed();
    storage->heal();
    if (status == 503) {
      CHECK(whole_store(*storage) == before);
      CHECK(school.get("/users/me", token).status == 200);
      CHECK(school.post("/auth/logout", {}, token).status < 300);
    }
    CHECK(school.get("/users/me", token).status == 401);
    if (!failed) break;
    if (status != 503) CHECK(school.log->has(LogLevel::warning, "token not revoked"));
  }
  CHECK(n > 6);  // the session, the event, the commit, and the revocation with its own
}

TEST_CASE("a client is told that the storage failed, and may try again") {
  const auto storage = std::make_shared<FaultyStorage>(open_memory_storage());
  School school(School::quick_settings(), storage);
  const std::string instructor = school.signed_in("ines@example.org", role::instructor);
  const Object course{{"title", "Knots"}};

  storage->fail_commit();
  const test::Answered refused = school.post("/courses", course, instructor);
  CHECK(storage->has_failed());
  CHECK(refused.status == 503);
  CHECK(refused.code() == "storage_unavailable");
  CHECK(refused.headers.find("Retry-After") != nullptr);
  CHECK(school.get("/courses", instructor).body["items"].as_array().empty());

  CHECK(school.post("/courses", course, instructor).status == 201);
}

TEST_CASE("a faulty storage fails as it was told to") {
  FaultyStorage storage(open_memory_storage());
  const auto write = [&] { storage.write([](UnitOfWork& uow) { uow.count(User::schema(), {}); }); };
  const auto read = [&] { storage.read([](UnitOfWork& uow) { uow.count(User::schema(), {}); }); };

  write();
  read();
  CHECK(storage.steps() == 3);  // two counts and a commit
  CHECK_FALSE(storage.has_failed());

  storage.fail_at(2, conflict("on_purpose", "On purpose."));
  CHECK(reason_of(write) == "on_purpose");
  CHECK(storage.has_failed());
  write();

  storage.fail_commit();
  CHECK_FALSE(storage.has_failed());
  read();
  CHECK_FALSE(storage.has_failed());
  CHECK(reason_of(write) == "storage_unavailable");
  CHECK(storage.has_failed());

  storage.fail_at(1);
  CHECK(reason_of([&] { storage.ping(); }) == "storage_unavailable");
  storage.fail_at(1);
  storage.heal();
  storage.ping();
}
