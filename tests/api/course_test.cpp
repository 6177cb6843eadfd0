#include <doctest/doctest.h>

#include "support/school.hpp"

using namespace lms;
using lms::test::Answered;
using lms::test::School;

namespace {

std::vector<std::string> titles(const Answered& answered) {
  std::vector<std::string> titles;
  for (const Value& item : answered.body["items"].as_array()) titles.push_back(item["title"].as_string());
  return titles;
}

using Titles = std::vector<std::string>;

}  // namespace

TEST_CASE("a course goes from draft to published to archived, and who may see it follows") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string tom = school.signed_in("tom@example.org", role::instructor);
  const auto draft = school.post("/courses", Object{{"title", "Música & más"}}, ines);
  REQUIRE(draft.status == 201);
  CHECK(draft.text("slug") == "musica-mas");
  CHECK(draft.text("status") == "draft");
  const std::string path = "/courses/" + draft.text("id");

  CHECK(school.get(path).status == 404);
  CHECK(school.get(path, tom).status == 404);
  CHECK(school.get("/courses/musica-mas", ines).status == 200);
  CHECK(school.get("/courses").number("total") == 0);
  CHECK(school.get("/courses", ines).number("total") == 1);

  CHECK(school.post(path + "/publish", {}, ines).code() == "course_empty");
  school.post(path + "/lessons", Object{{"title", "One"}, {"content", "# Hi"}}, ines);
  CHECK(school.post(path + "/publish", {}, tom).status == 404);
  const auto published = school.post(path + "/publish", {}, ines);
  CHECK(published.status == 200);
  CHECK(published.text("published_at") == "2026-01-01T00:00:00Z");
  CHECK(school.post(path + "/publish", {}, ines).code() == "course_not_draft");
  CHECK(school.get(path).status == 200);
  CHECK(school.post(path + "/publish", {}, tom).code() == "not_owner");

  CHECK(school.post(path + "/unpublish", {}, ines).text("status") == "draft");
  CHECK(school.post(path + "/unpublish", {}, ines).code() == "course_not_published");
  CHECK(school.post(path + "/archive", {}, ines).text("status") == "archived");
  CHECK(school.post(path + "/archive", {}, ines).code() == "course_archived");
  CHECK(school.get(path).status == 404);
}

TEST_CASE("only those with the permission make courses, and an admin may name the owner") {
  School school;
  const std::string ada = school.signed_in("ada@example.org");
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const Value ines_id = school.get("/users/me", ines).body["id"];
  const Value wish = Object{{"title", "Knots"}, {"instructor_id", ines_id}};
  CHECK(school.post("/courses", Object{{"title", "Knots"}}).status == 401);
  CHECK(school.post("/courses", Object{{"title", "Knots"}}, ada).status == 403);
  const auto made = school.post("/courses", wish, admin);
  CHECK(made.body["instructor_id"] == ines_id);
  const std::string tom = school.signed_in("tom@example.org", role::instructor);
  CHECK(school.post("/courses", wish, tom).status == 403);
  CHECK(school.patch("/courses/" + made.text("id"), Object{{"instructor_id", nullptr}}, ines).status == 422);
}

TEST_CASE("slugs are unique, and a title that stands already still gets one") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  CHECK(school.post("/courses", Object{{"title", "Knots"}}, ines).text("slug") == "knots");
  const auto again = school.post("/courses", Object{{"title", "Knots"}}, ines);
  CHECK(again.status == 201);
  CHECK(again.text("slug").starts_with("knots-"));
  CHECK(school.post("/courses", Object{{"title", "Other"}, {"slug", "knots"}}, ines).code() == "slug_taken");
  CHECK(school.patch("/courses/" + again.text("id"), Object{{"slug", "knots"}}, ines).code() == "slug_taken");
  CHECK(school.post("/courses", Object{{"title", "Other"}, {"slug", "import"}}, ines).status == 422);
  CHECK(school.patch("/courses/" + again.text("id"), Object{{"slug", again.text("id")}}, ines).status == 422);
  CHECK(school.post("/courses", Object{{"title", "Import"}}, ines).text("slug").starts_with("import-"));
  CHECK(school.post("/courses", Object{{"title", "数据库"}}, ines).text("slug").starts_with("course-"));
}

