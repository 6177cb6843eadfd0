#include <doctest/doctest.h>

#include <lms/backends/sqlite.hpp>

#include "api/cache_storm.hpp"
#include "support/scratch_folder.hpp"

using namespace lms;

TEST_CASE("in a storm of changes that share commits nobody is told what was over before they asked") {
  const testing::ScratchFolder folder;
  SqliteOptions options;
  options.path = folder.file("school.db");
  options.synchronous = SqliteOptions::Synchronous::normal;
  CHECK(test::stale_answers(open_sqlite_storage(options), 100) == 0);
}

TEST_CASE("a storm on a database in memory, where reads and writes take turns, is no different") {
  CHECK(test::stale_answers(open_sqlite_storage({}), 100) == 0);
}
