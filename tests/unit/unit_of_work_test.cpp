#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <lms/repository.hpp>

using namespace lms;

namespace {

struct Thing {
  CourseId id;
  std::string title;
  std::optional<std::int64_t> size;
  std::vector<std::string> tags;
  Time made{};

  static const Schema& schema() {
    static const Schema schema = define<Thing>("Thing", "")
                                     .table("things")
                                     .key("id", &Thing::id)
                                     .field("title", &Thing::title, {.search_weight = 1})
                                     .field("size", &Thing::size)
                                     .field("tags", &Thing::tags)
                                     .field("made", &Thing::made)
                                     .unique({"title", "size"});
    return schema;
  }
};

struct Note {
  std::string text;
  static const Schema& schema() {
    static const Schema schema = define<Note>("Note", "Not stored.").field("text", &Note::text);
    return schema;
  }
};

/// Says yes to everything and remembers what it was asked.
class FakeUnit final : public UnitOfWork {
 public:
  explicit FakeUnit(bool writable = true) : UnitOfWork(writable) {}

  std::vector<std::string> calls;
  std::vector<Record> records;
  Condition condition;
  std::optional<std::size_t> limit;
  bool fails = false;

 private:
  void note(const char* call) {
    calls.emplace_back(call);
    if (fails) throw conflict("things_exists", "The thing exists.");
  }
  void do_insert(const Schema&, const std::vector<Record>& given) override {
    note("insert");
    records = given;
  }
  bool do_insert_if_absent(const Schema&, const Record&) override {
    note("insert_if_absent");
    return true;
  }
  void do_upsert(const Schema&, const Record&, const std::vector<std::string>&) override { note("upsert"); }
  bool do_update(const Schema&, const Record&) override {
    note("update");
    return false;
  }
  std::vector<Record> do_update_where(const Schema&, const Condition&, const std::vector<Assignment>&,
                                      Returning) override {
    note("update_where");
    return records;
  }
  std::size_t do_remove_where(const Schema&, const Condition& where) override {
    note("remove_where");
    condition = where;
    return records.size();
  }
  std::vector<Record> do_select(const Schema&, const Query& query) override {
    note("select");
    condition = query.where;
    limit = query.limit;
    return records;
  }
  std::size_t do_count(const Schema&, const Condition&, std::size_t) override {
    note("count");
    return 3;
  }
  std::vector<Record> do_aggregate(const Schema&, const Aggregate&) override {
    note("aggregate");
    return {};
  }
};

const Schema& things() {
  return Thing::schema();
}

Record record() {
  const Thing thing;
  return things().to_record(&thing);
}

using Operation = std::function<void(UnitOfWork&)>;

/// The operation is a defect of the caller's: refused before the backend hears of it.
void check_refused(const Operation& operation) {
  FakeUnit unit;
  try {
    operation(unit);
    FAIL("not refused");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::internal);
  }
  CHECK(unit.calls.empty());
  CHECK(unit.poisoned());
}

void check_query(bool fine, const Query& query) {
  if (!fine) return check_refused([&](UnitOfWork& unit) { unit.select(things(), query); });
  FakeUnit unit;
  CHECK_NOTHROW(unit.select(things(), query));
}

void check_where(bool fine, const Condition& where) {
  check_query(fine, {.where = where});
}

void check_aggregate(bool fine, const Aggregate& aggregate) {
  if (!fine) return check_refused([&](UnitOfWork& unit) { unit.aggregate(things(), aggregate); });
  FakeUnit unit;
  CHECK_NOTHROW(unit.aggregate(things(), aggregate));
}

const std::vector<Operation>& writes() {
  static const std::vector<Operation> all{
      [](UnitOfWork& unit) { unit.insert(things(), record()); },
      [](UnitOfWork& unit) { unit.insert_many(things(), {record()}); },
      [](UnitOfWork& unit) { unit.insert_if_absent(things(), record()); },
      [](UnitOfWork& unit) { unit.upsert(things(), record(), {"id"}); },
      [](UnitOfWork& unit) { unit.update(things(), record()); },
      [](UnitOfWork& unit) { unit.update_where(things(), everything(), {add("size", 1)}); },
      [](UnitOfWork& unit) { unit.remove(things(), "x"); },
      [](UnitOfWork& unit) { unit.remove_where(things(), everything()); },
  };
  return all;
}

