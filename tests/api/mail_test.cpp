#include <doctest/doctest.h>

#include <lms/testing/fake_mailer.hpp>

#include "support/school.hpp"

namespace {

using namespace lms;
using test::School;

}  // namespace

TEST_CASE("an admin has a test mail sent to their own address, others have not") {
  const auto mailer = std::make_shared<testing::FakeMailer>();
  School school(School::quick_settings(), nullptr, nullptr, mailer);
  const std::string admin = school.signed_in("root@example.org", role::admin);
  CHECK(school.post("/admin/mail/test").status == 401);
  CHECK(school.post("/admin/mail/test", {}, school.signed_in("teacher@example.org", role::instructor)).status == 403);

  const auto answer = school.post("/admin/mail/test", {}, admin);
  CHECK(answer.status == 202);
  CHECK(answer.text("kind") == "mail.test");
  CHECK(answer.text("status") == "waiting");
  CHECK(mailer->attempts() == 0);
  REQUIRE(school.lms.jobs().run_one());
  const auto mail = mailer->take();
  REQUIRE(mail);
  CHECK(mail->to == "root@example.org");
  CHECK(mail->subject == "A test mail from LMS");

  const auto job = school.get("/admin/jobs/" + answer.text("id"), admin);
  CHECK(job.text("status") == "succeeded");
  CHECK(job.body["result"]["reply"] == Value("kept"));
}

TEST_CASE("a refused test mail tells its admin why") {
  const auto mailer = std::make_shared<testing::FakeMailer>();
  School school(School::quick_settings(), nullptr, nullptr, mailer);
  const std::string admin = school.signed_in("root@example.org", role::admin);
  mailer->refuse(Error(ErrorCode::invalid, "recipient_refused", "550 5.1.1 nobody of that name"));
  const auto answer = school.post("/admin/mail/test", {}, admin);
  REQUIRE(school.lms.jobs().run_one());
  const auto job = school.get("/admin/jobs/" + answer.text("id"), admin);
  CHECK(job.text("status") == "dead");
  CHECK(job.text("error") == "550 5.1.1 nobody of that name");
  mailer->accept();
  CHECK(school.post("/admin/jobs/" + answer.text("id") + "/retry", {}, admin).text("status") == "waiting");
  REQUIRE(school.lms.jobs().run_one());
  CHECK(mailer->mails().size() == 1);
}

TEST_CASE("a school without a mail server logs mails, with their text in development only") {
  for (const Environment environment : {Environment::development, Environment::production}) {
    Settings settings = School::quick_settings();
    settings.environment = environment;
    const auto log = std::make_shared<testing::LogRecorder>();
    Lms school(settings, {.log = log});
    school.mails().send_test(Principal::system(), "root@example.org");
    REQUIRE(school.jobs().run_one());
    school.start(0);
    const bool is_development = environment == Environment::development;
    CHECK(log->has(LogLevel::info, "a mail, only logged: SMTP_HOST is not set") == is_development);
    CHECK(log->has(LogLevel::warning, "a mail was not sent: SMTP_HOST is not set") == !is_development);
    CHECK(log->has(LogLevel::warning, "mails are not sent: SMTP_HOST is not set") == !is_development);
    CHECK(log->has(LogLevel::warning,
                   "nobody can set up a second factor: ENCRYPTION_KEY is not set; `lms-server crypto "
                   "generate-key` prints one") == !is_development);
    for (const auto& line : log->lines())
      if (const Value* text = line.fields.find("text"))
        CHECK(is_development == (text->as_string().find("to see whether mails of LMS arrive") != std::string::npos));
  }
}

TEST_CASE("no school opens with a mail template that has faults") {
  Settings settings = School::quick_settings();
  settings.mail_templates_dir = "/nowhere";
  CHECK_THROWS_AS(School{settings}, Error);
}
