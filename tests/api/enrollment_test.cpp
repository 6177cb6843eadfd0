#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "support/school.hpp"

using namespace lms;
using lms::test::School;

namespace {

Value in_course(const Value& course) {
  return Object{{"course_id", course["id"]}};
}

std::vector<std::string> lesson_ids(School& school, const Value& course) {
  std::vector<std::string> ids;
  const auto outline = school.get("/courses/" + course["id"].as_string() + "/lessons");
  for (const Value& lesson : outline.body["items"].as_array()) ids.push_back(lesson["id"].as_string());
  return ids;
}

const Value done = Object{{"completed", true}};

/// Does what waits in the queue, as the threads of `start` would.
void run_jobs(School& school) {
  school.do_jobs();
}

}  // namespace

TEST_CASE("a student enrols, works through the lessons and completes the course") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const Value course = school.published_course(ines);
  const auto lessons = lesson_ids(school, course);
  testing::EventRecorder recorder(school.lms.events());

  CHECK(school.put("/lessons/" + lessons[0] + "/progress", done, ada).code() == "not_enrolled");
  const auto enrolled = school.post("/enrollments", in_course(course), ada);
  REQUIRE(enrolled.status == 201);
  CHECK(school.post("/enrollments", in_course(course), ada).code() == "already_enrolled");
  CHECK(school.get("/courses/knots", ada).body["enrollment"]["id"] == enrolled.body["id"]);
  CHECK(school.get("/courses/knots").body["enrollment"].is_null());
  CHECK(school.get("/courses/knots").number("enrolled_count") == 1);

  const auto half =
      school.put("/lessons/" + lessons[0] + "/progress",
                 Object{{"progress_percent", 50}, {"position_seconds", 30}, {"time_spent_seconds", 40}}, ada);
  CHECK(half.status == 200);
  CHECK(half.body["completed"] == Value(false));
  const auto first = school.put("/lessons/" + lessons[0] + "/progress",
                                Object{{"progress_percent", 100}, {"time_spent_seconds", 2}}, ada);
  CHECK(first.body["completed"] == Value(true));
  CHECK(first.number("time_spent_seconds") == 42);
  CHECK(first.number("course_progress_percent") == 50);
  CHECK(school.put("/lessons/" + lessons[0] + "/progress", Object{{"progress_percent", 10}}, ada)
            .number("progress_percent") == 100);

  const auto last = school.put("/lessons/" + lessons[1] + "/progress", done, ada);
  CHECK(last.text("enrollment_status") == "completed");
  CHECK(last.number("course_progress_percent") == 100);
  const auto seen = school.get("/enrollments/" + enrolled.text("id"), ada);
  CHECK(seen.text("status") == "completed");
  CHECK(seen.number("progress_percent") == 100);
  CHECK(school.get("/enrollments/" + enrolled.text("id") + "/progress", ada).body["items"].as_array().size() == 2);

  const auto events = recorder.take();
  std::vector<std::string> types;
  for (const Event& event : events) types.push_back(event.type);
  CHECK(types == std::vector<std::string>{"enrollment.created", "lesson.completed", "lesson.completed",
                                          "certificate.issued", "enrollment.completed"});
  CHECK(events.back().data["student_email"] == Value("ada@example.org"));
  CHECK(events.back().data["course_title"] == Value("Knots"));
  CHECK(events.back().data["certificate_url"].as_string().find("/certificates/verify/") != std::string::npos);
}

TEST_CASE("prerequisites and price are enforced, and those who manage enrolments stand above them") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const Value basics = school.published_course(ines, "Basics", 1);
  const Value knots = school.published_course(ines, "Knots", 1);
  const std::string path = "/courses/" + knots["id"].as_string();
  CHECK(school.patch(path, Object{{"prerequisites", Array{knots["id"]}}}, ines).status == 422);
  CHECK(school.patch(path, Object{{"prerequisites", Array{"00000000-0000-7000-8000-000000000000"}}}, ines).status ==
        422);
  REQUIRE(school.patch(path, Object{{"prerequisites", Array{basics["id"]}}}, ines).status == 200);

  CHECK(school.post("/enrollments", in_course(knots), ada).code() == "prerequisites_missing");
  school.post("/enrollments", in_course(basics), ada);
  school.put("/lessons/" + lesson_ids(school, basics)[0] + "/progress", done, ada);
  CHECK(school.post("/enrollments", in_course(knots), ada).status == 201);

  const Value dear = school.published_course(ines, "Dear", 1);
  school.patch("/courses/" + dear["id"].as_string(), Object{{"price_cents", 9900}}, ines);
  const auto unpaid = school.post("/enrollments", in_course(dear), ada);
  CHECK(unpaid.status == 403);
  CHECK(unpaid.code() == "payment_required");
  const Value ada_id = school.get("/users/me", ada).body["id"];
  const Value gift = Object{{"course_id", dear["id"]}, {"student_id", ada_id}};
  CHECK(school.post("/enrollments", gift, ada).code() == "permission_denied");
  CHECK(school.post("/enrollments", gift, admin).status == 201);
}