const std::vector<Operation>& reads() {
  static const std::vector<Operation> all{
      [](UnitOfWork& unit) { unit.find(things(), "x"); },
      [](UnitOfWork& unit) { unit.select(things(), {}); },
      [](UnitOfWork& unit) { unit.count(things(), everything()); },
      [](UnitOfWork& unit) { unit.aggregate(things(), {.measures = {{.as = "n"}}}); },
  };
  return all;
}

}  // namespace

TEST_CASE("every operation reaches the backend once") {
  for (const auto* operations : {&writes(), &reads()})
    for (const Operation& operation : *operations) {
      FakeUnit unit;
      operation(unit);
      CHECK(unit.calls.size() == 1);
      CHECK_FALSE(unit.poisoned());
    }
}

TEST_CASE("a unit for reading reads and refuses to write") {
  for (const Operation& operation : reads()) {
    FakeUnit unit(false);
    CHECK_NOTHROW(operation(unit));
  }
  for (const Operation& operation : writes()) {
    FakeUnit unit(false);
    CHECK_THROWS_AS(operation(unit), Error);
    CHECK(unit.calls.empty());
    CHECK(unit.poisoned());
  }
}

TEST_CASE("after a failed operation every further one throws") {
  for (const auto* first : {&writes(), &reads()})
    for (const Operation& operation : *first) {
      FakeUnit unit;
      unit.fails = true;
      CHECK_THROWS_AS(operation(unit), Error);
      CHECK(unit.poisoned());
      unit.fails = false;
      for (const auto* then : {&writes(), &reads()})
        for (const Operation& next : *then) CHECK_THROWS_AS(next(unit), Error);
      CHECK(unit.calls.size() == 1);
    }
}

TEST_CASE("the backend's error arrives as it was thrown") {
  FakeUnit unit;
  unit.fails = true;
  try {
    unit.insert(things(), record());
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.reason() == "things_exists");
  }
}

TEST_CASE("to find is to select by the key") {
  FakeUnit unit;
  CHECK_FALSE(unit.find(things(), "x"));
  CHECK(unit.condition.field == "id");
  CHECK(unit.condition.values == std::vector<Value>{"x"});
  CHECK(unit.limit == 1);
  unit.records = {record()};
  CHECK(unit.find(things(), "x") == record());
}

TEST_CASE("to remove is to remove where the key is") {
  FakeUnit unit;
  CHECK_FALSE(unit.remove(things(), "x"));
  unit.records = {record()};
  CHECK(unit.remove(things(), "x"));
  CHECK(unit.condition.field == "id");
}

TEST_CASE("nothing to insert is nothing to do") {
  FakeUnit unit;
  unit.insert_many(things(), {});
  CHECK(unit.calls.empty());
}

TEST_CASE("records must fit their schema") {
  check_refused([](UnitOfWork& unit) { unit.insert(things(), Record(2)); });
  check_refused([](UnitOfWork& unit) { unit.insert_many(things(), {record(), Record(7)}); });
  check_refused([](UnitOfWork& unit) { unit.update(things(), {}); });
  check_refused([](UnitOfWork& unit) { unit.insert_if_absent(things(), Record(5)); });  // all null
}

TEST_CASE("a schema without a table is not stored") {
  check_refused([](UnitOfWork& unit) { unit.select(Note::schema(), {}); });
  check_refused([](UnitOfWork& unit) { unit.insert(Note::schema(), Record{"x"}); });
  check_refused([](UnitOfWork& unit) { unit.find(Note::schema(), "x"); });
  check_refused([](UnitOfWork& unit) { unit.remove_where(Note::schema(), everything()); });
}

TEST_CASE("conditions name fields that exist and have the values they need") {
  check_where(true, all_of({equal("title", "x"), any_of({is_null("size"), less("size", 3)})}));
  check_where(true, in("size", std::vector<std::int64_t>{}));
  check_where(true, contains("tags", "x"));
  check_where(true, matches("x"));
  check_where(false, equal("titel", "x"));
  check_where(false, none_of({any_of({greater("width", 1)})}));
  check_where(false, in("width", std::vector<std::int64_t>{}));
  check_where(false, is_null("width"));
  check_where(false, contains("title", "x"));
  check_where(false, {Condition::Kind::equal, {}, "title", {}});
  check_where(false, {Condition::Kind::equal, {}, "title", {1, 2}});
  check_where(false, {Condition::Kind::matches, {}, "", {1}});
  check_refused([](UnitOfWork& unit) { unit.count(things(), equal("titel", "x")); });
  check_refused([](UnitOfWork& unit) { unit.remove_where(things(), equal("titel", "x")); });
  check_refused([](UnitOfWork& unit) { unit.update_where(things(), equal("titel", "x"), {add("size", 1)}); });
}

