#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <lms/audit.hpp>
#include <lms/backends/memory.hpp>
#include <lms/principal.hpp>
#include <lms/repository.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/log_recorder.hpp>
#include <lms/testing/run_twice_storage.hpp>
#include <lms/testing/seeded_random.hpp>

#include "audit/audit_head.hpp"
#include "base/crypto.hpp"
#include "base/encoding.hpp"

namespace {

using namespace lms;
using namespace std::chrono_literals;

const AuditAction painted{"door.painted", "A door was painted."};
const AuditAction opened{"door.opened", "A door was opened."};
const AuditAction rang{"bell.rang", "A bell rang.", AuditOutcome::refused};

const Principal office = Principal::system();

struct School {
  explicit School(std::shared_ptr<Storage> its_storage = open_memory_storage()) : storage(std::move(its_storage)) {}

  std::shared_ptr<Storage> storage;
  testing::FakeClock clock;
  testing::SeededRandom random;
  testing::LogRecorder lines;
  Logger logger{lines, clock};
  Audit audit{*storage, clock, logger};

  void record(const AuditAction& action = painted, const std::string& subject = "d1", const Object& details = {},
              const Principal& who = office) {
    storage->write([&](UnitOfWork& uow) { audit.record(uow, who, action, subject, details); });
    clock.advance(1s);
  }
  Principal somebody(const std::string& role = "student") {
    const auto uuid = [&] { return random.uuid(clock.now()); };
    return {UserId(uuid()), role, std::make_shared<const Roles>(), SessionId(uuid())};
  }
  std::vector<AuditEntry> rows() {
    return storage->read([](UnitOfWork& uow) { return Repository<AuditEntry>(uow).select({}); });
  }
  AuditReport verify(const std::optional<std::string>& expect = {}) { return audit.verify(office, {expect}); }
  std::vector<std::int64_t> positions(const AuditFilter& filter) {
    std::vector<std::int64_t> found;
    for (const AuditEntry& entry : audit.list(office, filter).items) found.push_back(entry.position);
    return found;
  }
};

/// A log of five rows, and somebody who changes it behind the school's back.
struct Tampered : School {
  Tampered() {
    for (int i = 1; i <= 5; ++i)
      record(painted, "d" + std::to_string(i), {{"color", from_to("red", i)}}, somebody().from("192.0.2.7"));
    REQUIRE(verify().intact);
  }

  AuditEntry get(std::int64_t position) {
    return storage->read([&](UnitOfWork& uow) { return Repository<AuditEntry>(uow).get(position); });
  }
  void put(const AuditEntry& entry) {
    storage->write([&](UnitOfWork& uow) { Repository<AuditEntry>(uow).upsert(entry, {"position"}); });
  }
  void put_sealed(AuditEntry entry) {
    entry.hash = to_hex(sha256(audit_text(entry)));
    put(entry);
  }
  void remove(std::int64_t position) {
    storage->write([&](UnitOfWork& uow) { Repository<AuditEntry>(uow).remove(position); });
  }
  void put_head(const AuditHead& head) {
    storage->write([&](UnitOfWork& uow) { Repository<AuditHead>(uow).upsert(head, {"id"}); });
  }
  /// Everything from that row on, so that all fits together again.
  void rewrite_from(std::int64_t position, const std::string& subject) {
    std::string before = get(position).previous_hash;
    for (; position <= 5; ++position) {
      AuditEntry entry = get(position);
      if (entry.previous_hash == get(position).previous_hash) entry.previous_hash = before;
      entry.subject = subject;
      entry.hash = before = to_hex(sha256(audit_text(entry)));
      put(entry);
    }
    put_head({.id = "audit", .position = 5, .hash = before});
  }
  /// `fault@position`; empty: intact.
  std::string found(const std::optional<std::string>& expect = {}) {
    const AuditReport report = verify(expect);
    CHECK(report.intact == !report.first_break);
    if (report.intact) return "";
    CHECK(report.first_break->message.find(std::to_string(report.first_break->position)) != std::string::npos);
    return std::string(name_of(report.first_break->fault)) + "@" + std::to_string(report.first_break->position);
  }
};

std::string reason_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.reason();
  }
  return "";
}

}  // namespace

