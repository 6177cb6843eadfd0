#include <limits>

#include "testing/clauses.hpp"

namespace lms::testing {

namespace {

using Authors = Repository<Author>;
using Books = Repository<Book>;
using Counters = Repository<Counter>;
using Entries = Repository<Entry>;

const Author jane{Id<Author>(uuid(1)), "Jane"};

void check_equal(const Book& a, const Book& b) {
  EXPECT(Book::schema().to_record(&a) == Book::schema().to_record(&b));
}

Book by_jane(std::uint8_t n) {
  Book result = book(n);
  result.author = jane.id;
  return result;
}

}  // namespace

std::vector<Clause> writing_clauses() {
  return {
      {"a record comes back as it was written",
       [](Storage& storage) {
         Book full = book(1, "Müller's \"Atlas\"\n入门 \U0001F600");
         full.summary = "";
         full.tags = {"maps", "", "a,b"};
         full.pages = std::numeric_limits<std::int64_t>::min();
         full.place = std::numeric_limits<std::int64_t>::max();
         full.price = 0.1;
         full.lent = true;
         full.cover = Cover::cloth;
         full.bought = Time(std::chrono::microseconds(-1));
         full.details = Object({{"z", Array{1, 2.5, nullptr, false, "x"}}, {"a", Object({{"deep", 1.0}})}});
         const Book bare = book(2);
         insert<Book>(storage, {full, bare});
         check_equal(find<Book>(storage, full.id).value(), full);
         check_equal(find<Book>(storage, bare.id).value(), bare);
         EXPECT(!find<Book>(storage, bare.id)->pages.has_value());
         EXPECT(find<Book>(storage, bare.id)->details.is_null());
       }},
      {"a real keeps its kind, also when it is whole",
       [](Storage& storage) {
         Record record = Book::schema().to_record(std::make_unique<Book>(book(1)).get());
         record[Book::schema().index_of("price")] = 3;
         storage.write([&](UnitOfWork& uow) { uow.insert(Book::schema(), record); });
         const auto found = storage.read([&](UnitOfWork& uow) { return uow.find(Book::schema(), record[0]); });
         EXPECT(found->at(Book::schema().index_of("price")).is_real());
       }},
      {"what is not there is not found",
       [](Storage& storage) {
         EXPECT(!find<Book>(storage, Id<Book>(uuid(1))).has_value());
         EXPECT(select<Book>(storage).empty());
         EXPECT(count<Book>(storage) == 0);
       }},
      {"an insert of a key that is taken is a conflict",
       [](Storage& storage) {
         insert<Counter>(storage, {{"a", 1}});
         EXPECT(reason_of([&] { insert<Counter>(storage, {{"a", 2}}); }) == "counters_exists");
         EXPECT(find<Counter>(storage, "a")->value == 1);
       }},
      {"an insert of unique values that are taken is a conflict",
       [](Storage& storage) {
         insert<Book>(storage, {book(1)});
         Book other = book(2);
         other.place = 1;
         EXPECT(reason_of([&] { insert<Book>(storage, {other}); }) == "books_exists");
         other.shelf = "B";
         EXPECT(reason_of([&] { insert<Book>(storage, {other}); }).empty());
       }},
      {"nulls in unique values never clash",
       [](Storage& storage) {
         Book first = book(1);
         Book second = book(2);
         first.shelf.reset();
         second.shelf.reset();
         second.place = first.place;
         insert<Book>(storage, {first, second});
         EXPECT(count<Book>(storage) == 2);
       }},
      {"many are inserted together or not at all",
       [](Storage& storage) {
         EXPECT(reason_of([&] { insert<Counter>(storage, {{"a", 1}, {"b", 2}, {"a", 3}}); }) == "counters_exists");
         EXPECT(count<Counter>(storage) == 0);
         insert<Counter>(storage, {{"a", 1}, {"b", 2}});
         EXPECT(count<Counter>(storage) == 2);
         insert<Counter>(storage, {});
       }},
      {"insert_if_absent tells whether it did",
       [](Storage& storage) {
         storage.write([&](UnitOfWork& uow) {
           Books books(uow);
           EXPECT(books.insert_if_absent(book(1, "first")));
           EXPECT(!books.insert_if_absent(book(1, "second")));
           Book same_place = book(2);
           same_place.place = 1;
           EXPECT(!books.insert_if_absent(same_place));
           EXPECT(books.insert_if_absent(book(3)));  // the unit is not poisoned
           Book stranger = by_jane(4);
           stranger.place = 1;
           EXPECT(!books.insert_if_absent(stranger));  // taken: its reference does not matter
         });
         EXPECT(books_where(storage, everything()) == std::vector{1, 3});
         EXPECT(find<Book>(storage, Id<Book>(uuid(1)))->title == "first");
         const auto stranger = [&] {
           storage.write([&](UnitOfWork& uow) { Books(uow).insert_if_absent(by_jane(5)); });
         };
         EXPECT(reason_of(stranger) == "books_reference");
       }},
      {"an upsert by the key inserts, then replaces",
       [](Storage& storage) {
         storage.write([&](UnitOfWork& uow) {
           Books(uow).upsert(book(1, "first"), {"id"});
           Books(uow).upsert(book(2, "other"), {"id"});
           Books(uow).upsert(book(1, "second"), {"id"});
         });
         EXPECT(count<Book>(storage) == 2);
         EXPECT(find<Book>(storage, Id<Book>(uuid(1)))->title == "second");
         EXPECT(find<Book>(storage, Id<Book>(uuid(2)))->title == "other");
       }},
      {"an upsert by unique values keeps the key of the record it replaces",
       [](Storage& storage) {
         const auto upsert = [&](const Book& each) {
           storage.write([&](UnitOfWork& uow) { Books(uow).upsert(each, {"place", "shelf"}); });
         };
         upsert(book(1, "first"));
         Book replacement = book(2, "second");
         replacement.place = 1;
         upsert(replacement);
         EXPECT(books_where(storage, everything()) == std::vector{1});
         EXPECT(find<Book>(storage, Id<Book>(uuid(1)))->title == "second");
         upsert(book(1, "third"));  // the key and the unique values are those of the same record
         EXPECT(find<Book>(storage, Id<Book>(uuid(1)))->title == "third");
       }},
      {"an upsert that is taken in another way is a conflict",
       [](Storage& storage) {
         insert<Book>(storage, {book(1), book(2)});
         Book moved = book(1);
         moved.place = 2;
         EXPECT(reason_of([&] { storage.write([&](UnitOfWork& uow) { Books(uow).upsert(moved, {"id"}); }); }) ==
                "books_exists");
         Book elsewhere = book(1);
         elsewhere.place = 9;
         const auto by_place = [&] {
           storage.write([&](UnitOfWork& uow) { Books(uow).upsert(elsewhere, {"shelf", "place"}); });
         };
         EXPECT(reason_of(by_place) == "books_exists");
       }},
      {"an upsert by unique values with a null inserts",
       [](Storage& storage) {
         Book unplaced = book(1);
         unplaced.shelf.reset();
         insert<Book>(storage, {unplaced});
         unplaced.id = Id<Book>(uuid(2));
         storage.write([&](UnitOfWork& uow) { Books(uow).upsert(unplaced, {"shelf", "place"}); });
         EXPECT(count<Book>(storage) == 2);
       }},
      {"an update replaces the record with its key",
       [](Storage& storage) {
         insert<Book>(storage, {book(1), book(2)});
         Book changed = book(1, "changed");
         changed.shelf.reset();
         changed.tags = {"new"};
         storage.write([&](UnitOfWork& uow) { Books(uow).update(changed); });
         check_equal(find<Book>(storage, changed.id).value(), changed);
         check_equal(find<Book>(storage, book(2).id).value(), book(2));
         storage.write([&](UnitOfWork& uow) {
           const Book stranger = book(3);
           EXPECT(!uow.update(Book::schema(), Book::schema().to_record(&stranger)));
         });
         EXPECT(count<Book>(storage) == 2);
       }},
      {"an update to unique values that are taken is a conflict",
       [](Storage& storage) {
         insert<Book>(storage, {book(1), book(2)});
         Book moved = book(2);
         moved.place = 1;
         EXPECT(reason_of([&] { storage.write([&](UnitOfWork& uow) { Books(uow).update(moved); }); }) ==
                "books_exists");
         const auto by_condition = [&] {
           storage.write([&](UnitOfWork& uow) {
             Books(uow).update_where(equal("id", book(2).id), {set("place", std::int64_t{1})});
           });
         };
         EXPECT(reason_of(by_condition) == "books_exists");
         EXPECT(find<Book>(storage, book(2).id)->place == 2);
       }},
      {"values given up can be taken again",
       [](Storage& storage) {
         insert<Book>(storage, {book(1), book(2)});
         storage.write([&](UnitOfWork& uow) {
           Books books(uow);
           Book moved = book(1);
           moved.place = 7;
           books.update(moved);
           books.remove(book(2).id);
           Book third = book(3);
           third.place = 1;
           Book fourth = book(4);
           fourth.place = 2;
           books.insert_many({third, fourth});
         });
         EXPECT(books_where(storage, everything()) == std::vector{1, 3, 4});
       }},
      {"update_where sets, adds, and returns the records as they are now",
       [](Storage& storage) {
         std::vector<Book> books{book(3), book(1), book(2)};
         books[0].pages = 10;
         books[1].pages = 20;
         books[0].price = 0.5;
         insert<Book>(storage, books);
         const auto changed = storage.write([&](UnitOfWork& uow) {
           return Books(uow).update_where(in("id", std::vector{book(1).id, book(2).id, book(3).id, book(9).id}),
                                          {set("title", "new"), add("pages", -3), add("price", 1),
                                           set("summary", nullptr), set("tags", Array{"t"})});
         });
         EXPECT(numbers(changed) == std::vector{1, 2, 3});
         EXPECT(changed[0].pages == 17);
         EXPECT(!changed[1].pages.has_value());  // nothing is added to null
         EXPECT(changed[2].pages == 7);
         EXPECT(changed[2].price == 1.5);
         EXPECT(changed[2].title == "new");
         EXPECT(changed[2].tags == std::vector<std::string>{"t"});
         for (const Book& each : changed) check_equal(find<Book>(storage, each.id).value(), each);
         storage.write([&](UnitOfWork& uow) {
           EXPECT(Books(uow).update_where(equal("title", "none"), {set("lent", true)}).empty());
           EXPECT(Books(uow).update_where(everything(), {set("lent", true)}).size() == 3);
         });
       }},
      {"remove tells whether there was one, remove_where how many",
       [](Storage& storage) {
         insert<Counter>(storage, {{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}});
         storage.write([&](UnitOfWork& uow) {
           EXPECT(uow.remove(Counter::schema(), "a"));
           EXPECT(!uow.remove(Counter::schema(), "a"));
           EXPECT(Counters(uow).remove_where(greater("value", 2)) == 2);
           EXPECT(Counters(uow).remove_where(greater("value", 2)) == 0);
         });
         EXPECT(select<Counter>(storage).front().name == "b");
         storage.write([&](UnitOfWork& uow) { EXPECT(Counters(uow).remove_where(everything()) == 1); });
         EXPECT(count<Counter>(storage) == 0);
       }},
      {"a reference to a missing record is a conflict",
       [](Storage& storage) {
         EXPECT(reason_of([&] { insert<Book>(storage, {by_jane(1)}); }) == "books_reference");
         insert<Author>(storage, {jane});
         insert<Book>(storage, {by_jane(1)});
         Book lost = by_jane(1);
         lost.author = Id<Author>(uuid(9));
         EXPECT(reason_of([&] { storage.write([&](UnitOfWork& uow) { Books(uow).update(lost); }); }) ==
                "books_reference");
         EXPECT(reason_of([&] { storage.write([&](UnitOfWork& uow) { Books(uow).upsert(lost, {"id"}); }); }) ==
                "books_reference");
         const auto by_condition = [&] {
           storage.write(
               [&](UnitOfWork& uow) { Books(uow).update_where(everything(), {set("author", Id<Author>(uuid(9)))}); });
         };
         EXPECT(reason_of(by_condition) == "books_reference");
         EXPECT(find<Book>(storage, book(1).id)->author == jane.id);
       }},
      {"a record that others refer to stays",
       [](Storage& storage) {
         insert<Author>(storage, {jane, {Id<Author>(uuid(2)), "Unread"}});
         insert<Book>(storage, {by_jane(1), book(2)});
         const auto remove = [&] { storage.write([&](UnitOfWork& uow) { Authors(uow).remove(jane.id); }); };
         const auto remove_all = [&] {
           storage.write([&](UnitOfWork& uow) { Authors(uow).remove_where(everything()); });
         };
         EXPECT(reason_of(remove) == "authors_in_use");
         EXPECT(reason_of(remove_all) == "authors_in_use");
         EXPECT(count<Author>(storage) == 2);
         storage.write([&](UnitOfWork& uow) { Authors(uow).remove(Id<Author>(uuid(2))); });
         storage.write([&](UnitOfWork& uow) {
           Books(uow).remove(book(1).id);
           Authors(uow).remove(jane.id);
         });
         EXPECT(count<Author>(storage) == 0);
       }},
      {"records of one kind may refer to each other and to themselves",
       [](Storage& storage) {
         insert<Entry>(storage, {{1, "self", 1}, {2, "to the first", 1}});
         EXPECT(reason_of([&] {
                  insert<Entry>(storage, {{3, "ahead", 4}, {4, "behind", std::nullopt}});
                }) == "entries_reference");
         EXPECT(reason_of([&] { storage.write([&](UnitOfWork& uow) { Entries(uow).remove(std::int64_t{1}); }); }) ==
                "entries_in_use");
         storage.write([&](UnitOfWork& uow) { EXPECT(Entries(uow).remove_where(everything()) == 2); });
       }},
  };
}

}  // namespace lms::testing
