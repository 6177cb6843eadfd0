#include <filesystem>
#include <fstream>
#include <iterator>

#include <doctest/doctest.h>

#include <lms/backends/sqlite.hpp>

#include "support/person.hpp"
#include "support/scratch_folder.hpp"
#include "support/traces.hpp"

using namespace lms;
using lms::test::Person;
using lms::test::School;

namespace {

/// Everything in the folder, as bytes in lower case.
std::string bytes_of(const std::filesystem::path& folder) {
  std::string bytes;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(file), {});
  }
  for (char& c : bytes)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return bytes;
}

}  // namespace

TEST_CASE("after an erasure and a checkpoint the file of the database holds nothing of the person") {
  const testing::ScratchFolder folder;
  const auto open = [&] {
    SqliteOptions options;
    options.path = folder.file("school.db");
    options.synchronous = SqliteOptions::Synchronous::normal;
    return open_sqlite_storage(options);
  };
  const auto parent = std::filesystem::path(folder.file("school.db")).parent_path();
  UserId id;
  {
    School school(School::quick_settings(), open());
    const std::string admin = school.signed_in("head@example.org", role::admin);
    for (int i = 0; i < 40; ++i)  // neighbours in the pages
      school.lms.users().create(Principal::system(), {"p" + std::to_string(i) + "@example.org", School::password,
                                                      "Neighbour " + std::to_string(i), std::nullopt});
    id = UserId::parse(test::person_in(school, admin).id).value();
  }
  const std::string before = bytes_of(parent);
  for (const std::string& trace : Person::traces()) CHECK_MESSAGE(before.find(trace) != std::string::npos, trace);
  {
    School school(School::quick_settings(), open());
    school.lms.personal_data().finish(school.lms.personal_data().erase(Principal::system(), id));
    CHECK(test::tables_with(school.lms.storage(), Person::traces()).empty());
  }
  // Whoever closes the database last brings its log into the file.
  const std::string after = bytes_of(parent);
  for (const std::string& trace : Person::traces()) CHECK_MESSAGE(after.find(trace) == std::string::npos, trace);
}
