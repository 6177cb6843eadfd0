// A school day without a server: the school lives in this process, in memory.
#include <cstdio>
#include <lms/backends/memory.hpp>
#include <lms/lms.hpp>

int main() {
  lms::Lms school(lms::Settings{}, {.storage = lms::open_memory_storage()});
  const auto office = lms::Principal::system();

  // The school makes an instructor, who makes a course and publishes it.
  school.users().create(office, {"ines@example.org", "correct horse battery", "Inés Prado", "instructor"});
  const auto sign_in = [&](const char* email) {
    const auto login = std::get<lms::Login>(school.auth().login({email, "correct horse battery"}));
    return school.auth().authenticate(login.tokens.access_token);
  };
  const lms::Principal ines = sign_in("ines@example.org");
  const lms::Course course = school.packages().import_package(ines, lms::parse_json(R"({
    "format": "lms-course", "version": 1, "course": {"title": "Knots"},
    "sections": [{"title": "Two knots", "lessons": [
      {"title": "Reef knot", "kind": "text", "content": "Right over left, left over right."},
      {"title": "Did it hold?", "kind": "quiz", "quiz": {"title": "Knots", "pass_percent": 100, "questions": [
        {"kind": "true_false", "text": "A reef knot joins two ropes of equal thickness.", "answer": true}]}}]}]})"));
  school.courses().publish(ines, course.id);

  // A student registers, enrols, reads the lesson, fails the quiz and passes it.
  school.auth().register_student({"ada@example.org", "correct horse battery", "Ada Byron"});
  const lms::Principal ada = sign_in("ada@example.org");
  const lms::Enrollment enrollment = school.enrollments().enroll(ada, {.course_id = course.id});
  const auto lessons = school.courses().outline(ada, course.slug);
  school.enrollments().report(ada, lessons.front().id, {.completed = true});

  const lms::Quiz quiz = school.quizzes().list(ada, course.slug).front();
  for (const bool answer : {false, true}) {
    const auto attempt = school.quizzes().start(ada, quiz.id);
    const lms::Answer said{.question_id = attempt.questions.front().question_id, .answer = answer};
    const auto graded = school.quizzes().submit(ada, attempt.attempt.id, {said});
    std::printf("answered %s: %g percent\n", answer ? "yes" : "no", graded.attempt.percent.value_or(0));
  }

  // That completed the course. A stranger verifies the certificate.
  const auto done = school.enrollments().get(ada, enrollment.id);
  const lms::Certificate certificate = school.certificates().list(ada, {}).items.front();
  const auto seen = school.certificates().verify(certificate.code);
  std::printf("%s completed “%s” (%lld percent): certificate %s is %s\n", seen.student_name.c_str(),
              seen.course_title.c_str(), static_cast<long long>(done.progress_percent), certificate.number.c_str(),
              seen.valid ? "valid" : "revoked");
  return seen.valid ? 0 : 1;
}
