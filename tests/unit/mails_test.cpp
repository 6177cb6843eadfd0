#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include <lms/audit.hpp>
#include <lms/backends/memory.hpp>
#include <lms/mail.hpp>
#include <lms/principal.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/fake_mailer.hpp>
#include <lms/testing/log_recorder.hpp>
#include <lms/testing/run_twice_storage.hpp>
#include <lms/testing/seeded_random.hpp>

#include "mail/log_mailer.hpp"
#include "mail/templates.hpp"
#include "support/scratch_folder.hpp"

namespace {

using namespace lms;
using namespace std::chrono_literals;

const Principal system_itself = Principal::system();

const MailKind badge{"badge",
                     {"title", "link"},
                     {{"badge.txt", "Subject: {{title}} for {{name}}\n\nWell done.\n\nSee it:\n{{link}}\n"},
                      {"badge.de.txt", "Subject: {{title}} für {{name}}\n\nGut gemacht.\n"}}};

MailContent badge_content() {
  return {.to = "ada@example.org",
          .name = "Ada Lovelace",
          .values = {{"title", "Knots & <bends>"}, {"link", "https://school.example/b?a=1&b=2"}}};
}

struct School {
  std::shared_ptr<Storage> storage = open_memory_storage();
  testing::FakeClock clock;
  testing::SeededRandom random;
  testing::LogRecorder lines;
  Logger logger{lines, clock};
  Audit audit{*storage, clock, logger};
  Jobs jobs{*storage, clock, random, audit, logger};
  testing::FakeMailer mailer;
  Mails mails;

  explicit School(std::string templates_dir = {})
      : mails(*storage, clock, jobs, mailer, {.school = "Sea School", .templates_dir = std::move(templates_dir)}) {}

  std::optional<JobId> send(const MailKind& kind, Value payload = {}, const MailSendOptions& options = {}) {
    return storage->write([&](UnitOfWork& uow) { return mails.send(uow, kind, payload, options); });
  }
  Job get(JobId id) { return jobs.get(system_itself, id); }
};

/// Every value of a kind, told apart by its name.
MailContent content_of(const MailKind& kind, const std::string& language) {
  MailContent content{.to = "ada@example.org", .name = "Ada", .language = language};
  for (const std::string_view name : kind.values) {
    MailValue value = "the-" + std::string(name);
    if (name == "lifetime") value = 30min;
    if (name == "time") value = Time(std::chrono::sys_days{std::chrono::year{2026} / 3 / 4} + 9h);
    if (name == "link") value = "https://school.example/?token=the-link";
    content.values.emplace(name, std::move(value));
  }
  return content;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string faults_of(const auto& act) {
  try {
    act();
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid);
    std::string all;
    for (const Fault& fault : error.faults()) all += fault.message + "\n";
    return all;
  }
  return {};
}

}  // namespace

TEST_CASE("a mail is made when it is about to be sent, not when it is asked for") {
  School school;
  int made = 0;
  school.mails.declare(badge, [&](const Value& payload) -> std::optional<MailContent> {
    ++made;
    CHECK(payload == Value(7));
    return badge_content();
  });
  const auto id = school.send(badge, 7);
  REQUIRE(id);
  CHECK(made == 0);
  CHECK(school.get(*id).kind == "mail.badge");
  CHECK(school.jobs.run_one());
  CHECK(made == 1);

  const auto mail = school.mailer.take();
  REQUIRE(mail);
  CHECK(mail->id == id->text());
  CHECK(mail->to == "ada@example.org");
  CHECK(mail->to_name == "Ada Lovelace");
  CHECK(mail->subject == "Knots & <bends> for Ada Lovelace");
  CHECK(mail->text == "Well done.\n\nSee it:\nhttps://school.example/b?a=1&b=2\n");
  CHECK(mail->language == "en");
  CHECK(has(mail->html, "Knots &amp; &lt;bends&gt; for Ada Lovelace"));
  CHECK(has(mail->html, "<a href=\"https://school.example/b?a=1&amp;b=2\""));
  CHECK(has(mail->html, ">See it</a>"));
  CHECK(has(mail->html, "Sea School"));
  CHECK_FALSE(school.mailer.take());
  CHECK(school.get(*id).status == JobStatus::succeeded);
  CHECK(school.get(*id).result == Value(Object{{"sent", true}, {"reply", "kept"}}));
}

