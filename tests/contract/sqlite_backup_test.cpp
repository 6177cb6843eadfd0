#include <filesystem>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <lms/backends/sqlite.hpp>
#include <lms/error.hpp>

#include "support/scratch_folder.hpp"

using namespace lms;
using namespace lms::testing;

// What a backup holds is tested with the real program, in tests/server/backup_test.py.

namespace {

std::string reason_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.reason();
  }
  return "none";
}

std::size_t files_in(const ScratchFolder& folder) {
  namespace fs = std::filesystem;
  const fs::path path = fs::path(folder.file("x")).parent_path();
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a program backs up its open database and restores it") {
  const ScratchFolder folder;
  const std::string database = folder.file("school.db"), backup = folder.file("backup.db");
  auto storage = open_sqlite_storage({.path = database});
  storage->migrate();

  std::vector<std::string> steps;
  double last = 0;
  const auto note = [&](std::string_view step, double done) {
    if (steps.empty() || steps.back() != step) {
      steps.emplace_back(step);
      last = 0;
    }
    CHECK(done >= last);
    CHECK(done <= 1);
    last = done;
  };
  const SqliteCopy copy = backup_sqlite(database, backup, {.on_progress = note});
  CHECK(steps == std::vector<std::string>{"copying", "verifying"});
  CHECK(last == 1);
  CHECK(copy.bytes == static_cast<std::int64_t>(std::filesystem::file_size(backup)));
  REQUIRE(copy.tables.size() > 10);
  for (const SqliteCopy::Table& table : copy.tables) CHECK(table.checksum.size() == 64);

  CHECK(reason_of([&] { backup_sqlite(database, backup); }) == "file_exists");
  CHECK(reason_of([&] { backup_sqlite(database, database, {.overwrite = true}); }) == "file_in_use");
  CHECK(reason_of([&] { backup_sqlite(folder.file("absent"), backup, {.overwrite = true}); }) == "file_missing");
  CHECK(reason_of([&] { restore_sqlite(backup, database); }) == "file_exists");
  CHECK(reason_of([&] { restore_sqlite(backup, database, {.overwrite = true}); }) == "storage_in_use");
  storage->ping();
  storage.reset();
  const SqliteCopy back = restore_sqlite(backup, database, {.overwrite = true});
  REQUIRE(back.tables.size() == copy.tables.size());
  for (std::size_t i = 0; i < copy.tables.size(); ++i) CHECK(back.tables[i].checksum == copy.tables[i].checksum);
}

TEST_CASE("a backup that is given up leaves nothing") {
  const ScratchFolder folder;
  const std::string database = folder.file("school.db");
  open_sqlite_storage({.path = database})->migrate();
  const std::size_t before = files_in(folder);
  for (const std::string step : {"copying", "verifying"}) {
    const auto give_up = [&](std::string_view at, double done) {
      if (at == step && done > 0) throw std::runtime_error("enough");
    };
    CHECK_THROWS_AS(backup_sqlite(database, folder.file("backup.db"), {.on_progress = give_up}), std::runtime_error);
    CHECK(files_in(folder) == before);
  }
}
