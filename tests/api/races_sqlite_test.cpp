#include <atomic>

#include <doctest/doctest.h>

#include <lms/backends/sqlite.hpp>

#include "api/races.hpp"
#include "support/scratch_folder.hpp"

using namespace lms;

namespace {

SqliteOptions quick_file(const testing::ScratchFolder& folder) {
  SqliteOptions options;
  options.path = folder.file("school.db");
  options.synchronous = SqliteOptions::Synchronous::normal;
  return options;
}

}  // namespace

TEST_CASE("no update is lost on SQLite") {
  const testing::ScratchFolder folder;
  CHECK(test::lost_updates(open_sqlite_storage(quick_file(folder)), 10) == 0);
}

TEST_CASE("of requests with one key that race on SQLite, one has its effect") {
  const testing::ScratchFolder folder;
  CHECK(test::doubled_effects(open_sqlite_storage(quick_file(folder)), 10) == 0);
}

TEST_CASE("on SQLite the effect and its answer have one commit") {
  std::atomic<int> commits{0};
  SqliteOptions options;
  options.on_statement = [&](std::string_view sql, auto) { commits += sql == "COMMIT" ? 1 : 0; };
  test::School school(test::School::quick_settings(), open_sqlite_storage(std::move(options)));
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  commits = 0;
  const auto made = test::ask_with(school, http::Method::post, "/courses", Object{{"title", "Knots"}}, ines,
                                   {{"Idempotency-Key", "a"}});
  CHECK(made.status == 201);
  CHECK(commits == 1);
}
