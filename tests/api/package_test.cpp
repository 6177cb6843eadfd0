#include <doctest/doctest.h>

#include <algorithm>

#include "support/project_file.hpp"
#include "support/school.hpp"

namespace {

using namespace lms;
using test::Answered;
using test::School;

Value demo(const std::string& name) {
  return parse_json(test::project_file("server/demo/" + name + ".json"));
}

/// The value at a place, to be changed.
Value& at(Value& value, std::initializer_list<PathStep> path) {
  Value* found = &value;
  for (const PathStep& step : path) {
    if (const auto* index = std::get_if<std::size_t>(&step))
      found = &found->as_array().at(*index);
    else
      found = const_cast<Value*>(found->as_object().find(std::get<std::string>(step)));
    REQUIRE(found);
  }
  return *found;
}

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

const Value package_of_one = Object{
    {"format", "lms-course"},
    {"version", 1},
    {"course", Object{{"title", "Knots"}, {"slug", "knots"}, {"capacity", 3}}},
    {"sections",
     Array{
         Object{{"title", "First"},
                {"lessons",
                 Array{Object{{"title", "Watch"}, {"kind", "video"}, {"url", "https://v.example/1"}, {"preview", true}},
                       Object{{"title", "Check"},
                              {"kind", "quiz"},
                              {"quiz", Object{{"title", "Check"},
                                              {"available_until", "2030-01-01T00:00:00Z"},
                                              {"questions", Array{Object{{"kind", "numeric"},
                                                                         {"text", "?"},
                                                                         {"points", 1.5},
                                                                         {"answer", 2}}}}}}}}}},
         Object{{"title", "Empty"}}}},
    {"lessons", Array{Object{{"title", "Hello"}}}},
    {"quizzes", Array{Object{{"title", "Extra"}}}}};

TEST_CASE("the demo courses come out as they went in") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  School other;
  const std::string otto = other.signed_in("otto@example.org", role::instructor);
  for (const char* name : {"first-aid", "sql-basics", "music-theory"}) {
    CAPTURE(name);
    const Value package = demo(name);
    const auto imported = school.post("/courses/import", package, ines);
    REQUIRE(imported.status == 201);
    CHECK(imported.body["title"] == package["course"]["title"]);
    CHECK(school.post("/courses/" + imported.text("id") + "/publish", {}, ines).status == 200);
    const auto exported = school.get("/courses/" + imported.text("slug") + "/export", ines);
    REQUIRE(exported.status == 200);
    CHECK(*exported.headers.find("Content-Disposition") ==
          "attachment; filename=\"" + imported.text("slug") + ".json\"");
    CHECK(exported.body["sections"].as_array().size() == package["sections"].as_array().size());

    const auto again = other.post("/courses/import", exported.body, otto);
    REQUIRE(again.status == 201);
    CHECK(other.get("/courses/" + again.text("id") + "/export", otto).body == exported.body);
  }
}

TEST_CASE("every part of a package is kept") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const auto course = school.post("/courses/import", package_of_one, ines);
  REQUIRE(course.status == 201);
  CHECK(course.number("lesson_count") == 3);
  CHECK(course.number("capacity") == 3);
  CHECK(course.text("status") == "draft");
  CHECK(*course.headers.find("Location") == "/api/v1/courses/" + course.text("id"));
  std::string titles;
  const auto outline = school.get("/courses/knots/lessons", ines);
  for (const Value& lesson : outline.body["items"].as_array()) titles += lesson["title"].as_string() + ".";
  CHECK(titles == "Hello.Watch.Check.");

  const Value exported = school.get("/courses/knots/export", ines).body;
  const Value& lessons = exported["sections"].as_array()[0]["lessons"];
  CHECK(lessons.as_array()[0]["url"] == Value("https://v.example/1"));
  CHECK(lessons.as_array()[0]["preview"] == Value(true));
  CHECK(lessons.as_array()[1]["quiz"]["available_until"] == Value("2030-01-01T00:00:00Z"));
  CHECK(lessons.as_array()[1]["quiz"]["questions"].as_array()[0]["points"].as_real() == 1.5);
  CHECK(exported["sections"].as_array()[1]["lessons"] == Value(Array()));
  CHECK(exported["lessons"].as_array()[0]["title"] == Value("Hello"));
  CHECK(exported["quizzes"].as_array()[0]["title"] == Value("Extra"));
  CHECK(to_json(exported).find("_id\"") == std::string::npos);
  CHECK(to_json(exported).find("\"position\"") == std::string::npos);
}

TEST_CASE("prerequisites travel by slug") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  Value package = package_of_one;
  at(package, {"course"}).as_object().set("prerequisites", Array{"basics"});
  CHECK(places(school.post("/courses/import", package, ines)) == Places{"/body/course/prerequisites/0"});
  const Value basics = school.published_course(ines, "Basics");
  const auto imported = school.post("/courses/import", package, ines);
  REQUIRE(imported.status == 201);
  CHECK(imported.body["prerequisites"] == Value(Array{basics["id"]}));
  CHECK(school.get("/courses/knots/export", ines).body["course"]["prerequisites"] == Value(Array{"basics"}));
}