TEST_CASE("a mail of a transaction that failed is not sent, and one of a function run twice is sent once") {
  School school;
  school.mails.declare(badge, [](const Value&) { return badge_content(); });
  CHECK_THROWS_AS(school.storage->write([&](UnitOfWork& uow) {
    school.mails.send(uow, badge, {});
    throw conflict("no", "No.");
  }),
                  Error);
  CHECK_FALSE(school.jobs.run_one());

  testing::RunTwiceStorage twice(school.storage);
  twice.write([&](UnitOfWork& uow) { school.mails.send(uow, badge, {}); });
  while (school.jobs.run_one()) {
  }
  CHECK(school.mailer.mails().size() == 1);
}

TEST_CASE("a mail that is no longer wanted is not sent") {
  School school;
  school.mails.declare(badge, [](const Value&) { return std::nullopt; });
  const auto id = school.send(badge);
  CHECK(school.jobs.run_one());
  CHECK(school.mailer.attempts() == 0);
  CHECK(school.get(*id).status == JobStatus::succeeded);
  CHECK(school.get(*id).result == Value(Object{{"sent", false}}));
}

TEST_CASE("a mail waits for a server that is down, an hour at most between attempts, for three days") {
  School school;
  int made = 0;
  school.mails.declare(badge, [&](const Value&) {
    ++made;
    return badge_content();
  });
  school.mailer.refuse(unavailable("mail_server_unavailable", "Down."));
  const auto id = school.send(badge);
  const Time start = school.clock.now();
  Time before = start;
  while (school.get(*id).status == JobStatus::waiting) {
    const Job job = school.get(*id);
    CHECK(job.run_at - before <= 66min);
    before = job.run_at;
    school.clock.set(std::max(school.clock.now(), job.run_at));
    REQUIRE(school.jobs.run_one());
  }
  CHECK(school.get(*id).status == JobStatus::dead);
  CHECK(school.get(*id).error == "Down.");
  CHECK(school.clock.now() - start > 70h);
  CHECK(school.clock.now() - start < 74h);

  school.mailer.accept();
  school.jobs.retry(system_itself, *id);
  const int made_before = made;
  CHECK(school.jobs.run_one());
  CHECK(made == made_before + 1);
  CHECK(school.mailer.mails().at(0).id == id->text());
}

TEST_CASE("a refused mail is dead at once and its job says why") {
  School school;
  school.mails.declare(badge, [](const Value&) { return badge_content(); });
  school.mailer.refuse(Error(ErrorCode::invalid, "recipient_refused", "550 5.1.1 nobody of that name"));
  const auto id = school.send(badge);
  CHECK(school.jobs.run_one());
  CHECK(school.get(*id).status == JobStatus::dead);
  CHECK(school.get(*id).attempts == 1);
  CHECK(school.get(*id).error == "550 5.1.1 nobody of that name");
  CHECK(school.mailer.attempts() == 1);
}

TEST_CASE("an address that is none is never handed over") {
  School school;
  school.mails.declare(badge, [](const Value&) {
    MailContent content = badge_content();
    content.to = "ada@example.org>\r\nBcc: <eve@example.org";
    return content;
  });
  const auto id = school.send(badge);
  CHECK(school.jobs.run_one());
  CHECK(school.get(*id).status == JobStatus::dead);
  CHECK(school.mailer.attempts() == 0);
}

TEST_CASE("line breaks and controls in what people typed become blanks") {
  School school;
  MailContent content = badge_content();
  content.name = "Ada\r\nBcc: eve@example.org\x01\xFF";
  content.values["title"] = "A\u2028B\u202EC";
  const Mail mail = [&] {
    school.mails.declare(badge, [](const Value&) { return std::nullopt; });
    return school.mails.write(badge, content);
  }();
  CHECK(mail.subject == "A B C for Ada  Bcc: eve@example.org \uFFFD");
  CHECK(mail.to_name == "Ada  Bcc: eve@example.org \uFFFD");
}

TEST_CASE("of two mails with the same unique key one waits, and a mail may be meant for later") {
  School school;
  school.mails.declare(badge, [](const Value&) { return badge_content(); });
  const Time later = school.clock.now() + 1h;
  CHECK(school.send(badge, {}, {.not_before = later, .unique_key = "badge:1"}));
  CHECK_FALSE(school.send(badge, {}, {.unique_key = "badge:1"}));
  CHECK_FALSE(school.jobs.run_one());
  school.clock.set(later);
  CHECK(school.jobs.run_one());
  CHECK(school.mailer.mails().size() == 1);
}

