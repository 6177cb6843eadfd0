#include "testing/clauses.hpp"

namespace lms::testing {

namespace {

using Books = Repository<Book>;
using Numbers = std::vector<int>;

std::vector<int> found(Storage& storage, const char* text) {
  return books_where(storage, matches(text));
}

std::vector<int> ranked(Storage& storage, Condition where) {
  return numbers(select<Book>(storage, {.where = std::move(where), .order = {by_relevance()}}));
}

}  // namespace

std::vector<Clause> searching_clauses() {
  return {
      {"every word of a search is the beginning of a word, blind to case and accents",
       [](Storage& storage) {
         insert<Book>(storage, {book(1, "Música para principiantes"), book(2, "Музыка"), book(3, "The MUSIC of Bach"),
                                book(4, "入门教程"), book(5, "A muse")});
         EXPECT(found(storage, "musica") == Numbers{1});
         EXPECT(found(storage, "MÚSICA") == Numbers{1});
         EXPECT(found(storage, "mus") == Numbers{1, 3, 5});
         EXPECT(found(storage, "bach mus") == Numbers{3});
         EXPECT(found(storage, "mus, mus!") == Numbers{1, 3, 5});
         EXPECT(found(storage, "usic").empty());
         EXPECT(found(storage, "музы") == Numbers{2});
         EXPECT(found(storage, "入门") == Numbers{4});
         EXPECT(found(storage, "bach cello").empty());
       }},
      {"a search without a word matches nothing",
       [](Storage& storage) {
         insert<Book>(storage, {book(1, "%"), book(2, "")});
         EXPECT(found(storage, "").empty());
         EXPECT(found(storage, " %' \" ").empty());
         EXPECT(ranked(storage, matches("!")).empty());
         EXPECT(books_where(storage, none_of({matches("")})) == Numbers{1, 2});
       }},
      {"all searchable fields are searched, and no other",
       [](Storage& storage) {
         Book each = book(1, "alpha");
         each.summary = "beta";
         each.tags = {"gamma delta", "epsilon"};
         each.details = "zeta";
         insert<Book>(storage, {each});
         for (const char* word : {"alpha", "beta", "gamma", "delta", "epsilon", "alpha epsilon beta"})
           EXPECT(found(storage, word) == Numbers{1});
         EXPECT(found(storage, "zeta").empty());
       }},
      {"a search sees every kind of change, within the unit and after it",
       [](Storage& storage) {
         const auto word_is = [](UnitOfWork& uow, const char* word) {
           return numbers(Books(uow).select({.where = matches(word)})) == Numbers{1};
         };
         storage.write([&](UnitOfWork& uow) {
           Books books(uow);
           books.insert(book(1, "inserted"));
           EXPECT(word_is(uow, "inserted"));
           books.update(book(1, "updated"));
           EXPECT(word_is(uow, "updated"));
           EXPECT(!word_is(uow, "inserted"));
           books.update_where(everything(), {set("title", "set")});
           EXPECT(word_is(uow, "set"));
           EXPECT(!word_is(uow, "updated"));
           books.update_where(everything(), {set("lent", true)});
           EXPECT(word_is(uow, "set"));
           Book same_place = book(2, "upserted");
           same_place.place = 1;
           books.upsert(same_place, {"shelf", "place"});
           EXPECT(word_is(uow, "upserted"));
           EXPECT(!word_is(uow, "set"));
           EXPECT(!books.insert_if_absent(book(1, "absent")));
           EXPECT(!word_is(uow, "absent"));
           EXPECT(books.insert_if_absent(book(3, "absent")));
           EXPECT(books.exists(matches("absent")));
           books.remove(book(3).id);
           EXPECT(!books.exists(matches("absent")));
         });
         EXPECT(found(storage, "upserted") == Numbers{1});
         storage.write([&](UnitOfWork& uow) { Books(uow).remove_where(matches("upserted")); });
         insert<Book>(storage, {book(1, "again")});
         EXPECT(found(storage, "upserted").empty());
       }},
      {"a search undone leaves no trace",
       [](Storage& storage) {
         insert<Book>(storage, {book(1, "kept")});
         EXPECT_THROWS(storage.write([&](UnitOfWork& uow) {
           Books(uow).update(book(1, "lost"));
           throw std::runtime_error("");
         }),
                       std::runtime_error);
         EXPECT(found(storage, "kept") == Numbers{1});
         EXPECT(found(storage, "lost").empty());
       }},
      {"relevance counts the weight of a field, doubled for a whole word",
       [](Storage& storage) {
         std::vector<Book> books{book(1, "nothing"), book(2, "musical"), book(3, "nothing"),
                                 book(4, "music"),   book(5, "music"),   book(6, "nothing")};
         books[0].summary = "music";           // 2
         books[2].tags = {"music"};            // 4, as much as the title of 2
         books[4].summary = "music";           // 10
         books[5].summary = "music and more";  // 2
         insert(storage, books);
         EXPECT(ranked(storage, matches("music")) == Numbers{5, 4, 2, 3, 1, 6});
         EXPECT(ranked(storage, all_of({matches("music"), none_of({equal("id", book(4).id)})})) ==
                Numbers{5, 2, 3, 1, 6});
         EXPECT(ranked(storage, matches("mus")) == Numbers{5, 2, 4, 3, 1, 6});
         EXPECT(numbers(select<Book>(
                    storage, {.where = matches("music"), .order = {by_relevance()}, .limit = 2, .offset = 1})) ==
                Numbers{4, 2});
         EXPECT(numbers(select<Book>(
                    storage, {.where = matches("music"), .order = {by_relevance(), descending("id")}, .limit = 4})) ==
                Numbers{5, 4, 3, 2});
       }},
      {"relevance adds up words and repetitions",
       [](Storage& storage) {
         insert<Book>(storage,
                      {book(1, "red green"), book(2, "red red green"), book(3, "green red blue green red red")});
         EXPECT(ranked(storage, matches("red green")) == Numbers{3, 2, 1});
         EXPECT(ranked(storage, all_of({matches("green"), matches("red")})) == Numbers{3, 2, 1});
       }},
      {"a search combines with other conditions",
       [](Storage& storage) {
         std::vector<Book> books{book(1, "red"), book(2, "red"), book(3, "green")};
         books[1].lent = true;
         insert(storage, books);
         EXPECT(books_where(storage, all_of({matches("red"), equal("lent", false)})) == Numbers{1});
         EXPECT(books_where(storage, any_of({matches("green"), equal("lent", true)})) == Numbers{2, 3});
         EXPECT(books_where(storage, any_of({matches("red gr"), equal("lent", true)})) == Numbers{2});
         EXPECT(books_where(storage, none_of({matches("red")})) == Numbers{3});
         EXPECT(count<Book>(storage, matches("red")) == 2);
         storage.write([&](UnitOfWork& uow) {
           EXPECT(numbers(Books(uow).update_where(matches("red"), {set("lent", true)})) == Numbers{1, 2});
         });
       }},
      {"kinds are searched apart, also those whose key is a number",
       [](Storage& storage) {
         insert<Book>(storage, {book(1, "shared")});
         insert<Entry>(storage, {{1, "shared words", {}}, {20, "shared", {}}, {3, "other", 1}});
         const auto entries = select<Entry>(storage, {.where = matches("shared"), .order = {by_relevance()}});
         EXPECT(entries.size() == 2);
         EXPECT(entries[0].number == 1);
         EXPECT(entries[1].number == 20);
         storage.write([&](UnitOfWork& uow) { Repository<Entry>(uow).remove(std::int64_t{20}); });
         EXPECT(count<Entry>(storage, matches("shared")) == 1);
         EXPECT(found(storage, "shared") == Numbers{1});
       }},
  };
}

}  // namespace lms::testing