TEST_CASE("a row says who did what, when, from where, and in which session") {
  School school;
  const Principal ada = school.somebody().from("192.0.2.7");
  school.record(painted, "d1", {{"color", from_to("red", "blue")}}, ada);
  school.record(rang);
  school.record(rang, "", {}, Principal::anonymous().from("2001:db8::1"));

  const auto rows = school.rows();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].position == 1);
  CHECK(rows[0].time == testing::FakeClock().now());
  CHECK(rows[0].action == "door.painted");
  CHECK(rows[0].outcome == AuditOutcome::done);
  CHECK(rows[0].actor == ada.user().text());
  CHECK(rows[0].subject == "d1");
  CHECK(rows[0].address == "192.0.2.7");
  CHECK(rows[0].session == ada.session());
  CHECK(rows[0].details["color"]["to"].as_string() == "blue");
  CHECK(rows[0].previous_hash == std::string(64, '0'));
  CHECK(rows[1].actor == "school");
  CHECK(rows[1].outcome == AuditOutcome::refused);
  CHECK(rows[1].address.empty());
  CHECK_FALSE(rows[1].session);
  CHECK(rows[1].previous_hash == rows[0].hash);
  CHECK(rows[2].actor == "nobody");
  CHECK(rows[2].address == "2001:db8::1");
}

TEST_CASE("what a row is hashed with is written in one way only") {
  AuditEntry entry;
  entry.position = 7;
  entry.time = testing::FakeClock().now() + 5us;
  entry.action = "door.painted";
  entry.actor = "school";
  entry.subject = "d\"1\"";
  entry.details =
      Object{{"z", 1}, {"a", Object{{"to", "é"}, {"from", Value()}}}, {"list", Array{Object{{"y", true}, {"x", 0.5}}}}};
  entry.previous_hash = AuditPoint().hash;
  CHECK(audit_text(entry) ==
        R"({"action":"door.painted","actor":"school","address":"","details":{"a":{"from":null,"to":"é"},)"
        R"("list":[{"x":0.5,"y":true}],"z":1},"outcome":"done","position":7,"previous_hash":")" +
            std::string(64, '0') + R"(","session":null,"subject":"d\"1\"","time":"2026-01-01T00:00:00.000005Z"})");
}

TEST_CASE("the API shows a row as it is hashed, so that anybody can do it") {
  School school;
  school.record(painted, "d1", {{"b", 1}, {"a", 2}}, school.somebody().from("192.0.2.7"));
  const AuditEntry entry = school.rows().at(0);
  Object shown = to_wire(entry);
  CHECK(entry.hash == to_hex(sha256(audit_text(entry))));
  CHECK(shown.erase("hash"));
  const Value hashed = parse_json(audit_text(entry));
  CHECK(hashed.as_object().size() == shown.size());
  for (const auto& [name, value] : shown) {
    CAPTURE(name);
    if (name == "details") continue;  // in another order
    CHECK(hashed[name] == value);
  }
}

TEST_CASE("what was undone is not in the log, and leaves no gap") {
  School school;
  school.record();
  CHECK_THROWS_AS(school.storage->write([&](UnitOfWork& uow) {
    school.audit.record(uow, office, painted, "d2");
    throw conflict("door_stolen", "The door was stolen.");
  }),
                  Error);
  school.record();
  const AuditReport report = school.verify();
  CHECK(report.intact);
  CHECK(report.rows == 2);
  CHECK(school.lines.lines().size() == 2);
}

TEST_CASE("each row is a line of the security log, once it is committed, however often its transaction runs") {
  School school(std::make_shared<testing::RunTwiceStorage>(open_memory_storage()));
  school.storage->write([&](UnitOfWork& uow) {
    school.audit.record(uow, school.somebody().from("192.0.2.7"), painted, "d1", {{"color", from_to("red", "blue")}});
    school.audit.record(uow, office, rang, "b1");
    CHECK(school.lines.lines().empty());
  });
  const auto lines = school.lines.lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].category == "security");
  CHECK(lines[0].level == LogLevel::info);
  CHECK(lines[0].message == "door.painted");
  CHECK(*lines[0].fields.find("position") == Value(1));
  CHECK(*lines[0].fields.find("address") == Value("192.0.2.7"));
  CHECK((*lines[0].fields.find("details"))["color"]["to"] == Value("blue"));
  CHECK(*lines[1].fields.find("hash") == Value(school.verify().hash));
  CHECK(lines[1].level == LogLevel::warning);
}