TEST_CASE("the values of a mail are those of its kind, no less and no more") {
  School school;
  school.mails.declare(badge, [](const Value&) { return badge_content(); });
  MailContent content = badge_content();
  content.values.erase("title");
  CHECK_THROWS_WITH_AS(school.mails.write(badge, content), "The mail badge lacks the value title", Error);
  content = badge_content();
  content.values["titel"] = "x";
  CHECK_THROWS_WITH_AS(school.mails.write(badge, content), "The mail badge knows no value titel", Error);
}

TEST_CASE("a kind is declared once, and before its mails are asked for") {
  School school;
  CHECK_THROWS_AS(school.send(badge), Error);
  school.mails.declare(badge, [](const Value&) { return badge_content(); });
  CHECK_THROWS_AS(school.mails.declare(badge, [](const Value&) { return badge_content(); }), Error);
}

TEST_CASE("a mail is written in the recipient's language where there is a template, else in English") {
  School school;
  school.mails.declare(badge, [](const Value&) { return badge_content(); });
  const auto written = [&](const MailKind& kind, const std::string& language) {
    MailContent content = &kind == &badge ? badge_content() : content_of(kind, language);
    content.language = language;
    return school.mails.write(kind, content);
  };
  CHECK(written(badge, "de").text == "Gut gemacht.\n");
  CHECK(written(badge, "de-AT").text == "Gut gemacht.\n");
  CHECK(written(badge, "de-AT").language == "de");
  CHECK(written(badge, "fr").language == "en");
  CHECK(written(badge, "").language == "en");
  CHECK(has(written(mail_kind::password_reset, "es").html, "<html lang=\"es\">"));
  CHECK(has(written(mail_kind::password_reset, "es").text, "30 minutos"));
  CHECK(has(written(mail_kind::password_reset, "de").text, "30 Minuten"));
  CHECK(has(written(mail_kind::password_reset, "fr").text, "30 minutes"));
}

TEST_CASE("times are the recipient's, durations are in the largest unit that fits") {
  School school;
  MailContent content = content_of(mail_kind::test, "en");
  CHECK(has(school.mails.write(mail_kind::test, content).text, "March 4, 2026 at 9:00 AM UTC"));
  content.timezone = "Europe/Berlin";
  content.language = "de";
  CHECK(has(school.mails.write(mail_kind::test, content).text, "4. März 2026 um 10:00 MEZ"));
  content.timezone = "Mars/Olympus";
  CHECK(has(school.mails.write(mail_kind::test, content).text, "09:00 UTC"));

  MailContent reset = content_of(mail_kind::password_reset, "en");
  for (const auto& [minutes, words] :
       {std::pair{1min, "1 minute."}, {90min, "90 minutes."}, {120min, "2 hours."}, {10'080min, "7 days."}}) {
    reset.values["lifetime"] = minutes;
    CHECK(has(school.mails.write(mail_kind::password_reset, reset).text, words));
  }
}

TEST_CASE("every built-in template is without fault and says every value it is given") {
  const MailTemplates templates("");
  CHECK(templates.layout_faults().empty());
  School school;
  for (const MailKind* kind : mail_kind::all()) {
    INFO(kind->name);
    for (const Fault& fault : templates.faults(*kind)) FAIL_CHECK(fault.message);
    for (const char* language : {"en", "de", "es"}) {
      INFO(language);
      const Mail mail = school.mails.write(*kind, content_of(*kind, language));
      CHECK(mail.language == language);
      CHECK(has(mail.subject, "Sea School"));
      for (const std::string_view name : kind->values) {
        if (name == "lifetime" || name == "time" || name == "codes") continue;
        CHECK_MESSAGE(has(mail.text, "the-" + std::string(name)), name);
        CHECK_MESSAGE(has(mail.html, "the-" + std::string(name)), name);
      }
      CHECK_FALSE(has(mail.text, "{{"));
      CHECK_FALSE(has(mail.html, "{{"));
      // Subjects are read over shoulders and on locked screens.
      CHECK_FALSE(has(mail.subject, "the-code"));
      Mail complete = mail;
      complete.id = "1";
      CHECK_NOTHROW(require_sendable(complete));
    }
  }
}

TEST_CASE("what is not known leaves no trace in a mail") {
  School school;
  MailContent content = content_of(mail_kind::password_changed, "en");
  content.name.clear();
  content.values["device"] = "";
  const std::string text = school.mails.write(mail_kind::password_changed, content).text;
  CHECK(text.starts_with("Hello,\n"));
  CHECK(has(text, "AM UTC.\n"));
}

// --- a folder of templates ---

namespace {

struct TemplateFolder {
  testing::ScratchFolder folder;

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder.file(name), std::ios::binary) << text;
  }
  std::string path() const { return folder.file(""); }
};

}  // namespace

