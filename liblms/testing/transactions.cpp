#include <atomic>
#include <deque>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "testing/clauses.hpp"

namespace lms::testing {

namespace {

using Books = Repository<Book>;
using Counters = Repository<Counter>;

constexpr int thread_count = 8;

void add_to(UnitOfWork& uow, const char* name, std::int64_t amount) {
  Counters(uow).update_where(equal("name", name), {add("value", amount)});
}

/// Counts down when its scope is left, in whatever way.
struct Leaving {
  std::atomic<int>& present;
  ~Leaving() { --present; }
};

std::int64_t value_of(Storage& storage, const char* name) {
  return find<Counter>(storage, name).value().value;
}

}  // namespace

std::vector<Clause> transaction_clauses() {
  return {
      {"write and read hand on what their function returns",
       [](Storage& storage) {
         EXPECT(storage.write([](UnitOfWork&) { return std::string("written"); }) == "written");
         EXPECT(storage.read([](UnitOfWork&) { return std::make_unique<int>(7); }) != nullptr);
       }},
      {"a unit sees its own changes",
       [](Storage& storage) {
         storage.write([](UnitOfWork& uow) {
           Counters(uow).insert({"a", 1});
           add_to(uow, "a", 2);
           EXPECT(Counters(uow).get("a").value == 3);
           EXPECT(Counters(uow).count(everything()) == 1);
         });
       }},
      {"a failed transaction leaves nothing behind",
       [](Storage& storage) {
         std::vector<Book> before{book(1, "one"), book(2, "two"), book(3, "three")};
         insert(storage, before);
         const auto everything_and_fail = [&](UnitOfWork& uow) {
           Books books(uow);
           books.insert(book(4));
           EXPECT(books.insert_if_absent(book(5)));
           books.upsert(book(6), {"id"});
           books.upsert(book(1, "replaced"), {"id"});
           books.update(book(2, "replaced"));
           books.update_where(everything(), {set("pages", 1)});
           books.remove(book(3).id);
           books.remove_where(equal("title", "replaced"));
           Counters(uow).insert({"a", 1});
           throw std::out_of_range("on purpose");
         };
         EXPECT_THROWS(storage.write(everything_and_fail), std::out_of_range);
         const std::vector<Book> after = select<Book>(storage);
         EXPECT(numbers(after) == std::vector{1, 2, 3});
         for (std::size_t i = 0; i < after.size(); ++i)
           EXPECT(Book::schema().to_record(&after[i]) == Book::schema().to_record(&before[i]));
         EXPECT(count<Counter>(storage) == 0);
         insert<Book>(storage, {book(4), book(5)});  // their places are free
       }},
      {"a lookup by key sees what was written before, whichever way",
       [](Storage& storage) {
         Book expected = book(1);
         const Query title_of_first{.where = equal("id", expected.id), .fields = {"title"}};
         using Title = std::optional<std::string>;
         const auto look = [&](UnitOfWork& uow, const Title& title) {
           const auto found = Books(uow).find(expected.id);
           EXPECT(found.has_value() == title.has_value());
           if (found) EXPECT(found->title == title);
           const auto titles = Books(uow).select(title_of_first);
           EXPECT(titles.empty() == !title.has_value());
           if (!titles.empty()) EXPECT(titles.front().title == title);
         };
         Title title;
         const auto look_everywhere = [&] {
           storage.read([&](UnitOfWork& uow) { look(uow, title); });
           storage.write([&](UnitOfWork& uow) { look(uow, title); });
         };
         const auto after = [&](const auto& change, const Title& changed_title) {
           storage.write([&](UnitOfWork& uow) {
             Books books(uow);
             look(uow, title);
             change(books);
             look(uow, changed_title);
           });
           title = changed_title;
           look_everywhere();
         };
         look_everywhere();
         after([&](Books& books) { books.insert(book(1, "inserted")); }, "inserted");
         after([&](Books& books) { books.update(book(1, "updated")); }, "updated");
         after([&](Books& books) { books.update_where(equal("place", 1), {set("title", std::string("set"))}); }, "set");
         after([&](Books& books) { books.update_all(everything(), {set("title", std::string("set again"))}); },
               "set again");
         after([&](Books& books) { books.upsert(book(1, "upserted"), {"id"}); }, "upserted");
         after([&](Books& books) { books.upsert(book(1, "by place"), {"shelf", "place"}); }, "by place");
         after([&](Books& books) { books.remove(expected.id); }, std::nullopt);
         after([&](Books& books) { EXPECT(books.insert_if_absent(book(1, "absent"))); }, "absent");
         after([&](Books& books) { EXPECT(books.remove_where(equal("title", "absent")) == 1); }, std::nullopt);
         after([&](Books& books) { books.insert_many({book(1, "one of two"), book(2)}); }, "one of two");
       }},
      {"what a failed transaction saw of its own is seen by nobody else",
       [](Storage& storage) {
         insert<Book>(storage, {book(1, "before")});
         const auto look = [&](UnitOfWork& uow) {
           EXPECT(Books(uow).get(book(1).id).title == "before");
           EXPECT(!Books(uow).find(book(2).id));
         };
         const auto change_look_and_fail = [&](UnitOfWork& uow) {
           Books books(uow);
           look(uow);
           books.update(book(1, "never"));
           books.insert(book(2));
           EXPECT(books.get(book(1).id).title == "never");
           EXPECT(books.find(book(2).id).has_value());
           throw std::out_of_range("on purpose");
         };
         EXPECT_THROWS(storage.write(change_look_and_fail), std::out_of_range);
         storage.read(look);
         storage.write(look);
         storage.together([&] {
           EXPECT_THROWS(storage.write(change_look_and_fail), std::out_of_range);
           storage.read(look);
           storage.write(look);
         });
         storage.read(look);
         storage.write(look);
       }},
      {"whatever is thrown reaches the caller",
       [](Storage& storage) {
         struct Odd {
           int number;
         };
         int number = 0;
         try {
           storage.write([](UnitOfWork&) { throw Odd{7}; });
         } catch (const Odd& odd) {
           number = odd.number;
         }
         EXPECT(number == 7);
         EXPECT_THROWS(storage.read([](UnitOfWork&) { throw Odd{8}; }), Odd);
         insert<Counter>(storage, {{"a", 1}});
       }},
      {"a unit is poisoned by a failed operation",
       [](Storage& storage) {
         insert<Counter>(storage, {{"a", 1}});
         const auto go_on = [](UnitOfWork& uow) {
           Counters(uow).insert({"b", 1});
           EXPECT_THROWS(Counters(uow).insert({"a", 2}), Error);
           EXPECT(uow.poisoned());
           EXPECT_THROWS(Counters(uow).insert({"c", 3}), Error);
           EXPECT_THROWS(Counters(uow).count(everything()), Error);
         };
         EXPECT(reason_of([&] { storage.write(go_on); }) == "internal");
         EXPECT(count<Counter>(storage) == 1);
       }},
      {"a unit for reading refuses to write",
       [](Storage& storage) {
         insert<Counter>(storage, {{"a", 1}});
         const auto write_in_read = [](UnitOfWork& uow) { Counters(uow).insert({"b", 1}); };
         const auto remove_in_read = [](UnitOfWork& uow) { Counters(uow).remove_where(everything()); };
         EXPECT(reason_of([&] { storage.read(write_in_read); }) == "internal");
         EXPECT(reason_of([&] { storage.read(remove_in_read); }) == "internal");
         EXPECT(count<Counter>(storage) == 1);
       }},
      {"a transaction inside a transaction is refused",
       [](Storage& storage) {
         const auto nothing = [](UnitOfWork&) {};
         EXPECT(reason_of([&] { storage.write([&](UnitOfWork&) { storage.write(nothing); }); }) == "internal");
         EXPECT(reason_of([&] { storage.write([&](UnitOfWork&) { storage.read(nothing); }); }) == "internal");
         EXPECT(reason_of([&] { storage.read([&](UnitOfWork&) { storage.write(nothing); }); }) == "internal");
         const auto caught = [&](UnitOfWork& uow) {
           Counters(uow).insert({"a", 1});
           EXPECT_THROWS(storage.read(nothing), Error);
         };
         storage.write(caught);
         EXPECT(value_of(storage, "a") == 1);
       }},
      {"a read inside a read is part of it",
       [](Storage& storage) {
         insert<Counter>(storage, {{"a", 1}});
         storage.read([&](UnitOfWork&) {
           EXPECT(value_of(storage, "a") == 1);
           const auto write = [](UnitOfWork& uow) { Counters(uow).insert({"b", 1}); };
           EXPECT(reason_of([&] { storage.read([&](UnitOfWork&) { storage.write(write); }); }) == "internal");
         });
         EXPECT(count<Counter>(storage) == 1);
       }},
      {"of what is done together, each part is all or nothing",
       [](Storage& storage) {
         const auto half = [](UnitOfWork& uow) {
           Counters(uow).insert({"b", 1});
           Counters(uow).insert({"a", 2});
         };
         storage.together([&] {
           insert<Counter>(storage, {{"a", 1}});
           EXPECT(reason_of([&] { storage.write(half); }) == "counters_exists");
           EXPECT(count<Counter>(storage) == 1);
           EXPECT(value_of(storage, "a") == 1);
         });
         EXPECT(count<Counter>(storage) == 1);
       }},
      {"what is thrown out of what is done together undoes no part of it",
       [](Storage& storage) {
         const auto fail_late = [&] {
           insert<Counter>(storage, {{"a", 1}});
           throw std::out_of_range("on purpose");
         };
         EXPECT_THROWS(storage.together(fail_late), std::out_of_range);
         EXPECT(count<Counter>(storage) == 1);
       }},
      {"what waits for the commit is done once, after it, and not at all if there is none",
       [](Storage& storage) {
         std::atomic<int> done{0};
         const auto add_one = [&](UnitOfWork& uow) { uow.after_commit([&] { ++done; }); };
         const auto fail = [&](UnitOfWork& uow) {
           add_one(uow);
           throw std::out_of_range("on purpose");
         };
         const auto add_and_look = [&](UnitOfWork& uow) {
           add_one(uow);
           EXPECT(done == 0);
         };
         storage.write(add_and_look);
         EXPECT(done == 1);
         EXPECT_THROWS(storage.write(fail), std::out_of_range);
         EXPECT(done == 1);

         const auto three_parts = [&] {
           done = 0;
           storage.write(add_one);
           EXPECT_THROWS(storage.write(fail), std::out_of_range);
           storage.write(add_one);
         };
         storage.together(three_parts);
         EXPECT(done == 2);

         std::deque<std::function<void()>> tasks;
         const Executor executor = [&](std::function<void()> task) { tasks.push_back(std::move(task)); };
         int seen = 0;
         storage.together_later(
             three_parts, [&](const std::exception_ptr&) { seen = done; }, executor);
         for (; !tasks.empty(); tasks.pop_front()) tasks.front()();
         EXPECT(seen == 2);
         EXPECT(reason_of([&] { storage.read(add_one); }) == "internal");
       }},
      {"together is no way around the rules of transactions",
       [](Storage& storage) {
         const auto nothing = [](UnitOfWork&) {};
         const auto write_in_read = [](UnitOfWork& uow) { Counters(uow).insert({"a", 1}); };
         EXPECT(reason_of([&] { storage.write([&](UnitOfWork&) { storage.together([] {}); }); }) == "internal");
         storage.together([&] {
           EXPECT(reason_of([&] { storage.write([&](UnitOfWork&) { storage.write(nothing); }); }) == "internal");
           EXPECT(reason_of([&] { storage.read([&](UnitOfWork&) { storage.write(nothing); }); }) == "internal");
           EXPECT(reason_of([&] { storage.read(write_in_read); }) == "internal");
         });
         EXPECT(count<Counter>(storage) == 0);
       }},
      {"who does not wait is told once, when it is durable",
       [](Storage& storage) {
         std::deque<std::function<void()>> tasks;
         const Executor executor = [&](std::function<void()> task) { tasks.push_back(std::move(task)); };
         std::vector<std::string> ends;
         const auto add_later = [&](std::int64_t value) {
           storage.together_later(
               [&storage, value] {
                 insert<Counter>(storage, {{"a", value}});
               },
               [&](const std::exception_ptr& error) {
                 ends.push_back(reason_of([&] {
                   if (error) std::rethrow_exception(error);
                 }));
               },
               executor);
         };
         add_later(1);
         add_later(2);
         EXPECT(ends.empty());
         while (!tasks.empty()) {
           const auto task = std::move(tasks.front());
           tasks.pop_front();
           task();
         }
         EXPECT(ends == std::vector<std::string>{"", "counters_exists"});
         EXPECT(value_of(storage, "a") == 1);
       }},
      {"who learns that something was written finds it among the changes",
       [](Storage& storage) {
         const Dependency a = Dependency::on(Counter::schema(), "a");
         Changes::Moment moment = storage.changes().now();
         const auto changed = [&] {
           return storage.changes().since(std::exchange(moment, storage.changes().now()), a);
         };
         insert<Counter>(storage, {{"a", 0}});
         EXPECT(changed());
         insert<Counter>(storage, {{"b", 0}});
         EXPECT(!changed());
         const auto add_one = [&] { storage.write([](UnitOfWork& uow) { add_to(uow, "a", 1); }); };
         storage.together(add_one);
         EXPECT(changed());

         bool noted = false;
         std::deque<std::function<void()>> tasks;
         const Executor executor = [&](std::function<void()> task) { tasks.push_back(std::move(task)); };
         storage.together_later(
             add_one, [&](const std::exception_ptr&) { noted = changed(); }, executor);
         for (; !tasks.empty(); tasks.pop_front()) tasks.front()();
         EXPECT(noted);
       }},
      {"a reader that a change has not reached yet can tell",
       [](Storage& storage) {
         insert<Counter>(storage, {{"a", 0}});
         std::atomic<std::int64_t> written{0};
         std::atomic<int> wrong{0};
         in_threads(thread_count, [&](int self) {
           for (int i = 0; i < 100; ++i) {
             if (self == 0) {
               storage.write([&](UnitOfWork& uow) { Counters(uow).update({"a", i + 1}); });
               written = i + 1;
               continue;
             }
             const Changes::Moment moment = storage.changes().now();
             const std::int64_t value = value_of(storage, "a");
             const std::int64_t least = written;
             const bool changed = storage.changes().since(moment, Dependency::on(Counter::schema(), "a"));
             if (!changed && value < least) ++wrong;
           }
         });
         EXPECT(wrong == 0);
       }},
      {"increments of many threads are all counted",
       [](Storage& storage) {
         insert<Counter>(storage, {{"a", 0}});
         in_threads(thread_count, [&](int) {
           for (int i = 0; i < 50; ++i) storage.write([](UnitOfWork& uow) { add_to(uow, "a", 1); });
         });
         EXPECT(value_of(storage, "a") == thread_count * 50);
       }},
      {"what a thread reads and then writes is not overtaken by another",
       [](Storage& storage) {
         insert<Counter>(storage, {{"a", 0}});
         in_threads(thread_count, [&](int) {
           for (int i = 0; i < 25; ++i)
             storage.write([](UnitOfWork& uow) {
               Counter counter = Counters(uow).get("a");
               ++counter.value;
               Counters(uow).update(counter);
             });
         });
         EXPECT(value_of(storage, "a") == thread_count * 25);
       }},
      {"a write is provided on what its own transaction finds",
       [](Storage& storage) {
         insert<Counter>(storage, {{"a", 1}});
         const auto found = [&] { return storage.read([](UnitOfWork& uow) { return Counters(uow).get("a").value; }); };
         const auto set_to = [&](std::int64_t value) {
           storage.write([&](UnitOfWork& uow) { Counters(uow).update({"a", value}); });
         };
         const auto one = [&](UnitOfWork& uow) {
           if (found() != 1) throw conflict("not_one", "It is not 1.");
           Counters(uow).upsert({"seen", 1}, {"name"});
         };
         storage.provided(one, [&] {
           EXPECT(found() == 1);
           set_to(2);
           set_to(3);  // is provided on nothing
         });
         EXPECT(value_of(storage, "a") == 3);
         EXPECT(value_of(storage, "seen") == 1);

         const auto late = [&] { storage.provided(one, [&] { set_to(4); }); };
         EXPECT(reason_of(late) == "not_one");
         EXPECT(reason_of([&] { storage.provided(one, [] {}); }) == "not_one");
         EXPECT(value_of(storage, "a") == 3);
         set_to(1);  // what failed binds nobody else
         storage.provided(one, [&] {
           EXPECT(reason_of([&] {
                    storage.write([](UnitOfWork& uow) {
                      Counters(uow).update({"a", 5});
                      throw conflict("on_purpose", "It fails.");
                    });
                  }) == "on_purpose");
           set_to(6);
         });
         EXPECT(value_of(storage, "a") == 6);
       }},
      {"a proviso is no way around the rules of transactions",
       [](Storage& storage) {
         const Storage::Function nothing = [](UnitOfWork&) {};
         const auto write = [&] { storage.write(nothing); };
         EXPECT(reason_of([&] { storage.provided([&](UnitOfWork&) { write(); }, write); }) == "internal");
         EXPECT(reason_of([&] { storage.provided(nothing, [&] { storage.provided(nothing, write); }); }) == "internal");
         EXPECT(reason_of([&] { storage.provided(nothing, [&] { storage.together(write); }); }) == "internal");
         EXPECT(reason_of([&] { storage.write([&](UnitOfWork&) { storage.provided(nothing, write); }); }) ==
                "internal");
         storage.provided(nothing, write);
       }},
      {"of those who change what they all saw, one succeeds, whichever way they write",
       [](Storage& storage) {
         insert<Counter>(storage, {{"a", 0}});
         std::atomic<int> changed{0};
         std::atomic<int> wrong{0};
         in_threads(thread_count, [&](int self) {
           for (int i = 0; i < 20; ++i) {
             const auto change = [&] {
               const auto still = [&](UnitOfWork& uow) {
                 if (Counters(uow).get("a").value != i) throw conflict("changed", "It is another now.");
               };
               storage.provided(still, [&] {
                 storage.read([](UnitOfWork& uow) { return Counters(uow).get("a").value; });
                 storage.write([&](UnitOfWork& uow) { Counters(uow).update({"a", i + 1}); });
               });
             };
             std::string reason;
             if ((self + i) % 2 == 0)
               storage.together([&] { reason = reason_of(change); });
             else
               reason = reason_of(change);
             if (reason.empty()) ++changed;
             if (!reason.empty() && reason != "changed") ++wrong;
             // Nobody begins with the next value before this one is there.
             while (storage.read([&](UnitOfWork& uow) { return Counters(uow).get("a").value; }) <= i) {
             }
           }
         });
         EXPECT(changed == 20);
         EXPECT(wrong == 0);
         EXPECT(value_of(storage, "a") == 20);
       }},
      {"a conditional update never exceeds its bound",
       [](Storage& storage) {
         insert<Counter>(storage, {{"seats", 0}});
         std::atomic<int> seated{0};
         in_threads(thread_count, [&](int) {
           for (int i = 0; i < 20; ++i) {
             const bool got_one = storage.write([](UnitOfWork& uow) {
               return !Counters(uow)
                           .update_where(all_of({equal("name", "seats"), less("value", 30)}), {add("value", 1)})
                           .empty();
             });
             if (got_one) ++seated;
           }
         });
         EXPECT(seated == 30);
         EXPECT(value_of(storage, "seats") == 30);
       }},
      {"of those who insert the same key, one succeeds",
       [](Storage& storage) {
         std::atomic<int> inserted{0};
         std::atomic<int> refused{0};
         in_threads(thread_count, [&](int self) {
           for (int i = 0; i < 20; ++i) {
             const std::string reason = reason_of([&] {
               storage.write([&](UnitOfWork& uow) { Counters(uow).insert({"c" + std::to_string(i), self}); });
             });
             ++(reason.empty() ? inserted : refused);
             if (!reason.empty()) EXPECT(reason == "counters_exists");
           }
         });
         EXPECT(inserted == 20);
         EXPECT(refused == (thread_count - 1) * 20);
       }},
      {"a failure reaches its caller alone",
       [](Storage& storage) {
         std::atomic<int> wrong{0};
         in_threads(thread_count, [&](int self) {
           for (int i = 0; i < 40; ++i) {
             const std::string name = std::to_string(self) + "-" + std::to_string(i);
             const bool fails = (self + i) % 3 == 0;
             std::string message;
             try {
               storage.write([&](UnitOfWork& uow) {
                 Counters(uow).insert({name, self});
                 if (fails) throw std::runtime_error(name);
               });
             } catch (const std::runtime_error& error) {
               message = error.what();
             }
             if (message != (fails ? name : "")) ++wrong;
             if (find<Counter>(storage, name).has_value() == fails) ++wrong;
           }
         });
         EXPECT(wrong == 0);
       }},
      {"a reader sees one consistent state",
       [](Storage& storage) {
         insert<Counter>(storage, {{"a", 500}, {"b", 500}});
         std::atomic<int> writing{thread_count / 2};
         std::atomic<int> torn{0};
         std::atomic<int> reads{0};
         in_threads(thread_count, [&](int self) {
           if (self % 2 == 0) {
             const Leaving leaving{writing};
             for (int i = 0; i < 40; ++i)
               storage.write([&](UnitOfWork& uow) {
                 add_to(uow, "a", -1);
                 add_to(uow, "b", 1);
               });
             return;
           }
           do {
             storage.read([&](UnitOfWork& uow) {
               const std::int64_t a = Counters(uow).get("a").value;
               const std::int64_t sum = a + Counters(uow).get("b").value;
               if (sum != 1000 || Counters(uow).get("a").value != a) ++torn;
             });
             ++reads;
           } while (writing > 0);
         });
         EXPECT(torn == 0);
         EXPECT(reads > 0);
         EXPECT(value_of(storage, "b") == 500 + thread_count / 2 * 40);
       }},
      {"a store answers, has a name, and can be migrated again",
       [](Storage& storage) {
         insert<Counter>(storage, {{"a", 1}});
         storage.ping();
         EXPECT(!storage.kind().empty());
         storage.migrate();
         for (const MigrationStatus::Step& step : storage.migration_status().steps) EXPECT(step.applied);
         EXPECT(value_of(storage, "a") == 1);
       }},
  };
}

}  // namespace lms::testing