TEST_CASE("only a published course takes students") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const auto draft = school.post("/courses", Object{{"title", "Draft"}}, ines);
  CHECK(school.post("/enrollments", in_course(draft.body), ines).code() == "course_not_published");
  CHECK(school.post("/enrollments", in_course(draft.body), ada).code() == "course_not_found");
}

TEST_CASE("dropping frees the seat and enrolling again takes the progress up") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const Value course = school.published_course(ines);
  const std::string path = "/courses/" + course["id"].as_string();
  school.patch(path, Object{{"capacity", 1}}, ines);
  const auto lessons = lesson_ids(school, course);
  const auto enrolled = school.post("/enrollments", in_course(course), ada);
  school.put("/lessons/" + lessons[0] + "/progress", done, ada);

  const std::string eve = school.signed_in("eve@example.org");
  CHECK(school.post("/enrollments", in_course(course), eve).code() == "course_full");
  CHECK(school.del("/enrollments/" + enrolled.text("id"), eve).status == 404);
  CHECK(school.del("/enrollments/" + enrolled.text("id"), ada).status == 204);
  CHECK(school.del("/enrollments/" + enrolled.text("id"), ada).code() == "enrollment_not_active");
  CHECK(school.put("/lessons/" + lessons[1] + "/progress", done, ada).code() == "not_enrolled");
  CHECK(school.get(path).number("enrolled_count") == 0);

  const auto again = school.post("/enrollments", in_course(course), ada);
  CHECK(again.status == 201);
  CHECK(again.body["id"] == enrolled.body["id"]);
  CHECK(again.number("completed_lessons") == 1);
}

TEST_CASE("a hundred racing enrolments never exceed the capacity") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const Value course = school.published_course(ines);
  school.patch("/courses/" + course["id"].as_string(), Object{{"capacity", 30}}, ines);
  std::vector<NewUser> accounts;
  for (int i = 0; i < 100; ++i)
    accounts.push_back({"s" + std::to_string(i) + "@example.org", "", "Student " + std::to_string(i), std::nullopt});
  const auto students = school.lms.users().create_many(Principal::system(), accounts, School::password);
  const auto roles = std::make_shared<const Roles>();
  const auto id = *CourseId::parse(course["id"].as_string());

  std::atomic<int> enrolled = 0, full = 0, next = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = next++; i < 100; i = next++) try {
          school.lms.enrollments().enroll(Principal(students[static_cast<std::size_t>(i)].id, "student", roles),
                                          {.course_id = id});
          ++enrolled;
        } catch (const Error& error) {
          if (error.reason() == "course_full") ++full;
        }
    });
  for (auto& thread : threads) thread.join();
  CHECK(enrolled == 30);
  CHECK(full == 70);
  CHECK(school.get("/courses/knots").number("enrolled_count") == 30);
}

TEST_CASE("access ends when it expires, and managing can prolong it") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const Value course = school.published_course(ines);
  const Value ada_id = school.get("/users/me", ada).body["id"];
  const auto enrolled = school.post(
      "/enrollments",
      Object{{"course_id", course["id"]}, {"student_id", ada_id}, {"expires_at", "2026-01-01T00:10:00Z"}}, admin);
  REQUIRE(enrolled.status == 201);
  const std::string lesson = "/lessons/" + lesson_ids(school, course)[0];
  CHECK(school.get(lesson, ada).status == 200);
  school.clock->advance(std::chrono::minutes{10});
  CHECK(school.get(lesson, ada).code() == "not_enrolled");
  CHECK(school.patch("/enrollments/" + enrolled.text("id"), Object{{"expires_at", "2026-01-01T00:11:00Z"}}, admin)
            .status == 200);
  CHECK(school.get(lesson, ada).status == 200);
  school.clock->advance(std::chrono::minutes{1});
  CHECK(school.lms.enrollments().expire_overdue() == 1);
  CHECK(school.get("/enrollments/" + enrolled.text("id"), ada).text("status") == "expired");
  CHECK(school.get("/courses/knots").number("enrolled_count") == 0);
}

