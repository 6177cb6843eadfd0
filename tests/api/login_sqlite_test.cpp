#include <doctest/doctest.h>

#include <lms/backends/sqlite.hpp>
#include <lms/testing/run_twice_storage.hpp>

#include "api/login_race.hpp"
#include "support/scratch_folder.hpp"

using namespace lms;

namespace {

std::shared_ptr<Storage> database(const testing::ScratchFolder& folder) {
  SqliteOptions options;
  options.path = folder.file("school.db");
  options.synchronous = SqliteOptions::Synchronous::normal;
  return open_sqlite_storage(options);
}

}  // namespace

TEST_CASE("racing guesses get no more tries than those which wait, on SQLite") {
  const testing::ScratchFolder folder;
  CHECK(test::guesses_looked_at(database(folder), "ada@example.org") == 5);
}

TEST_CASE("racing logins with the right password all succeed, on SQLite") {
  const testing::ScratchFolder folder;
  CHECK(test::right_logins(database(folder)) == 16);
}

TEST_CASE("requests that race to exchange a refresh token get the same one, on SQLite") {
  const testing::ScratchFolder folder;
  const auto fresh = test::racing_refreshes(std::make_shared<testing::RunTwiceStorage>(database(folder)));
  REQUIRE(fresh.size() == 1);
  CHECK_FALSE(fresh.front().empty());
}

TEST_CASE("a lock outlives the process, and holds on every node") {
  const testing::ScratchFolder folder;
  {
    test::School school(test::School::quick_settings(), database(folder));
    school.lms.auth().register_student({"ada@example.org", test::School::password, "Ada Byron"});
    for (int i = 0; i < 5; ++i)
      CHECK(test::sign_in(school.lms.auth(), "ada@example.org", "wrong password") == "bad_credentials");
  }
  test::School again(test::School::quick_settings(), database(folder));
  test::School other(test::School::quick_settings(), database(folder));
  CHECK(test::sign_in(again.lms.auth(), "ada@example.org", test::School::password) == "bad_credentials");
  CHECK(again.lms.lockout().unlock(Principal::system(), "ada@example.org").locked == false);
  CHECK(test::sign_in(other.lms.auth(), "ada@example.org", test::School::password).empty());
}