TEST_CASE("a log that nobody touched is intact, be it empty or longer than what is read at once") {
  School school;
  CHECK(school.verify().intact);
  CHECK(school.verify().head() == AuditPoint());
  CHECK(school.verify(AuditPoint().text()).intact);
  school.storage->write([&](UnitOfWork& uow) {
    for (int i = 0; i < 2'000; ++i) school.audit.record(uow, office, painted, std::to_string(i));
  });
  CHECK(school.verify().rows == 2'000);
  const AuditPoint kept = school.verify().head();
  for (int i = 0; i < 345; ++i) school.record();
  const AuditReport report = school.verify(kept.text());
  CHECK(report.intact);
  CHECK(report.rows == 2'345);
  CHECK(report.position == 2'345);
  CHECK(report.hash == school.rows().back().hash);
}

TEST_CASE("a changed row is found, whatever was changed") {
  const std::vector<std::function<void(AuditEntry&)>> changes{
      [](AuditEntry& entry) { entry.time += 1us; },
      [](AuditEntry& entry) { entry.action = "door.opened"; },
      [](AuditEntry& entry) { entry.outcome = AuditOutcome::refused; },
      [](AuditEntry& entry) { entry.actor = "school"; },
      [](AuditEntry& entry) { entry.subject = "d9"; },
      [](AuditEntry& entry) { entry.address = "192.0.2.8"; },
      [](AuditEntry& entry) { entry.session = std::nullopt; },
      [](AuditEntry& entry) {
        entry.details = Object{{"color", "green"}};
      },
      [](AuditEntry& entry) { entry.hash.front() = entry.hash.front() == '0' ? '1' : '0'; },
  };
  for (const auto& change : changes)
    for (const std::int64_t position : {1, 3, 5}) {
      Tampered log;
      AuditEntry entry = log.get(position);
      change(entry);
      log.put(entry);
      CHECK(log.found() == "content@" + std::to_string(position));
      CHECK(log.verify().rows == position - 1);
    }
}

TEST_CASE("a changed row is found also if it was given the hash that fits") {
  Tampered log;
  AuditEntry entry = log.get(3);
  entry.subject = "d9";
  log.put_sealed(entry);
  CHECK(log.found() == "link@4");
  Tampered last;
  entry = last.get(5);
  entry.subject = "d9";
  last.put_sealed(entry);
  CHECK(last.found() == "head@5");
}

TEST_CASE("what no row can hold, or no calendar shows, is a change as well") {
  Tampered log;
  log.storage->write([&](UnitOfWork& uow) {
    Record record = *uow.find(AuditEntry::schema(), std::int64_t{4});
    record[AuditEntry::schema().index_of("outcome")] = "perhaps";
    uow.update(AuditEntry::schema(), record);
  });
  CHECK(log.found() == "content@4");
  Tampered later;
  AuditEntry entry = later.get(4);
  entry.time += std::chrono::days(24'000'000);
  later.put_sealed(entry);
  CHECK(later.found() == "content@4");
}

TEST_CASE("a removed row is found: the first, one in the middle, the last") {
  for (const std::int64_t position : {1, 3, 5}) {
    Tampered log;
    log.remove(position);
    CHECK(log.found() == (position == 5 ? "head@5" : "gap@" + std::to_string(position)));
  }
  Tampered cut;
  for (const std::int64_t position : {5, 4, 3}) cut.remove(position);
  CHECK(cut.found() == "head@3");
}

TEST_CASE("rows that changed places are found") {
  Tampered log;
  AuditEntry second = log.get(2), third = log.get(3);
  std::swap(second.position, third.position);
  log.put(second);
  log.put(third);
  CHECK(log.found() == "link@2");
  std::swap(second.previous_hash, third.previous_hash);
  log.put(second);
  log.put(third);
  CHECK(log.found() == "content@2");
}

TEST_CASE("a row that the school did not write is found") {
  Tampered behind;
  AuditEntry entry = behind.get(5);
  entry.position = 6;
  entry.previous_hash = entry.hash;
  behind.put_sealed(entry);
  CHECK(behind.found() == "head@6");

  Tampered before;
  entry.position = 0;
  before.put_sealed(entry);
  CHECK(before.found() == "gap@0");

  Tampered between;
  for (std::int64_t position = 5; position >= 3; --position) {
    entry = between.get(position);
    entry.position += 1;
    between.put(entry);
  }
  CHECK(between.found() == "link@4");
}

TEST_CASE("a head that was changed or removed is found") {
  Tampered log;
  log.put_head({.id = "audit", .position = 5, .hash = AuditPoint().hash});
  CHECK(log.found() == "head@5");
  log.put_head({.id = "audit", .position = 7, .hash = log.get(5).hash});
  CHECK(log.found() == "head@6");
  log.storage->write([](UnitOfWork& uow) { Repository<AuditHead>(uow).remove(std::string("audit")); });
  CHECK(log.found() == "head@1");
}

TEST_CASE("who writes the whole log anew is found by a row that was kept elsewhere, and by nothing else") {
  Tampered log;
  const AuditPoint third{3, log.get(3).hash};
  const AuditPoint head = log.verify().head();
  CHECK(log.found(third.text()).empty());
  log.rewrite_from(4, "d9");
  CHECK(log.found().empty());
  CHECK(log.found(third.text()).empty());
  CHECK(log.found(head.text()) == "expected@5");

  for (const std::int64_t position : {5, 4, 3, 2, 1}) log.remove(position);
  log.put_head(AuditHead());
  CHECK(log.found().empty());
  CHECK(log.found(third.text()) == "expected@3");
}

TEST_CASE("what is expected has to be a position and a hash") {
  School school;
  school.record();
  const std::string hash = school.verify().hash;
  CHECK(AuditPoint::parse("1:" + hash) == AuditPoint{1, hash});
  std::string loud = hash;
  for (char& c : loud)
    if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
  CHECK(school.verify("1:" + loud).intact);
  for (const std::string& text :
       {std::string(), std::string("1"), hash, "1:" + hash.substr(2), "-1:" + hash, ":" + hash, "1:" + hash + "00",
        "99999999999999999999:" + hash, "1:g" + hash.substr(1), "1 :" + hash})
    CHECK_THROWS_AS(school.verify(text), Error);
}

TEST_CASE("rows are found by what they say, newest first") {
  School school;
  const Principal ada = school.somebody().from("192.0.2.7");
  school.record(painted, "d1", {}, ada);
  school.record(opened, "d1");
  school.record(rang, "b1", {}, ada.from("192.0.2.8"));
  using Positions = std::vector<std::int64_t>;
  const auto where = [](auto set) {
    AuditFilter filter;
    set(filter);
    return filter;
  };
  CHECK(school.positions({}) == Positions{3, 2, 1});
  CHECK(school.positions(where([](auto& f) { f.action = "door.painted"; })) == Positions{1});
  CHECK(school.positions(where([](auto& f) { f.action = "door."; })) == Positions{2, 1});
  CHECK(school.positions(where([](auto& f) { f.action = "door"; })).empty());
  CHECK(school.positions(where([](auto& f) { f.outcome = AuditOutcome::refused; })) == Positions{3});
  CHECK(school.positions(where([&](auto& f) { f.actor = ada.user().text(); })) == Positions{3, 1});
  CHECK(school.positions(where([](auto& f) { f.actor = "school"; })) == Positions{2});
  CHECK(school.positions(where([](auto& f) { f.subject = "d1"; })) == Positions{2, 1});
  CHECK(school.positions(where([](auto& f) { f.address = "192.0.2.8"; })) == Positions{3});
  const Time start = testing::FakeClock().now();
  CHECK(school.positions(where([&](auto& f) { f.since = start + 1s; })) == Positions{3, 2});
  CHECK(school.positions(where([&](auto& f) { f.until = start + 1s; })) == Positions{1});
  CHECK(school.positions(where([](auto& f) { f.page = {.page = 2, .page_size = 2}; })) == Positions{1});
}

TEST_CASE("all rows are visited, or as many as are wanted") {
  School school;
  school.storage->write([&](UnitOfWork& uow) {
    for (int i = 1; i <= 1'200; ++i) school.audit.record(uow, office, i % 2 == 0 ? painted : opened, "d1");
  });
  std::int64_t expected = 1'200;
  AuditFilter filter;
  filter.action = "door.painted";
  school.audit.visit(office, filter, [&](const AuditEntry& entry) {
    CHECK(entry.position == expected);
    expected -= 2;
    return true;
  });
  CHECK(expected == 0);
  int visited = 0;
  school.audit.visit(office, {}, [&](const AuditEntry&) { return ++visited < 3; });
  CHECK(visited == 3);
}

TEST_CASE("actions that nobody declared are refused with the one that was meant") {
  School school;
  AuditFilter filter;
  filter.action = "door.paint";
  CHECK(school.positions(filter).empty());
  school.audit.declare({&painted, &rang});
  const auto fault = [&](const std::string& action) -> std::string {
    filter.action = action;
    try {
      school.audit.list(office, filter);
    } catch (const Error& error) {
      CHECK(error.faults().at(0).loc == Path{"query", "action"});
      return error.faults().at(0).message;
    }
    return "";
  };
  CHECK(fault("door.painted").empty());
  CHECK(fault("door.").empty());
  CHECK(fault("door.paintd") == "there is no action door.paintd; did you mean door.painted?");
  CHECK(fault("gate.") == "there is no action that begins with gate.; docs/audit.md lists those there are");
}

TEST_CASE("only admins read the audit log") {
  School school;
  const Principal student = school.somebody();
  const Principal nobody = Principal::anonymous();
  const auto all = [](const AuditEntry&) { return true; };
  CHECK(reason_of([&] { school.audit.list(student, {}); }) == "admin_required");
  CHECK(reason_of([&] { school.audit.visit(student, {}, all); }) == "admin_required");
  CHECK(reason_of([&] { school.audit.verify(student); }) == "admin_required");
  CHECK(reason_of([&] { school.audit.verify(nobody); }) == "not_authenticated");
  CHECK(school.audit.verify(school.somebody("admin")).intact);
}