TEST_CASE("a change with an old version is refused") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const auto draft = school.post("/courses", Object{{"title", "Knots"}}, ines);
  const std::string path = "/courses/" + draft.text("id");
  const auto changed = school.patch(path, Object{{"title", "Better knots"}, {"version", draft.body["version"]}}, ines);
  CHECK(changed.status == 200);
  CHECK(changed.number("version") == draft.number("version") + 1);
  const auto stale = school.patch(path, Object{{"title", "Worse"}, {"version", draft.body["version"]}}, ines);
  CHECK(stale.status == 409);
  CHECK(stale.code() == "stale_version");
  CHECK(school.get(path, ines).text("title") == "Better knots");
}

TEST_CASE("courses are searched, filtered, sorted and paged") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const auto publish = [&](Object course) {
    const auto made = school.post("/courses", std::move(course), ines);
    REQUIRE(made.status == 201);
    const std::string path = "/courses/" + made.text("id");
    school.post(path + "/lessons", Object{{"title", "One"}}, ines);
    school.clock->advance(std::chrono::minutes{1});
    school.post(path + "/publish", {}, ines);
  };
  publish({{"title", "Música básica"}, {"category", "music"}, {"tags", Array{"theory", "ear"}}, {"price_cents", 500}});
  publish({{"title", "数据库入门课程"}, {"category", "computing"}, {"level", "advanced"}});
  publish({{"title", "Databases"}, {"summary", "With a little music."}, {"category", "computing"}, {"language", "de"}});

  CHECK(titles(school.get("/courses")) == Titles{"Databases", "数据库入门课程", "Música básica"});
  CHECK(titles(school.get("/courses?q=musica")) == Titles{"Música básica"});
  CHECK(titles(school.get("/courses?q=MUSI")) == Titles{"Música básica", "Databases"});
  CHECK(titles(school.get("/courses?q=%E5%85%A5%E9%97%A8")) == Titles{"数据库入门课程"});
  CHECK(titles(school.get("/courses?q=music%20little")) == Titles{"Databases"});
  CHECK(titles(school.get("/courses?category=computing&language=de")) == Titles{"Databases"});
  CHECK(titles(school.get("/courses?level=advanced")) == Titles{"数据库入门课程"});
  CHECK(titles(school.get("/courses?tag=ear")) == Titles{"Música básica"});
  CHECK(titles(school.get("/courses?max_price_cents=0&sort=title")) == Titles{"Databases", "数据库入门课程"});
  CHECK(titles(school.get("/courses?page=2&page_size=2")) == Titles{"Música básica"});
  CHECK(school.get("/courses?page=2&page_size=2").number("total") == 3);
  CHECK(school.get("/courses?page_size=101").status == 422);
  CHECK(school.get("/courses?page=0").status == 422);
  CHECK(school.get("/courses?page=99999999").status == 422);
  CHECK(school.get("/courses?sort=relevance").status == 422);
  CHECK(school.get("/courses?sort=price").status == 422);
  CHECK(school.get("/courses?colour=red").status == 422);
}

TEST_CASE("lessons keep their order when they are added, moved and removed") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const auto course = school.post("/courses", Object{{"title", "Knots"}}, ines);
  const std::string path = "/courses/" + course.text("id");
  const auto section = school.post(path + "/sections", Object{{"title", "Part"}}, ines);
  REQUIRE(section.status == 201);
  const auto add = [&](const char* title, std::int64_t position) {
    return school
        .post(path + "/lessons", Object{{"title", title}, {"position", position}, {"section_id", section.body["id"]}},
              ines)
        .text("id");
  };
  const std::string a = add("A", 0);
  const std::string b = add("B", 0);
  add("C", 1);
  CHECK(titles(school.get(path + "/lessons", ines)) == Titles{"C", "A", "B"});
  school.patch("/lessons/" + b, Object{{"position", 1}}, ines);
  CHECK(titles(school.get(path + "/lessons", ines)) == Titles{"B", "C", "A"});
  CHECK(school.del("/lessons/" + a, ines).status == 204);
  CHECK(titles(school.get(path + "/lessons", ines)) == Titles{"B", "C"});
  CHECK(school.get(path, ines).number("lesson_count") == 2);

  CHECK(school.del("/sections/" + section.text("id"), ines).status == 204);
  CHECK(school.get(path + "/lessons", ines).body["items"].as_array()[0]["section_id"].is_null());
  CHECK(school.post(path + "/lessons", Object{{"title", "V"}, {"kind", "video"}}, ines).status == 422);
  CHECK(school.post(path + "/lessons", Object{{"title", "S"}, {"section_id", section.body["id"]}}, ines).status == 422);
}

