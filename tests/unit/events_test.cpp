#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <lms/backends/memory.hpp>
#include <lms/event.hpp>
#include <lms/principal.hpp>
#include <lms/repository.hpp>
#include <lms/testing/event_recorder.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/seeded_random.hpp>

namespace {

using namespace lms;

struct Bell {
  std::string tone;

  static const Schema& schema() {
    static const Schema schema = define<Bell>("Bell", "A bell that rang.").field("tone", &Bell::tone);
    return schema;
  }
};

const EventType rang{"bell.rang", "A bell rang.", &Bell::schema};
const EventType broke{"bell.broke", "A bell broke.", &Bell::schema};

struct School {
  std::unique_ptr<Storage> storage = open_memory_storage();
  testing::FakeClock clock;
  testing::SeededRandom random;
  Events events{*storage, clock, random};

  void emit(const EventType& type, const std::string& tone, const Principal& who = Principal::system()) {
    storage->write([&](UnitOfWork& uow) { events.emit(uow, type, who, Bell{tone}); });
  }
  std::vector<Event> after(std::int64_t position, std::int64_t limit = 100, std::vector<std::string> types = {}) {
    return events.after(Principal::system(), {.after = position, .limit = limit, .types = std::move(types)});
  }
};

}  // namespace

TEST_CASE("an event says what happened, when and by whom") {
  School school;
  const auto roles = std::make_shared<Roles>();
  const UserId user(school.random.uuid(school.clock.now()));
  school.emit(rang, "c", Principal(user, "student", roles));
  school.clock.advance(std::chrono::seconds(1));
  school.emit(broke, "c");

  const auto events = school.after(0);
  REQUIRE(events.size() == 2);
  CHECK(events[0].type == "bell.rang");
  CHECK(events[0].data["tone"].as_string() == "c");
  CHECK(events[0].actor == user);
  CHECK(events[0].position == 1);
  CHECK(events[1].timestamp - events[0].timestamp == std::chrono::seconds(1));
  CHECK_FALSE(events[1].actor);
  CHECK(events[1].position == 2);
}

TEST_CASE("an event of a transaction that failed never happened") {
  School school;
  CHECK_THROWS_AS(school.storage->write([&](UnitOfWork& uow) {
    school.events.emit(uow, rang, Principal::system(), Bell{"c"});
    throw conflict("bell_stolen", "The bell was stolen.");
  }),
                  Error);
  CHECK(school.after(0).empty());
}

TEST_CASE("the feed is read in pieces that leave nothing out") {
  School school;
  for (int i = 0; i < 2'500; ++i) school.emit(i % 2 == 0 ? rang : broke, std::to_string(i));

  std::int64_t position = 0;
  std::vector<std::string> tones;
  for (auto some = school.after(0, 999); !some.empty(); some = school.after(position, 999)) {
    for (const Event& event : some) {
      CHECK(*event.position == ++position);
      tones.push_back(event.data["tone"].as_string());
    }
  }
  REQUIRE(tones.size() == 2'500);
  for (std::size_t i = 0; i < tones.size(); ++i) CHECK(tones[i] == std::to_string(i));

  const auto broken = school.after(2'490, 100, {"bell.broke"});
  CHECK(broken.size() == 5);
  CHECK(broken.front().position == 2'492);
}

TEST_CASE("an event that commits late gets a place behind those already read") {
  School school;
  const EventId early(school.random.uuid(school.clock.now()));
  school.emit(rang, "quick");
  REQUIRE(school.after(0).size() == 1);

  school.storage->write([&](UnitOfWork& uow) {
    Repository<Event>(uow).insert({.id = early,
                                   .type = "bell.rang",
                                   .timestamp = school.clock.now(),
                                   .actor = {},
                                   .data = Object{{"tone", "late"}},
                                   .position = {}});
  });
  const auto events = school.after(1);
  REQUIRE(events.size() == 1);
  CHECK(events[0].id == early);
  CHECK(events[0].position == 2);
}

TEST_CASE("only admins read the feed") {
  School school;
  const auto roles = std::make_shared<Roles>();
  const Principal student(UserId(school.random.uuid(school.clock.now())), "student", roles);
  CHECK_THROWS_WITH_AS(school.events.after(student, {}), "Only an admin may do this.", Error);
  CHECK_THROWS_AS(school.events.after(Principal::anonymous(), {}), Error);
}

TEST_CASE("types that nobody declared are refused with the one that was meant") {
  School school;
  school.emit(rang, "c");
  CHECK(school.after(0, 100, {"bell.rung"}).empty());
  school.events.declare({&rang});
  school.events.declare({&broke});
  CHECK(school.after(0, 100, {"bell.rang", "bell.broke"}).size() == 1);
  try {
    school.after(0, 100, {"bell.rang", "bell.rung", "zzz"});
    FAIL("accepted");
  } catch (const Error& error) {
    REQUIRE(error.faults().size() == 2);
    CHECK(error.faults()[0].loc == Path{"query", "types", std::size_t{1}});
    CHECK(error.faults()[0].message == "there is no event bell.rung; did you mean bell.rang?");
    CHECK(error.faults()[1].message.starts_with("there is no event zzz"));
  }
}

TEST_CASE("a recorder tells what was emitted since it was last asked") {
  School school;
  school.emit(rang, "before");
  testing::EventRecorder recorder(school.events);
  school.emit(rang, "a");
  school.emit(broke, "b");
  CHECK(recorder.take_types() == std::vector<std::string>{"bell.rang", "bell.broke"});
  CHECK(recorder.take().empty());
}
