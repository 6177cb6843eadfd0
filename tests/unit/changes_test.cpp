#include <barrier>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <lms/backends/memory.hpp>
#include <lms/lms.hpp>
#include <lms/repository.hpp>

#include "support/one_commit_storage.hpp"

using namespace lms;

namespace {

struct Thing {
  std::string name;
  std::string tag;
  std::int64_t size = 0;

  static const Schema& schema() {
    static const Schema schema = define<Thing>("Thing", "")
                                     .table("things")
                                     .key("name", &Thing::name)
                                     .field("tag", &Thing::tag)
                                     .field("size", &Thing::size)
                                     .unique({"tag"});
    return schema;
  }
};

using Things = Repository<Thing>;

const Schema& things() {
  return Thing::schema();
}

/// A storage with two things, `a` and `b`, and what somebody read of it.
struct Reader {
  Reader() {
    storage->write([](UnitOfWork& uow) { Things(uow).insert_many({{"a", "A"}, {"b", "B"}}); });
  }

  /// Which of `a`, `b` and the table, `*`, are changed by what is done.
  std::string changed_by(const std::function<void()>& action) const {
    const Changes& changes = storage->changes();
    const Changes::Moment moment = changes.now();
    action();
    std::string changed;
    for (const char* name : {"a", "b"})
      if (changes.since(moment, Dependency::on(things(), name))) changed += name;
    if (changes.since(moment, Dependency::on(things()))) changed += "*";
    return changed;
  }
  std::string changed_by_write(const std::function<void(Things)>& write) const {
    return changed_by([&] { storage->write([&](UnitOfWork& uow) { write(Things(uow)); }); });
  }

  std::unique_ptr<Storage> storage = open_memory_storage();
};

}  // namespace

TEST_CASE("what was written counts as changed from that moment on") {
  Changes changes;
  const Dependency a = Dependency::on(things(), "a");
  const Dependency b = Dependency::on(things(), "b");
  const Dependency table = Dependency::on(things());
  const Changes::Moment before = changes.now();
  CHECK_FALSE(changes.since(before, a));

  Writes writes;
  writes.add(things(), "a");
  changes.note(writes);
  CHECK(changes.since(before, a));
  CHECK_FALSE(changes.since(before, b));
  CHECK(changes.since(before, table));

  const Changes::Moment after = changes.now();
  CHECK_FALSE(changes.since(after, a));
  CHECK_FALSE(changes.since(after, table));

  Writes unnamed;
  unnamed.add(things());
  changes.note(unnamed);
  for (const Dependency& each : {a, b, table}) CHECK(changes.since(after, each));

  const Changes::Moment last = changes.now();
  changes.note({});
  CHECK(changes.now() == last);
}

TEST_CASE("a key is the same however its number is told, and keys of one table say nothing of another") {
  Changes changes;
  Writes writes;
  writes.add(things(), 7);
  changes.note(writes);
  CHECK(changes.since(0, Dependency::on(things(), 7.0)));
  CHECK_FALSE(changes.since(0, Dependency::on(things(), 8)));
  CHECK_FALSE(changes.since(0, Dependency::on(User::schema(), 7)));
}

TEST_CASE("every operation tells what it wrote") {
  const Reader reader;
  const auto changed = [&](const std::function<void(Things)>& write) { return reader.changed_by_write(write); };
  CHECK(changed([](Things) {}).empty());
  CHECK(changed([](Things all) { all.select({}); }).empty());
  CHECK(changed([](Things all) { all.insert({"c", "C"}); }) == "*");
  CHECK(changed([](Things all) { all.insert_if_absent({"a", "other"}); }).empty());
  CHECK(changed([](Things all) { all.insert_if_absent({"d", "D"}); }) == "*");
  CHECK(changed([](Things all) { all.update({"a", "A", 1}); }) == "a*");
  CHECK(changed([](Things all) { all.upsert({"b", "B", 1}, {"name"}); }) == "b*");
  CHECK(changed([](Things all) { all.upsert({"other", "B", 2}, {"tag"}); }) == "ab*");  // whose it was is not told
  CHECK(changed([](Things all) { all.update_where(equal("tag", "A"), {add("size", 1)}); }) == "a*");
  CHECK(changed([](Things all) { all.update_where(everything(), {add("size", 1)}); }) == "ab*");
  CHECK(changed([](Things all) { all.update_where(equal("tag", "none"), {add("size", 1)}); }).empty());
  CHECK(changed([](Things all) { all.remove_where(equal("tag", "none")); }).empty());
  CHECK(changed([](Things all) { all.remove_where(in<std::string>("name", {"c", "a"})); }) == "a*");
  CHECK(changed([](Things all) { all.insert({"a", "A"}); }) == "a*");
  CHECK(changed([](Things all) { all.remove("a"); }) == "a*");
  CHECK(changed([](Things all) { all.remove_where(equal("tag", "D")); }) == "ab*");
}