TEST_CASE("a lesson is open to its students and owner, a preview to everybody, as safe HTML") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const auto course = school.post("/courses", Object{{"title", "Knots"}}, ines);
  const std::string path = "/courses/" + course.text("id");
  const auto preview = school.post(
      path + "/lessons", Object{{"title", "P"}, {"preview", true}, {"content", "*Hi* <script>x</script>"}}, ines);
  const auto closed = school.post(path + "/lessons", Object{{"title", "C"}}, ines);
  CHECK(school.get("/lessons/" + preview.text("id")).status == 404);
  school.post(path + "/publish", {}, ines);

  const auto opened = school.get("/lessons/" + preview.text("id"));
  CHECK(opened.status == 200);
  CHECK(opened.text("content_html").find("<em>Hi</em>") != std::string::npos);
  CHECK(opened.text("content_html").find("<script") == std::string::npos);
  CHECK(school.get("/lessons/" + closed.text("id")).status == 401);
  CHECK(school.get("/lessons/" + closed.text("id"), ada).code() == "not_enrolled");
  CHECK(school.get("/lessons/" + closed.text("id"), ines).status == 200);
  school.post("/enrollments", Object{{"course_id", course.body["id"]}}, ada);
  CHECK(school.get("/lessons/" + closed.text("id"), ada).status == 200);
  CHECK(titles(school.get(path + "/lessons")) == Titles{"P", "C"});
}

TEST_CASE("a course nobody enrolled in can be removed by an admin") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const Value empty = school.published_course(ines, "Empty");
  const Value busy = school.published_course(ines, "Busy");
  school.post("/enrollments", Object{{"course_id", busy["id"]}}, ada);
  const auto path = [](const Value& course) { return "/courses/" + course["id"].as_string(); };
  CHECK(school.del(path(empty), ines).code() == "permission_denied");
  CHECK(school.del(path(empty), admin).status == 204);
  CHECK(school.get(path(empty), admin).status == 404);
  const auto refused = school.del(path(busy), admin);
  CHECK(refused.status == 409);
  CHECK(refused.code() == "course_in_use");
  CHECK(refused.text("detail").find("Archive it") != std::string::npos);
  CHECK(school.get(path(busy) + "/lessons").body["items"].as_array().size() == 2);
}

TEST_CASE("courses do not come to require each other") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const auto require = [&](const char* course, const Value& other) {
    return school.patch(std::string("/courses/") + course, Object{{"prerequisites", Array{other}}}, admin);
  };
  const Value one = school.post("/courses", Object{{"title", "One"}}, admin).body["id"];
  const Value two = school.post("/courses", Object{{"title", "Two"}, {"prerequisites", Array{one}}}, admin).body["id"];
  const Value three = school.post("/courses", Object{{"title", "Three"}}, admin).body["id"];
  CHECK(require("one", one).status == 422);
  CHECK(require("one", two).status == 422);
  CHECK(require("three", two).status == 200);
  const Answered refused = require("one", three);
  CHECK(refused.status == 422);
  CHECK(to_json(refused.body).find("requires this course itself") != std::string::npos);
  CHECK(require("two", one).status == 200);
}