TEST_CASE("who may look at enrolments") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string tom = school.signed_in("tom@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const std::string eve = school.signed_in("eve@example.org");
  const Value course = school.published_course(ines);
  const auto enrolled = school.post("/enrollments", in_course(course), ada);
  const std::string path = "/enrollments/" + enrolled.text("id");
  const std::string of_course = "/enrollments?course_id=" + course["id"].as_string();
  CHECK(school.get(path).status == 401);
  CHECK(school.get(path, eve).status == 404);
  CHECK(school.get(path, tom).status == 404);
  CHECK(school.get(path, ines).status == 200);
  CHECK(school.get(path, admin).status == 200);
  CHECK(school.get("/enrollments", ada).number("total") == 1);
  CHECK(school.get("/enrollments", eve).number("total") == 0);
  CHECK(school.get(of_course, ines).number("total") == 1);
  CHECK(school.get(of_course, tom).number("total") == 0);
  CHECK(school.get("/enrollments", admin).number("total") == 1);
}

TEST_CASE("the list of a course tells how many are in it, with a seat or without") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const Value course = school.published_course(ines);
  const std::string of_course = "/enrollments?page_size=1&course_id=" + course["id"].as_string();
  const auto total = [&](const std::string& more = "") { return school.get(of_course + more, ines).number("total"); };
  CHECK(total() == 0);

  const auto adas = school.post("/enrollments", in_course(course), school.signed_in("ada@example.org"));
  const std::string eve = school.signed_in("eve@example.org");
  const auto eves = school.post("/enrollments", in_course(course), eve);
  const std::string bob = school.signed_in("bob@example.org");
  const Value bobs_id = school.get("/users/me", bob).body["id"];
  school.post("/enrollments",
              Object{{"course_id", course["id"]}, {"student_id", bobs_id}, {"expires_at", "2026-01-01T00:10:00Z"}},
              admin);
  CHECK(total() == 3);
  CHECK(school.del("/enrollments/" + eves.text("id"), eve).status == 204);
  CHECK(total() == 3);
  school.clock->advance(std::chrono::minutes{11});
  REQUIRE(school.lms.enrollments().expire_overdue() == 1);
  CHECK(total() == 3);
  CHECK(total("&status=active") == 1);
  CHECK(total("&student_id=" + bobs_id.as_string()) == 1);
  CHECK(total("&page=3") == 3);
  CHECK(total("&page=4") == 3);
  CHECK(school.get("/enrollments?page_size=3", admin).number("total") == 3);
  CHECK(school.get("/enrollments?page_size=4", admin).number("total") == 3);
}

