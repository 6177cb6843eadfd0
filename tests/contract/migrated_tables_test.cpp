#include <doctest/doctest.h>

#include "api.hpp"
#include "contract/table_check.hpp"

using namespace lms;

TEST_CASE("the migrations make the tables that the schemas ask for") {
  sqlite::SqliteStorage storage((SqliteOptions()));
  storage.migrate();
  for (const std::string& difference : testing::table_differences(storage, stored_schemas())) FAIL_CHECK(difference);
}