TEST_CASE("files of a folder take the place of templates, one by one") {
  TemplateFolder folder;
  folder.write("test.txt", "Subject: Ahoy {{name}}\r\n\r\nSent {{time}}.\r\n");
  folder.write("test.html", "<h1>Ahoy {{name}}</h1>");
  folder.write("layout.html", "<i>{{school}}</i>{{{content}}}");
  folder.write("badge.de.txt", "Subject: Prima, {{name}}\n\n{{title}}\n");
  folder.write("README", "not a template {{x}}");
  School school(folder.path());
  MailContent content = content_of(mail_kind::test, "en");
  content.name = "<Ada>";
  const Mail mail = school.mails.write(mail_kind::test, content);
  CHECK(mail.subject == "Ahoy <Ada>");
  CHECK(mail.text == "Sent March 4, 2026 at 9:00 AM UTC.\n");
  CHECK(mail.html == "<i>Sea School</i><h1>Ahoy &lt;Ada&gt;</h1>");
  CHECK(has(school.mails.write(mail_kind::test, content_of(mail_kind::test, "de")).subject, "Testmail"));

  CHECK(school.mails.stray_templates() == std::vector<std::string>{"badge.de.txt"});
  school.mails.declare(badge, [](const Value&) { return badge_content(); });
  CHECK(school.mails.stray_templates().empty());
  content = badge_content();
  content.language = "de";
  CHECK(school.mails.write(badge, content).subject == "Prima, Ada Lovelace");
}

TEST_CASE("every fault of a folder's templates is told at once, each with its file") {
  TemplateFolder folder;
  folder.write("password_reset.txt", "Subject: Hi {{nmae}}\n\n{{link}} {{#name}}{{hidden}}{{/name}} {{lifetime}}\n");
  folder.write("verify_email.txt", "Hello\n\nNo subject here.\n");
  folder.write("login_code.txt", "Subject: \n\n{{code}}\n");
  folder.write("test.txt", "Subject: Open\n\n{{#name}} never closed\n");
  folder.write("mfa_enabled.html", "<p>{{{device}}}</p>");
  folder.write("mfa_disabled.html", "<p>{{& device}}</p>");
  folder.write("mfa_enabled.fr.html", "<p>Bonjour</p>");
  folder.write("account_locked.txt", "Subject: Locked\n\n{{> other}}\n");
  folder.write("email_changed.txt", "Subject: Changed \xFF\n\nx\n");
  folder.write("invitation.txt", "Subject: Come\n\n{{{address}}}\n");
  folder.write("layout.de.html", "<p>{{subject}}</p>");
  const std::string said = faults_of([&] { School school(folder.path()); });
  CHECK(has(said, "password_reset.txt has unknown placeholders: hidden, nmae; known are link, lifetime, name, school"));
  CHECK(has(said, "verify_email.txt must begin with a line `Subject: …`"));
  CHECK(has(said, "login_code.txt must begin with a line `Subject: …`"));
  CHECK(has(said, "test.txt is malformed: Unclosed section \"name\""));
  CHECK(has(said, "mfa_enabled.html puts a value into HTML as it is"));
  CHECK(has(said, "mfa_disabled.html puts a value into HTML as it is"));
  CHECK(has(said, "mfa_enabled.fr.html needs mfa_enabled.fr.txt beside it"));
  CHECK(has(said, "account_locked.txt has unknown placeholders: > other"));
  CHECK(has(said, "email_changed.txt is not UTF-8"));
  CHECK(has(said, "invitation.txt puts a value into HTML as it is"));
  CHECK(has(said, "layout.de.html has no place for the mail"));
}

TEST_CASE("a folder that is not there is told, and so are faults in a host's own templates") {
  TemplateFolder folder;
  CHECK(has(faults_of([&] { School school(folder.path() + "/absent"); }), "MAIL_TEMPLATES_DIR"));

  static const MailKind no_english{"no_english", {}, {{"no_english.de.txt", "Subject: a\n\nb\n"}}};
  static const MailKind faulty{"faulty", {}, {{"faulty.txt", "Subject: a\n\n{{b}}\n"}}};
  School school;
  const auto nothing = [](const Value&) { return std::nullopt; };
  CHECK(has(faults_of([&] { school.mails.declare(no_english, nothing); }), "no_english.txt is missing"));
  CHECK(has(faults_of([&] { school.mails.declare(faulty, nothing); }), "faulty.txt has unknown placeholders: b"));
}