TEST_CASE("the total of a course's list is exact up to ten thousand") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const Value course = school.published_course(ines);
  const std::string ada = school.signed_in("ada@example.org");
  const auto enrolled = school.post("/enrollments", in_course(course), ada);
  school.post("/enrollments", in_course(course), school.signed_in("eve@example.org"));
  school.del("/enrollments/" + enrolled.text("id"), ada);

  const auto with_seats = [&](std::int64_t seats) {
    school.lms.storage().write([&](UnitOfWork& uow) {
      Repository<Course>(uow).update_all(equal("id", course["id"]), {set("enrolled_count", seats)});
    });
    return school.get("/enrollments?page_size=1&course_id=" + course["id"].as_string(), ines).body;
  };
  CHECK(with_seats(9'999)["total"] == Value(10'000));
  CHECK(with_seats(9'999)["total_is_more"].is_null());
  for (const std::int64_t seats : {10'000, 10'001, 1'000'000}) {
    CHECK(with_seats(seats)["total"] == Value(10'000));
    CHECK(with_seats(seats)["total_is_more"] == Value(true));
  }
}

TEST_CASE("removing the last open lesson completes the course for who had done the others") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const Value course = school.published_course(ines);
  const auto lessons = lesson_ids(school, course);
  const auto enrolled = school.post("/enrollments", in_course(course), ada);
  school.put("/lessons/" + lessons[0] + "/progress", done, ada);
  CHECK(school.del("/lessons/" + lessons[1], ines).status == 204);
  run_jobs(school);
  CHECK(school.get("/enrollments/" + enrolled.text("id"), ada).text("status") == "completed");
  CHECK(school.get("/certificates", ada).number("total") == 1);
  CHECK(school.del("/lessons/" + lessons[0], ines).code() == "course_empty");
}

TEST_CASE("who has completed a course has completed it, whatever lessons come and go") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const Value course = school.published_course(ines);
  const auto first_lessons = lesson_ids(school, course);
  const std::string enrollment = "/enrollments/" + school.post("/enrollments", in_course(course), ada).text("id");
  for (const std::string& lesson : first_lessons) school.put("/lessons/" + lesson + "/progress", done, ada);
  const std::string completed_at = school.get(enrollment, ada).text("completed_at");
  testing::EventRecorder recorder(school.lms.events());
  school.clock->advance(std::chrono::minutes{1});

  const auto check = [&](std::int64_t completed, std::int64_t all) {
    CAPTURE(completed);
    CAPTURE(all);
    const auto listed = school.get("/enrollments", ada);
    for (const Value& seen : {school.get(enrollment, ada).body, listed.body["items"].as_array()[0]}) {
      CHECK(seen["status"] == Value("completed"));
      CHECK(seen["completed_at"] == Value(completed_at));
      CHECK(seen["progress_percent"] == Value(100));
      CHECK(seen["completed_lessons"] == Value(completed));
      CHECK(seen["lesson_count"] == Value(all));
    }
  };
  check(2, 2);
  const std::string added = school.post("/courses/knots/lessons", Object{{"title", "New"}}, ines).text("id");
  check(2, 3);
  school.del("/lessons/" + first_lessons[0], ines);
  run_jobs(school);
  check(1, 2);
  CHECK(school.put("/lessons/" + added + "/progress", done, ada).number("course_progress_percent") == 100);
  check(2, 2);
  school.del("/lessons/" + added, ines);
  run_jobs(school);
  check(1, 1);
  for (const std::string& type : recorder.take_types()) CHECK(type != "enrollment.completed");
  CHECK(school.get("/certificates", ada).number("total") == 1);
}

TEST_CASE("a report that says nothing new writes nothing") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const Value course = school.published_course(ines);
  const std::string enrollment = "/enrollments/" + school.post("/enrollments", in_course(course), ada).text("id");
  const std::string report = "/lessons/" + lesson_ids(school, course)[0] + "/progress";
  school.put(report, done, ada);
  const auto noted = school.get(enrollment + "/progress", ada);
  const auto seen = school.get(enrollment, ada);
  testing::EventRecorder recorder(school.lms.events());

  school.clock->advance(std::chrono::minutes{1});
  const auto again = school.put(report, done, ada);
  CHECK(again.status == 200);
  CHECK(again.body["completed"] == Value(true));
  CHECK(school.put(report, Object{{"progress_percent", 40}}, ada).number("progress_percent") == 100);
  CHECK(school.get(enrollment + "/progress", ada).body == noted.body);
  CHECK(school.get(enrollment, ada).body == seen.body);
  CHECK(recorder.take().empty());

  CHECK(school.put(report, Object{{"time_spent_seconds", 5}}, ada).text("updated_at") == "2026-01-01T00:01:00Z");
  CHECK(school.get(enrollment, ada).text("last_activity_at") == "2026-01-01T00:01:00Z");
}

TEST_CASE("changed terms are told as an event, terms sent again are not") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const Value course = school.published_course(ines);
  const std::string enrollment = "/enrollments/" + school.post("/enrollments", in_course(course), ada).text("id");
  testing::EventRecorder recorder(school.lms.events());
  const Value terms = Object{{"expires_at", "2027-01-01T00:00:00Z"}};
  CHECK(school.patch(enrollment, terms, admin).status == 200);
  CHECK(school.patch(enrollment, terms, admin).text("student_name") == "Test ada@example.org");
  const auto events = recorder.take();
  REQUIRE(events.size() == 1);
  CHECK(events[0].type == "enrollment.updated");
  CHECK(events[0].data["expires_at"] == Value("2027-01-01T00:00:00Z"));
  CHECK(school.get("/enrollments", admin).body["items"].as_array()[0]["student_name"] == Value("Test ada@example.org"));
}