TEST_CASE("a transaction that undoes itself has changed nothing") {
  const Reader reader;
  CHECK(reader.changed_by_write([&](Things all) { all.update({"a", "A", 1}); }) == "a*");
  const auto fail = [](Things all) {
    all.update({"a", "A", 2});
    throw std::runtime_error("on purpose");
  };
  CHECK(reader.changed_by([&] { CHECK_THROWS(reader.storage->write([&](UnitOfWork& uow) { fail(Things(uow)); })); })
            .empty());
}

TEST_CASE("a write is noted after its commit, also after one that says it failed") {
  /// Commits, and then says that it could not.
  class Pessimist final : public test::OneCommitStorage {
   public:
    using OneCommitStorage::OneCommitStorage;
    Changes& changes() noexcept override { return Storage::changes(); }
    bool noted_before = false;

   protected:
    void do_write(const Function& function, Isolation isolation) override {
      StorageWrapper::do_write(function, isolation);
      noted_before = changes().since(0, Dependency::on(things()));
      throw unavailable("storage_unavailable", "Nobody knows.");
    }
  };
  Pessimist storage(open_memory_storage());
  const auto write = [&] { storage.write([](UnitOfWork& uow) { Things(uow).insert({"a", "A"}); }); };
  SUBCASE("alone") {
    CHECK_THROWS_AS(write(), Error);
  }
  SUBCASE("among others") {
    CHECK_THROWS_AS(storage.together(write), Error);
  }
  CHECK_FALSE(storage.noted_before);
  CHECK(storage.changes().since(0, Dependency::on(things(), "a")));
}

TEST_CASE("a thread knows whether it is inside a transaction") {
  const Reader reader;
  CHECK_FALSE(reader.storage->inside_transaction());
  CHECK(reader.storage->read([&](UnitOfWork&) { return reader.storage->inside_transaction(); }));
  CHECK(reader.storage->write([&](UnitOfWork&) { return reader.storage->inside_transaction(); }));
  CHECK_FALSE(reader.storage->read([&](UnitOfWork&) { return open_memory_storage()->inside_transaction(); }));
}

TEST_CASE("a write to another table leaves lists of courses as they are") {
  for (const Schema* other : stored_schemas()) {
    CAPTURE(other->table());
    Changes changes;
    Writes writes;
    writes.add(*other, "some key");
    changes.note(writes);
    CHECK(changes.since(0, Dependency::on(Course::schema())) == (other == &Course::schema()));
  }
}

TEST_CASE("what many threads note at the same time counts as the last of them") {
  constexpr int threads = 4;
  constexpr int rounds = 300;
  Writes writes;  // of so many records that the threads meet in the midst of noting them
  for (int key = 0; key < 1'000; ++key) writes.add(things(), key);
  Changes changes;
  int wrong = 0;
  const auto check = [&]() noexcept {
    const Changes::Moment before_last = changes.now() - 1;
    for (int key = 0; key < 1'000; ++key)
      if (!changes.since(before_last, Dependency::on(things(), key))) ++wrong;
  };
  std::barrier everybody(threads, check);
  std::vector<std::jthread> writers;
  for (int self = 0; self < threads; ++self)
    writers.emplace_back([&] {
      for (int i = 0; i < rounds; ++i) {
        changes.note(writes);
        everybody.arrive_and_wait();
      }
    });
  writers.clear();
  CHECK(wrong == 0);
  CHECK(changes.now() == threads * rounds);
}