// --- test mails ---

TEST_CASE("an admin sends a test mail through the queue") {
  School school;
  const Principal student(UserId(school.random.uuid(school.clock.now())), "student", std::make_shared<Roles>());
  CHECK_THROWS_WITH_AS(school.mails.send_test(student, "ada@example.org"), "Only an admin may do this.", Error);
  CHECK_THROWS_AS(school.mails.send_test(system_itself, "nobody"), Error);
  const Job job = school.mails.send_test(system_itself, "ada@example.org", "Ada", "de", "Europe/Berlin");
  CHECK(job.status == JobStatus::waiting);
  CHECK(school.jobs.run_one());
  const auto mail = school.mailer.take();
  REQUIRE(mail);
  CHECK(mail->subject == "Eine Testmail von Sea School");
  CHECK(has(mail->text, "1. Januar 2026 um 01:00 MEZ"));
}

// --- mailers ---

TEST_CASE("without a mail server the log shows the text in development, and a warning without it elsewhere") {
  School school;
  const Mail mail{.id = "1", .to = "ada@example.org", .subject = "Hi", .text = "Hello,\n\nhttps://x.example/?t=1\n"};
  LogMailer(school.logger, LogMailer::Shows::text).send(mail);
  LogMailer(school.logger, LogMailer::Shows::subject).send(mail);
  const auto lines = school.lines.lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].level == LogLevel::info);
  CHECK(lines[0].category == "app");
  CHECK(*lines[0].fields.find("text") == Value("Hello, https://x.example/?t=1"));
  CHECK(lines[1].level == LogLevel::warning);
  CHECK(lines[1].fields == Object{{"to", "ada@example.org"}, {"subject", "Hi"}});
}

TEST_CASE("no mail is sent in which a header could end and another begin") {
  const Mail good{.id = "1-a_B.2", .to = "ada@example.org", .to_name = "Ada", .subject = "Hi", .text = "Hello\n"};
  CHECK_NOTHROW(require_sendable(good));
  const auto refused = [&](const auto& spoil) {
    Mail mail = good;
    spoil(mail);
    try {
      require_sendable(mail);
    } catch (const Error& error) {
      return error.code() == ErrorCode::invalid && error.reason() == "mail_malformed";
    }
    return false;
  };
  for (const std::string& text : {std::string("a\r\nBcc: x"), std::string("a\nb"), std::string("a\rb"),
                                  std::string("a\0b", 3), std::string("a\xFF"), std::string("a\u2028b")}) {
    CHECK(refused([&](Mail& mail) { mail.subject = text; }));
    CHECK(refused([&](Mail& mail) { mail.to_name = text; }));
    CHECK(refused([&](Mail& mail) { mail.to = text + "@example.org"; }));
    CHECK(refused([&](Mail& mail) { mail.to = "a@" + text + ".org"; }));
    CHECK(refused([&](Mail& mail) { mail.id = text; }));
    CHECK(refused([&](Mail& mail) { mail.language = text; }));
  }
  CHECK(refused([&](Mail& mail) { mail.id = ""; }));
  CHECK(refused([&](Mail& mail) { mail.id = "a@b"; }));
  CHECK(refused([&](Mail& mail) { mail.to = "ada@münchen.example"; }));
  CHECK(refused([&](Mail& mail) { mail.subject = " "; }));
  CHECK(refused([&](Mail& mail) { mail.text = ""; }));
  CHECK(refused([&](Mail& mail) { mail.text = std::string("a\0", 2); }));
  CHECK(refused([&](Mail& mail) { mail.html = "\xC3"; }));
}

TEST_CASE("a fake mailer keeps mails and refuses them when told to") {
  testing::FakeMailer mailer;
  Mail mail{.id = "1", .to = "ada@example.org", .subject = "Hi", .text = "Hello\n"};
  CHECK(mailer.send(mail) == "kept");
  mailer.refuse(unavailable("mail_server_unavailable", "Down."));
  CHECK_THROWS_WITH_AS(mailer.send(mail), "Down.", Error);
  mailer.accept();
  mail.id = "2";
  mailer.send(mail);
  CHECK(mailer.attempts() == 3);
  CHECK(mailer.mails().size() == 2);
  CHECK(mailer.take()->id == "1");
  CHECK(mailer.take()->id == "2");
  CHECK_FALSE(mailer.take());
  mail.subject = "a\nb";
  CHECK_THROWS_AS(mailer.send(mail), Error);
  CHECK(mailer.attempts() == 3);
}