TEST_CASE("a course that was archived stays open to those in it") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const Value course = school.published_course(ines);
  school.post("/enrollments", in_course(course), ada);
  const auto lessons = lesson_ids(school, course);
  school.post("/courses/" + course["id"].as_string() + "/archive", {}, ines);
  CHECK(school.get("/courses/knots").status == 404);
  CHECK(school.get("/courses/knots", ada).status == 200);
  CHECK(school.get("/lessons/" + lessons[0], ada).status == 200);
  CHECK(school.put("/lessons/" + lessons[0] + "/progress", done, ada).status == 200);
}

TEST_CASE("a lesson that many had left to do is removed at once, and a job completes the course for all of them") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const Value course = school.published_course(ines);
  const auto lessons = lesson_ids(school, course);
  std::vector<NewUser> accounts;
  for (int i = 0; i < 250; ++i)
    accounts.push_back({"s" + std::to_string(i) + "@example.org", "", "Student " + std::to_string(i), std::nullopt});
  const auto roles = std::make_shared<const Roles>();
  const auto first = *LessonId::parse(lessons[0]);
  Enrollments& enrollments = school.lms.enrollments();
  const CourseId id = *CourseId::parse(course["id"].as_string());
  for (const User& user : school.lms.users().create_many(Principal::system(), accounts, School::password)) {
    const Principal student(user.id, "student", roles);
    enrollments.enroll(student, {.course_id = id});
    enrollments.report(student, first, {.completed = true});
  }
  const auto completed = [&] {
    return enrollments.list(Principal::system(), {.page = {}, .course_id = id, .status = EnrollmentStatus::completed})
        .total;
  };
  testing::EventRecorder recorder(school.lms.events());
  CHECK(school.del("/lessons/" + lessons[1], ines).status == 204);
  CHECK(completed() == 0);
  CHECK(recorder.take_types() == std::vector<std::string>{"course.updated"});
  CHECK(school.lms.jobs().run_one());
  CHECK(completed() == 250);
  const auto types = recorder.take_types();
  CHECK(std::count(types.begin(), types.end(), "certificate.issued") == 250);
  CHECK(std::count(types.begin(), types.end(), "enrollment.completed") == 250);
  CHECK(enrollments.recount(id) == 0);
}

TEST_CASE("everybody's progress in a lesson goes with it, however much that is") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const Value course = school.published_course(ines);
  const LessonId lesson = *LessonId::parse(lesson_ids(school, course)[0]);
  std::vector<NewUser> accounts;
  for (int i = 0; i < 1'001; ++i)
    accounts.push_back({"s" + std::to_string(i) + "@example.org", "", "Student " + std::to_string(i), std::nullopt});
  const auto roles = std::make_shared<const Roles>();
  for (const User& user : school.lms.users().create_many(Principal::system(), accounts, School::password)) {
    const Principal student(user.id, "student", roles);
    school.lms.enrollments().enroll(student, {.course_id = *CourseId::parse(course["id"].as_string())});
    school.lms.enrollments().report(student, lesson, {.completed = true});
  }
  testing::EventRecorder recorder(school.lms.events());
  CHECK(school.del("/lessons/" + lesson.text(), ines).status == 204);
  CHECK(recorder.take_types() == std::vector<std::string>{"course.updated"});
  run_jobs(school);
  CHECK(recorder.take().empty());
  const auto views = school.lms.enrollments().list(
      Principal::system(), {.page = {.page = 1, .page_size = 100}, .status = EnrollmentStatus::active});
  CHECK(views.total == 1'001);
  for (const EnrollmentView& view : views.items) CHECK(view.enrollment.completed_lessons == 0);
}

TEST_CASE("what was done in a removed lesson completes nothing, not even before the job has run") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const Value course = school.published_course(ines, "Knots", 3);
  const auto lessons = lesson_ids(school, course);
  const std::string enrollment = "/enrollments/" + school.post("/enrollments", in_course(course), ada).text("id");
  school.put("/lessons/" + lessons[0] + "/progress", done, ada);
  REQUIRE(school.del("/lessons/" + lessons[0], ines).status == 204);
  const auto second = school.put("/lessons/" + lessons[1] + "/progress", done, ada);
  CHECK(second.text("enrollment_status") == "active");
  CHECK(second.number("course_progress_percent") == 50);
  CHECK(school.get(enrollment, ada).number("completed_lessons") == 1);
  run_jobs(school);
  CHECK(school.get(enrollment, ada).number("completed_lessons") == 1);
  CHECK(school.put("/lessons/" + lessons[2] + "/progress", done, ada).text("enrollment_status") == "completed");
}

