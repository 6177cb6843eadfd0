#include <doctest/doctest.h>

#include "support/school.hpp"

namespace {

using namespace lms;
using test::School;

/// A course of one lesson, and students who complete it.
struct Class {
  Class() {
    Settings settings = School::quick_settings();
    settings.public_url = "https://school.example";
    settings.access_token_lifetime = std::chrono::hours{2};
    school.emplace(settings);
    ines = school->signed_in("ines@example.org", role::instructor);
    course = school->published_course(ines, "Knots", 1)["id"].as_string();
    lesson = school->get("/courses/" + course + "/lessons").body["items"].as_array()[0]["id"].as_string();
  }
  /// Completes the course; returns the certificate.
  Value complete(const std::string& student) {
    school->post("/enrollments", Object{{"course_id", course}}, student);
    school->put("/lessons/" + lesson + "/progress", Object{{"completed", true}}, student);
    return school->get("/certificates?course_id=" + course, student).body["items"].as_array().at(0);
  }

  std::optional<School> school;
  std::string ines, course, lesson;
};

TEST_CASE("who completes a course gets a certificate that anybody can verify") {
  Class knots;
  School& school = *knots.school;
  testing::EventRecorder recorder(school.lms.events());
  const std::string ada = school.signed_in("ada@example.org");
  const Value certificate = knots.complete(ada);
  CHECK(certificate["number"] == Value("2026-000001"));
  CHECK(certificate["student_name"] == Value("Test ada@example.org"));
  CHECK(certificate["course_title"] == Value("Knots"));
  CHECK(certificate["revoked_at"].is_null());
  const std::string code = certificate["code"].as_string();
  CHECK(code.size() >= 20);
  CHECK(school.get("/certificates/" + certificate["id"].as_string(), ada).body == certificate);

  const auto verified = school.get("/certificates/verify/" + code);
  REQUIRE(verified.status == 200);
  CHECK(verified.body == Value(Object{{"valid", true},
                                      {"number", certificate["number"]},
                                      {"student_name", certificate["student_name"]},
                                      {"course_title", "Knots"},
                                      {"issued_at", certificate["issued_at"]},
                                      {"revoked_at", nullptr}}));
  CHECK(school.get("/certificates/verify/" + code + "x").code() == "certificate_not_found");

  const std::string url = "https://school.example/api/v1/certificates/verify/" + code;
  for (const Event& event : recorder.take()) {
    if (event.type == "certificate.issued") {
      CHECK(event.data["certificate_id"] == certificate["id"]);
      CHECK(event.data["student_email"] == Value("ada@example.org"));
      CHECK(event.data["verification_url"] == Value(url));
    }
    if (event.type == "enrollment.completed") CHECK(event.data["certificate_url"] == Value(url));
  }
}

TEST_CASE("certificates are numbered without a gap, from one in each year") {
  Class knots;
  School& school = *knots.school;
  const std::string ada = school.signed_in("ada@example.org");
  const std::string ben = school.signed_in("ben@example.org");
  CHECK(knots.complete(ada)["number"] == Value("2026-000001"));
  CHECK(knots.complete(ben)["number"] == Value("2026-000002"));
  school.clock->advance(std::chrono::days{365});
  const std::string eve = school.signed_in("eve@example.org");
  CHECK(knots.complete(eve)["number"] == Value("2027-000001"));
}

TEST_CASE("an enrolment has one certificate, however often it is completed") {
  Class knots;
  School& school = *knots.school;
  const std::string ada = school.signed_in("ada@example.org");
  const Value first = knots.complete(ada);
  Storage& storage = school.lms.storage();
  storage.write([&](UnitOfWork& uow) {
    const auto enrollment = Repository<Enrollment>(uow).get(*EnrollmentId::parse(first["enrollment_id"].as_string()));
    const std::string url =
        school.lms.certificates().issue(uow, enrollment, Repository<Course>(uow).get(enrollment.course_id));
    CHECK(url.ends_with(first["code"].as_string()));
  });
  CHECK(school.get("/certificates", ada).number("total") == 1);
}

TEST_CASE("a certificate is revoked by the owner of the course, once, and says so to strangers") {
  Class knots;
  School& school = *knots.school;
  const std::string ada = school.signed_in("ada@example.org");
  const std::string otto = school.signed_in("otto@example.org", role::instructor);
  const Value certificate = knots.complete(ada);
  const std::string path = "/certificates/" + certificate["id"].as_string() + "/revoke";
  const Value reason = Object{{"reason", "Copied."}};
  testing::EventRecorder recorder(school.lms.events());

  CHECK(school.post(path, reason).status == 401);
  CHECK(school.post(path, reason, ada).status == 403);
  CHECK(school.post(path, reason, otto).code() == "certificate_not_found");
  CHECK(school.post(path, Object{}, knots.ines).status == 422);
  const auto revoked = school.post(path, reason, knots.ines);
  REQUIRE(revoked.status == 200);
  CHECK(revoked.text("revoke_reason") == "Copied.");
  CHECK(school.post(path, reason, knots.ines).code() == "certificate_revoked");

  const auto verified = school.get("/certificates/verify/" + certificate["code"].as_string());
  CHECK(verified.body["valid"] == Value(false));
  CHECK(verified.body["revoked_at"] == revoked.body["revoked_at"]);
  CHECK(to_json(verified.body).find("Copied") == std::string::npos);
  const auto events = recorder.take();
  REQUIRE(events.size() == 1);
  CHECK(events[0].type == "certificate.revoked");
  CHECK(events[0].data["revoke_reason"] == Value("Copied."));
}

TEST_CASE("students list their own certificates, instructors those of their courses, admins all") {
  Class knots;
  School& school = *knots.school;
  const std::string ada = school.signed_in("ada@example.org");
  const std::string ben = school.signed_in("ben@example.org");
  const std::string otto = school.signed_in("otto@example.org", role::instructor);
  const std::string head = school.signed_in("head@example.org", role::admin);
  const Value of_ada = knots.complete(ada);
  school.clock->advance(std::chrono::hours{1});
  knots.complete(ben);
  const auto total = [&](const std::string& who, const std::string& query = {}) {
    return school.get("/certificates" + query, who).number("total");
  };
  CHECK(total(ada) == 1);
  CHECK(total(knots.ines) == 0);
  CHECK(total(knots.ines, "?course_id=" + knots.course) == 2);
  CHECK(total(otto, "?course_id=" + knots.course) == 0);
  CHECK(total(head) == 2);
  CHECK(total(head, "?student_id=" + of_ada["student_id"].as_string()) == 1);
  CHECK(school.get("/certificates", head).body["items"].as_array()[1]["id"] == of_ada["id"]);

  const std::string path = "/certificates/" + of_ada["id"].as_string();
  CHECK(school.get(path, ben).code() == "certificate_not_found");
  CHECK(school.get(path, otto).code() == "certificate_not_found");
  CHECK(school.get(path, knots.ines).status == 200);
  CHECK(school.get(path).status == 401);
}

}  // namespace
