#include <doctest/doctest.h>

#include <string>

#include "api.hpp"
#include "support/project_file.hpp"
#include "support/school.hpp"

using namespace lms;
using lms::test::School;

TEST_CASE("the feed refuses types that do not exist and names the one that was meant") {
  School school;
  const std::string admin = school.signed_in("head@example.org", role::admin);
  CHECK(school.get("/events?types=user.registered,user.logged_in", admin).body["items"].as_array().size() == 2);
  const auto refused = school.get("/events?types=user.registered,course.publshed,zzz", admin);
  CHECK(refused.status == 422);
  const Array& faults = refused.body["detail"].as_array();
  REQUIRE(faults.size() == 2);
  CHECK(faults[0]["loc"] == Value(Array{"query", "types", 1}));
  CHECK(faults[0]["msg"] == Value("there is no event course.publshed; did you mean course.published?"));
  CHECK(faults[1]["msg"].as_string().find("zzz") != std::string::npos);
}

TEST_CASE("docs/events.md lists every event, with its meaning, and no other") {
  const std::string page = test::project_file("docs/events.md");
  std::size_t rows = 0;
  for (std::size_t at = page.find("\n| `"); at != std::string::npos; at = page.find("\n| `", at + 1)) ++rows;
  CHECK(rows == event_types().size());
  for (const EventType* type : event_types()) {
    const std::string row =
        "| `" + std::string(type->name) + "` | " + std::string(type->meaning) + " | `" + type->data().name() + "` |";
    CAPTURE(row);
    CHECK(page.find(row) != std::string::npos);
  }
}
