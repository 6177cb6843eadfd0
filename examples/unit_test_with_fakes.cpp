// A unit test of a program that embeds the school: what a host writes, with a clock that goes when told to, a record of
// events and a storage that fails on demand.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <memory>

#include <lms/backends/memory.hpp>
#include <lms/lms.hpp>
#include <lms/testing/event_recorder.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/faulty_storage.hpp>
#include <lms/testing/log_recorder.hpp>
#include <lms/testing/seeded_random.hpp>

namespace host {

/// The code under test: enrols somebody for thirty days. False if the school is out of order, so that the host can ask
/// again later.
bool grant_trial(lms::Lms& school, lms::UserId student, lms::CourseId course) {
  try {
    school.enrollments().enroll(
        lms::Principal::system(),
        {.course_id = course, .student_id = student, .expires_at = school.clock().now() + std::chrono::days{30}});
    return true;
  } catch (const lms::Error& error) {
    if (error.code() != lms::ErrorCode::unavailable) throw;
    school.log().warning("host", "trial not granted", lms::Object{{"reason", error.reason()}});
    return false;
  }
}

}  // namespace host

namespace {

/// A school of each test's own, made in a millisecond.
struct SchoolForTests {
  static lms::Settings quick_settings() {
    lms::Settings settings;
    settings.argon2_memory_kib = 64;  // or logins are most of the time
    settings.argon2_iterations = 1;
    return settings;
  }

  std::shared_ptr<lms::testing::FakeClock> clock = std::make_shared<lms::testing::FakeClock>();
  std::shared_ptr<lms::testing::LogRecorder> log = std::make_shared<lms::testing::LogRecorder>();
  std::shared_ptr<lms::testing::FaultyStorage> storage =
      std::make_shared<lms::testing::FaultyStorage>(lms::open_memory_storage());
  lms::Lms school{quick_settings(),
                  {.storage = storage,
                   .clock = clock,
                   .random = std::make_shared<lms::testing::SeededRandom>(),  // the same ids in every run
                   .log = log}};

  lms::UserId ada = school.auth().register_student({"ada@example.org", "correct horse battery", "Ada Byron"}).id;
  lms::CourseId course = published_course();
  lms::testing::EventRecorder events{school.events()};

  lms::CourseId published_course() {
    const auto office = lms::Principal::system();
    const lms::CourseId id = school.packages()
                                 .import_package(office, lms::parse_json(R"({
      "format": "lms-course", "version": 1, "course": {"title": "Knots"},
      "sections": [{"title": "One", "lessons": [{"title": "Reef knot", "kind": "text", "content": "Over, under."}]}]
    })"))
                                 .id;
    school.courses().publish(office, id);
    return id;
  }
  std::vector<lms::EnrollmentView> enrollments() {
    return school.enrollments().list(lms::Principal::system(), {.page = {}, .student_id = ada}).items;
  }
};

}  // namespace

TEST_CASE_FIXTURE(SchoolForTests, "a trial is an enrolment that ends after thirty days") {
  CHECK(host::grant_trial(school, ada, course));
  CHECK(events.take_types() == std::vector<std::string>{"enrollment.created"});
  REQUIRE(enrollments().size() == 1);
  CHECK(enrollments().front().enrollment.status == lms::EnrollmentStatus::active);

  clock->advance(std::chrono::days{31});
  CHECK(school.enrollments().expire_overdue() == 1);  // a school that was started does so by itself
  CHECK(enrollments().front().enrollment.status == lms::EnrollmentStatus::expired);
}

TEST_CASE_FIXTURE(SchoolForTests, "wherever the storage fails, no trial is half granted and the next try succeeds") {
  std::size_t n = 1;
  for (;; ++n) {
    storage->fail_at(n);
    const bool granted = host::grant_trial(school, ada, course);
    if (!storage->has_failed()) break;
    CHECK_FALSE(granted);
    CHECK(log->has(lms::LogLevel::warning, "trial not granted"));
    CHECK(enrollments().empty());
    CHECK(events.take().empty());
  }
  storage->heal();  // the last one asked for has not happened
  CHECK(n > 1);
  CHECK(enrollments().size() == 1);
}