TEST_CASE("a course that another requires is not removed") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const auto basics = school.post("/courses", Object{{"title", "Basics"}}, admin);
  school.post("/courses", Object{{"title", "Knots"}, {"prerequisites", Array{basics.body["id"]}}}, admin);
  const auto refused = school.del("/courses/basics", admin);
  CHECK(refused.code() == "course_in_use");
  CHECK(refused.text("detail").find("Knots") != std::string::npos);
  CHECK(school.patch("/courses/knots", Object{{"prerequisites", Array{}}}, admin).status == 200);
  CHECK(school.del("/courses/basics", admin).status == 204);
}

TEST_CASE("every route of a course takes its id or its slug, and knows no other") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const auto course = school.post("/courses", Object{{"title", "Knots"}}, admin);
  const Value title = Object{{"title", "Knots"}};
  for (const std::string& ref : {course.text("id"), std::string("knots")}) {
    CAPTURE(ref);
    const std::string path = "/courses/" + ref;
    CHECK(school.get(path, admin).body["id"] == course.body["id"]);
    CHECK(school.patch(path, Object{{"summary", ref}}, admin).text("summary") == ref);
    CHECK(school.post(path + "/sections", title, admin).body["course_id"] == course.body["id"]);
    CHECK(school.post(path + "/lessons", title, admin).body["course_id"] == course.body["id"]);
    CHECK(school.post(path + "/quizzes", title, admin).body["course_id"] == course.body["id"]);
    for (const char* list : {"/sections", "/lessons", "/quizzes"})
      CHECK_FALSE(school.get(path + list, admin).body["items"].as_array().empty());
    CHECK(school.get(path + "/export", admin).body["course"]["slug"] == Value("knots"));
    CHECK(school.post(path + "/publish", {}, admin).text("status") == "published");
    CHECK(school.post(path + "/unpublish", {}, admin).text("status") == "draft");
  }
  CHECK(school.post("/courses/knots/archive", {}, admin).text("status") == "archived");
  for (const char* unknown : {"/courses/ropes", "/courses/00000000-0000-7000-8000-000000000000"}) {
    CAPTURE(unknown);
    const std::string path = unknown;
    CHECK(school.get(path, admin).code() == "course_not_found");
    CHECK(school.patch(path, title, admin).code() == "course_not_found");
    CHECK(school.del(path, admin).code() == "course_not_found");
    for (const char* act : {"/publish", "/unpublish", "/archive"})
      CHECK(school.post(path + act, {}, admin).code() == "course_not_found");
    for (const char* part : {"/sections", "/lessons", "/quizzes"}) {
      CHECK(school.get(path + part, admin).code() == "course_not_found");
      CHECK(school.post(path + part, title, admin).code() == "course_not_found");
    }
    CHECK(school.get(path + "/export", admin).code() == "course_not_found");
  }
  CHECK(school.del("/courses/knots", admin).status == 204);

  const Value document = parse_json(school.lms.openapi(), {.max_depth = 64});
  int described = 0;
  for (const auto& [path, methods] : document["paths"].as_object()) {
    if (path.find("/courses/{id}") == std::string::npos) continue;
    for (const auto& [method, operation] : methods.as_object()) {
      CAPTURE(path);
      const Value& id = operation["parameters"].as_array().at(0);
      CHECK(id["schema"]["format"].is_null());
      CHECK(id["description"] == Value("The course's id or slug."));
      ++described;
    }
  }
  CHECK(described == 13);
}

TEST_CASE("what happens to courses is told as events, in the order it happened") {
  School school;
  testing::EventRecorder recorder(school.lms.events());
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  school.published_course(ines, "Knots", 1);
  CHECK(recorder.take_types() ==
        Titles{"user.registered", "user.logged_in", "course.created", "course.updated", "course.published"});
}

