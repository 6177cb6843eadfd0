#pragma once

#include <string>
#include <vector>

#include "support/school.hpp"

namespace lms::test {

/// Somebody who has left traces wherever a school keeps any.
struct Person {
  static constexpr const char* email = "Zuleika.Quandt@example.org";
  static constexpr const char* first_email = "zq-first@example.net";
  static constexpr const char* name = "Zuleika Quandt";
  static constexpr const char* first_name = "Zulu Firstname";
  static constexpr const char* bio = "Collects barometers in Pernambuco.";
  static constexpr const char* essay = "My uncle Balthasar wrote this.";

  static constexpr const char* idempotency_key = "a new student";

  /// What must be gone; the certificate's code and the ids stay.
  static std::vector<std::string> traces() {
    return {"zuleika", "quandt", "zq-first", "zulu firstname", "barometers", "balthasar", "firefox of z"};
  }

  std::string id;
  std::string token;
  std::string attempt;
  std::string certificate_code;
};

/// With a course done, two names and two addresses, a certificate, sessions, a mail on its way and one that was sent.
inline Person person_in(School& school, const std::string& admin) {
  Person person;
  const auto drain = [&] { school.do_jobs(); };
  person.id =
      ask_with(
          school, http::Method::post, "/users",
          Object{{"email", Person::first_email}, {"password", School::password}, {"full_name", Person::first_name}},
          admin, {{"Idempotency-Key", Person::idempotency_key}})
          .text("id");
  const auto sign_in = [&](const char* email) {
    http::Request request;
    request.method = http::Method::post;
    request.target = "/api/v1/auth/login";
    request.headers = {{"Host", "localhost"}, {"User-Agent", "Firefox of Z"}, {"Content-Type", "application/json"}};
    request.peer = "198.51.100.77";
    request.body = to_json(Object{{"email", email}, {"password", School::password}});
    return school.send(std::move(request)).text("access_token");
  };
  person.token = sign_in(Person::first_email);
  school.patch("/users/me", Object{{"full_name", Person::name}, {"bio", Person::bio}}, person.token);
  school.lms.storage().write([&](UnitOfWork& uow) {  // as a verified change of address leaves it
    Repository<User> users(uow);
    User user = users.get(UserId::parse(person.id).value());
    user.email = Person::email;
    user.email_key = email_key(user.email);
    user.pending_email = "Zuleika.Quandt.Next@example.org";
    users.update(user);
    school.lms.mails().send(uow, mail_kind::email_changed,
                            Object{{"user_id", person.id},
                                   {"to", Person::first_email},
                                   {"address", Person::email},
                                   {"time", to_iso8601(school.clock->now())},
                                   {"device", "Firefox of Z"}});
  });
  drain();
  school.post("/auth/login", Object{{"email", Person::email}, {"password", "wrong"}});
  school.post("/auth/request-password-reset", Object{{"email", Person::email}});

  school.post("/auth/tokens",
              Object{{"name", "Firefox of Z"}, {"scopes", Array{"users:read"}}, {"password", School::password}},
              person.token);

  const Value course = school.published_course(admin, "Knots", 1);
  const std::string course_id = course["id"].as_string();
  const auto quiz = school.post("/courses/" + course_id + "/quizzes", Object{{"title", "Words"}}, admin);
  school.post("/quizzes/" + quiz.text("id") + "/questions",
              Object{{"kind", "short_answer"}, {"text", "Who wrote this?"}, {"accepted", Array{"me"}}}, admin);
  school.post("/enrollments", Object{{"course_id", course_id}}, person.token);
  const auto attempt = school.post("/quizzes/" + quiz.text("id") + "/attempts", {}, person.token);
  person.attempt = attempt.text("id");
  const Value question = attempt.body["questions"].as_array().at(0)["question_id"];
  school.post("/attempts/" + person.attempt + "/submit",
              Object{{"answers", Array{Object{{"question_id", question}, {"answer", Person::essay}}}}}, person.token);
  const auto lessons = school.get("/courses/" + course_id + "/lessons", person.token);
  school.put("/lessons/" + lessons.body["items"].as_array().at(0)["id"].as_string() + "/progress",
             Object{{"completed", true}}, person.token);
  person.certificate_code =
      school.get("/certificates", person.token).body["items"].as_array().at(0)["code"].as_string();
  return person;
}

}  // namespace lms::test