TEST_CASE("who dropped a course and comes back has completed it if nothing is left to do") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const std::string eve = school.signed_in("eve@example.org");
  const Value course = school.published_course(ines, "Knots", 3);
  const auto lessons = lesson_ids(school, course);
  const auto drop_after = [&](const std::string& student, const std::vector<std::string>& completed) {
    const std::string path = "/enrollments/" + school.post("/enrollments", in_course(course), student).text("id");
    for (const std::string& lesson : completed) school.put("/lessons/" + lesson + "/progress", done, student);
    REQUIRE(school.del(path, student).status == 204);
  };
  drop_after(ada, {lessons[1], lessons[2]});
  drop_after(eve, {lessons[0], lessons[1]});
  school.del("/lessons/" + lessons[0], ines);
  CHECK(school.post("/enrollments", in_course(course), ada).text("status") == "completed");
  CHECK(school.post("/enrollments", in_course(course), eve).text("status") == "active");
}

TEST_CASE("a completed enrolment keeps its one seat when it is opened again") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const Value course = school.published_course(ines, "Knots", 1);
  school.patch("/courses/knots", Object{{"capacity", 1}}, ines);
  const std::string enrollment = school.post("/enrollments", in_course(course), ada).text("id");
  school.put("/lessons/" + lesson_ids(school, course)[0] + "/progress", done, ada);
  CHECK(school.post("/enrollments", in_course(course), ada).code() == "already_enrolled");
  school.patch("/enrollments/" + enrollment, Object{{"expires_at", "2026-01-01T00:01:00Z"}}, admin);
  school.clock->advance(std::chrono::minutes{2});

  const auto again = school.post("/enrollments", in_course(course), ada);
  CHECK(again.status == 201);
  CHECK(again.text("id") == enrollment);
  CHECK(again.text("status") == "completed");
  CHECK(again.body["expires_at"].is_null());
  CHECK(school.get("/courses/knots").number("enrolled_count") == 1);
  school.patch("/courses/knots", Object{{"capacity", 5}}, ines);
  school.patch("/enrollments/" + enrollment, Object{{"expires_at", "2026-01-01T00:01:00Z"}}, admin);
  CHECK(school.post("/enrollments", in_course(course), ada).status == 201);
  CHECK(school.get("/courses/knots").number("enrolled_count") == 1);
}

TEST_CASE("all enrolments whose time is over are ended, however many") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const CourseId course = *CourseId::parse(school.published_course(ines)["id"].as_string());
  std::vector<NewUser> accounts;
  for (int i = 0; i < 501; ++i)
    accounts.push_back({"s" + std::to_string(i) + "@example.org", "", "Student " + std::to_string(i), std::nullopt});
  for (const User& user : school.lms.users().create_many(Principal::system(), accounts, School::password))
    school.lms.enrollments().enroll(
        Principal::system(),
        {.course_id = course, .student_id = user.id, .expires_at = school.clock->now() + std::chrono::minutes{1}});
  school.clock->advance(std::chrono::minutes{1});
  CHECK(school.lms.enrollments().expire_overdue() == 501);
  CHECK(school.get("/courses/knots").number("enrolled_count") == 0);
}

TEST_CASE("a prerequisite that is hidden is required without its title") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const auto secret = school.post("/courses", Object{{"title", "Secret"}}, ines);
  const Value knots = school.published_course(ines, "Knots", 1);
  school.patch("/courses/knots", Object{{"prerequisites", Array{secret.body["id"]}}}, ines);
  const auto refused = school.post("/enrollments", in_course(knots), ada);
  CHECK(refused.code() == "prerequisites_missing");
  CHECK(refused.text("detail").find("Secret") == std::string::npos);
}

TEST_CASE("progress that a program reports keeps to its limits") {
  School school;
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string ada = school.signed_in("ada@example.org");
  const Value course = school.published_course(ines, "Knots", 1);
  school.post("/enrollments", in_course(course), ada);
  const Principal who(*UserId::parse(school.get("/users/me", ada).text("id")), "student",
                      std::make_shared<const Roles>());
  const LessonId lesson = *LessonId::parse(lesson_ids(school, course)[0]);
  CHECK_THROWS_AS(school.lms.enrollments().report(who, lesson, {.progress_percent = 500}), Error);
  CHECK_THROWS_AS(school.lms.enrollments().report(who, lesson, {.time_spent_seconds = -5}), Error);
}