TEST_CASE("the rules hold for a program that makes courses without HTTP, too") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const Principal who(*UserId::parse(school.get("/users/me", ines).text("id")), "instructor",
                      std::make_shared<const Roles>());
  const auto places = [](auto&& call) {
    std::vector<std::string> fields;
    try {
      call();
    } catch (const Error& error) {
      for (const Fault& fault : error.faults()) {
        CHECK(fault.loc.front() == PathStep("body"));
        fields.push_back(std::get<std::string>(fault.loc.at(1)));
      }
    }
    return fields;
  };
  Courses& courses = school.lms.courses();
  CHECK(places([&] { courses.create(who, {.slug = "No Slug", .title = "", .price_cents = -1}); }) ==
        Titles{"slug", "title", "price_cents"});

  Course forged{.title = " Knots "};
  forged.id = CourseId(*Uuid::parse("0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40"));
  forged.status = CourseStatus::published;
  forged.lesson_count = 7;
  forged.enrolled_count = 7;
  forged.version = 7;
  forged.published_at = school.clock->now();
  const Course made = courses.create(who, forged);
  CHECK(made.id != forged.id);
  CHECK(made.title == "Knots");
  CHECK(made.status == CourseStatus::draft);
  CHECK(made.lesson_count == 0);
  CHECK(made.enrolled_count == 0);
  CHECK(made.version == 1);
  CHECK_FALSE(made.published_at);

  CHECK(places([&] { courses.add_section(who, made.id, {.title = ""}); }) == Titles{"title"});
  CHECK(places([&] { courses.add_lesson(who, made.id, {.title = "A\nB", .duration_minutes = -1}); }) ==
        Titles{"title", "duration_minutes"});
  Quizzes& quizzes = school.lms.quizzes();
  CHECK(places([&] { quizzes.create(who, made.id, {.title = "Q", .pass_percent = 500}); }) == Titles{"pass_percent"});
  const Quiz quiz = quizzes.create(who, made.id, {.title = "Q", .question_count = 9});
  CHECK(quiz.question_count == 0);
  Question question{.kind = QuestionKind::true_false, .text = "?", .points = -1, .answer = true};
  CHECK(places([&] { quizzes.add_question(who, quiz.id, question); }) == Titles{"points"});
  question.points = 1;
  CHECK(quizzes.add_question(who, quiz.id, question).quiz_id == quiz.id);
}

TEST_CASE("a prerequisite is a course that who names it can see") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string tom = school.signed_in("tom@example.org", role::instructor);
  const auto draft = school.post("/courses", Object{{"title", "Toms draft"}}, tom);
  const Value requiring = Object{{"title", "Knots"}, {"prerequisites", Array{draft.body["id"]}}};
  const auto refused = school.post("/courses", requiring, ines);
  REQUIRE(refused.status == 422);
  CHECK(refused.body["detail"].as_array()[0]["msg"] == Value("there is no such course"));
  const auto knots = school.post("/courses", Object{{"title", "Knots"}}, ines);
  CHECK(school.patch("/courses/knots", Object{{"prerequisites", Array{draft.body["id"]}}}, ines).status == 422);
  CHECK(school.post("/courses", requiring, tom).status == 201);

  const Value basics = school.published_course(tom, "Basics", 1);
  const Value more = school.published_course(tom, "More", 1);
  REQUIRE(school.patch("/courses/knots", Object{{"prerequisites", Array{basics["id"]}}}, ines).status == 200);
  REQUIRE(school.post("/courses/basics/unpublish", {}, tom).status == 200);
  CHECK(school.patch("/courses/knots", Object{{"prerequisites", Array{more["id"], basics["id"]}}}, ines).status == 200);
}

TEST_CASE("why a course cannot be removed does not tell the title of a course that is hidden") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string tom = school.signed_in("tom@example.org", role::instructor);
  const Value basics = school.published_course(tom, "Basics", 1);
  REQUIRE(
      school.post("/courses", Object{{"title", "Secret knots"}, {"prerequisites", Array{basics["id"]}}}, ines).status ==
      201);
  Roles roles;
  roles.grant("instructor", {"delete_course"});
  const Principal who(*UserId::parse(school.get("/users/me", tom).text("id")), "instructor",
                      std::make_shared<const Roles>(roles));
  try {
    school.lms.courses().remove(who, "basics");
    FAIL("removed");
  } catch (const Error& error) {
    CHECK(error.reason() == "course_in_use");
    CHECK(std::string(error.what()).find("Secret") == std::string::npos);
  }
}