TEST_CASE("orders, projections and cursors name fields that exist") {
  check_query(true, {.order = {descending("size")}, .fields = {"title"}, .limit = 0});
  check_query(false, {.order = {ascending("width")}});
  check_query(false, {.fields = {"width"}});
  check_query(true, {.order = {ascending("size")}, .after = {1, "key"}});
  check_query(true, {.after = {"key"}});
  check_query(true, {.order = {ascending("size"), ascending("id")}, .after = {1, "key"}});
  check_query(false, {.order = {ascending("size")}, .after = {1}});
  check_query(false, {.after = {1, 2}});
}

TEST_CASE("an order by relevance needs a search it can rank by, and has no cursor") {
  check_query(true, {.where = matches("x"), .order = {by_relevance()}});
  check_query(true, {.where = all_of({equal("size", 1), matches("x")}), .order = {by_relevance()}});
  check_query(false, {.order = {by_relevance()}});
  check_query(false, {.where = any_of({matches("x")}), .order = {by_relevance()}});
  check_query(false, {.where = matches("x"), .order = {by_relevance()}, .after = {1, "key"}});
}

TEST_CASE("assignments change fields that may change") {
  const auto check = [](bool fine, const std::vector<Assignment>& assignments) {
    const auto update = [&](UnitOfWork& unit) { unit.update_where(things(), everything(), assignments); };
    if (!fine) return check_refused(update);
    FakeUnit unit;
    CHECK_NOTHROW(update(unit));
  };
  check(true, {set("title", "x"), add("size", -1)});
  check(true, {{"size", nullptr, false}});
  check(false, {});
  check(false, {set("width", 1)});
  check(false, {set("id", "x")});
  check(false, {add("title", 1)});
  check(false, {{"size", "x", true}});
  check(false, {{"title", nullptr, false}});
}

TEST_CASE("an upsert goes by the key or a unique set") {
  const auto check = [](bool fine, const std::vector<std::string>& by) {
    const auto upsert = [&](UnitOfWork& unit) { unit.upsert(things(), record(), by); };
    if (!fine) return check_refused(upsert);
    FakeUnit unit;
    CHECK_NOTHROW(upsert(unit));
  };
  check(true, {"id"});
  check(true, {"title", "size"});
  check(true, {"size", "title"});
  check(false, {"title"});
  check(false, {});
  check(false, {"id", "title"});
}

TEST_CASE("aggregates measure what can be measured") {
  using Kind = Measure::Kind;
  check_aggregate(true, {.groups = {{"made", 3'600'000'000}},
                         .measures = {{Kind::sum, "size", "total"}},
                         .order = {descending("total"), ascending("made")}});
  check_aggregate(true, {.groups = {{"title"}}});
  check_aggregate(true, {.measures = {{Kind::minimum, "title", "first"}}});
  check_aggregate(false, {});
  check_aggregate(false, {.groups = {{"width"}}});
  check_aggregate(false, {.groups = {{"title", 5}}});
  check_aggregate(false, {.groups = {{"made", -5}}});
  check_aggregate(false, {.measures = {{Kind::sum, "title", "total"}}});
  check_aggregate(false, {.measures = {{Kind::count_distinct, "width", "n"}}});
  check_aggregate(false, {.measures = {{.as = "n"}}, .order = {ascending("m")}});
  check_aggregate(false, {.measures = {{.kind = Kind::count}}, .order = {ascending("")}});
}

TEST_CASE("a repository turns records into structs and absence into not found") {
  FakeUnit unit;
  Repository<Thing> things_of_unit(unit);
  Thing thing;
  thing.title = "one";
  things_of_unit.insert(thing);
  REQUIRE(unit.records.size() == 1);
  CHECK(things_of_unit.get(thing.id).title == "one");
  try {
    things_of_unit.update(thing);  // the fake finds none
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::not_found);
    CHECK(error.reason() == "thing_not_found");
  }
}