TEST_CASE("all of a package is made, or nothing") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  CHECK(school.post("/courses/import", package_of_one, ines).status == 201);
  testing::EventRecorder recorder(school.lms.events());
  CHECK(school.post("/courses/import", package_of_one, ines).code() == "slug_taken");
  Value package = package_of_one;
  at(package, {"course"}).as_object().set("slug", "bends");
  at(package, {"sections", 0u, "lessons", 0u}).as_object().erase("url");
  CHECK(places(school.post("/courses/import", package, ines)) == Places{"/body/sections/0/lessons/0/url"});
  CHECK(school.get("/courses/bends", ines).status == 404);
  CHECK(recorder.take().empty());
}

TEST_CASE("what is wrong with a package is told at its place, all of it") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  Value package = demo("first-aid");
  at(package, {"format"}) = "scorm";
  package.as_object().set("author", "me");
  at(package, {"course", "title"}) = "";
  at(package, {"course"}).as_object().set("version", 4);
  at(package, {"sections", 1u, "title"}) = 7;
  Object& lesson = at(package, {"sections", 0u, "lessons", 0u}).as_object();
  lesson.set("position", 1);
  lesson.set("quiz", Object{{"title", "?"}});
  at(package, {"sections", 0u, "lessons", 3u, "quiz", "pass_percent"}) = 101;
  Object& question = at(package, {"sections", 0u, "lessons", 3u, "quiz", "questions", 0u}).as_object();
  question.set("options", Array{Object{{"text", "one"}, {"correct", true}}});
  at(package, {"sections", 0u, "lessons", 3u, "quiz", "questions", 1u}).as_object().set("answer", "no");
  at(package, {"sections", 0u, "lessons", 3u, "quiz", "questions", 2u}).as_object().set("id", "x");
  auto found = places(school.post("/courses/import", package, ines));
  std::sort(found.begin(), found.end());
  CHECK(found == Places{"/body/author", "/body/course/title", "/body/course/version", "/body/format",
                        "/body/sections/0/lessons/0/position", "/body/sections/0/lessons/0/quiz",
                        "/body/sections/0/lessons/3/quiz/pass_percent",
                        "/body/sections/0/lessons/3/quiz/questions/0/options",
                        "/body/sections/0/lessons/3/quiz/questions/1/answer",
                        "/body/sections/0/lessons/3/quiz/questions/2/id", "/body/sections/1/title"});
  CHECK(places(school.post("/courses/import", Array{}, ines)) == Places{"/body"});
  CHECK(places(school.post("/courses/import", Object{{"format", "lms-course"}, {"version", 1}}, ines)) ==
        Places{"/body/course"});
}

TEST_CASE("packages have limits") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  Value package = Object{{"format", "lms-course"}, {"version", 1}, {"course", Object{{"title", "Large"}}}};
  package.as_object().set("sections", Array(101, Object{{"title", "S"}}));
  package.as_object().set("lessons", Array(1'001, Object{{"title", "L"}}));
  CHECK(places(school.post("/courses/import", package, ines)) == Places{"/body/sections", "/body"});
  package.as_object().set("sections", Array(100, Object{{"title", "S"}}));
  package.as_object().set("lessons", Array(1'000, Object{{"title", "L"}}));
  CHECK(school.post("/courses/import", package, ines).status == 201);
}

TEST_CASE("instructors import, owners export") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string otto = school.signed_in("otto@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const std::string head = school.signed_in("head@example.org", role::admin);
  CHECK(school.post("/courses/import", package_of_one).status == 401);
  CHECK(school.post("/courses/import", package_of_one, ada).status == 403);
  REQUIRE(school.post("/courses/import", package_of_one, ines).status == 201);
  CHECK(school.get("/courses/knots/export", head).status == 200);
  CHECK(school.get("/courses/knots/export", otto).status == 404);
  school.post("/courses/knots/publish", {}, ines);
  CHECK(school.get("/courses/knots/export", ada).status == 403);
}

TEST_CASE("the school itself imports a course without an owner") {
  School school;
  const Course course = school.lms.packages().import_package(Principal::system(), package_of_one);
  CHECK_FALSE(course.instructor_id);
  CHECK(school.lms.packages().export_package(Principal::system(), "knots")["course"]["title"] == Value("Knots"));
}

TEST_CASE("a package cannot require a course that its importer may not see") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string tom = school.signed_in("tom@example.org", role::instructor);
  school.post("/courses", Object{{"title", "Basics"}}, tom);
  Value package = package_of_one;
  at(package, {"course"}).as_object().set("prerequisites", Array{"basics"});
  CHECK(places(school.post("/courses/import", package, ines)) == Places{"/body/course/prerequisites/0"});
  CHECK(school.post("/courses/import", package, tom).status == 201);
}

}  // namespace
