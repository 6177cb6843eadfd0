#include <doctest/doctest.h>

#include "backend/sqlite/sqlite_storage.hpp"
#include "support/school.hpp"
#include "support/scratch_folder.hpp"

using namespace lms;
using lms::test::ask_with;
using lms::test::School;

namespace {

std::shared_ptr<sqlite::SqliteStorage> database(const testing::ScratchFolder& folder) {
  SqliteOptions options;
  options.path = folder.file("school.db");
  options.synchronous = SqliteOptions::Synchronous::normal;
  return std::make_shared<sqlite::SqliteStorage>(options);
}

}  // namespace

TEST_CASE("a job that cannot be read is dead, and keeps no other from its turn") {
  const testing::ScratchFolder folder;
  const auto storage = database(folder);
  School school(School::quick_settings(), storage);
  Jobs& jobs = school.lms.jobs();
  jobs.handle("greet", [](const Job&, std::stop_token) { return Value("hello"); });
  const auto enqueue = [&](std::int64_t priority) {
    return storage->write([&](UnitOfWork& uow) {
      return jobs.enqueue(uow, "greet", Object{{"to", "Ada"}}, {.priority = priority}).value();
    });
  };
  const JobId broken = enqueue(1);
  const JobId sound = enqueue(0);
  storage->exclusively([&](sql::Connection& connection) {
    connection.execute("UPDATE jobs SET payload = '{' WHERE id = '" + broken.text() + "'");
  });

  while (jobs.run_one()) {
  }
  CHECK(jobs.get(Principal::system(), sound).status == JobStatus::succeeded);
  CHECK(school.log->has(LogLevel::error, "job cannot be read and is dead"));
}

TEST_CASE("whatever a client calls itself, the mails that tell of it go out") {
  const testing::ScratchFolder folder;
  School school(School::quick_settings(), database(folder));
  const std::string token = school.signed_in("ada@example.org");
  const std::string agent = "Evil\xff\xc0\x80 \xE2\x80\xAE" + std::string(20'000, 'x');
  CHECK(ask_with(school, http::Method::post, "/auth/change-password",
                 Object{{"current_password", School::password}, {"new_password", "a new battery, correct"}}, token,
                 {{"Content-Type", "application/json"}, {"User-Agent", agent}})
            .status == 204);
  school.do_jobs();
  const Mail mail = school.mailer->mails().back();
  CHECK(mail.to == "ada@example.org");
  CHECK(mail.text.find("from Evil xxx") != std::string::npos);
  CHECK(mail.text.size() < 1'000);
}
