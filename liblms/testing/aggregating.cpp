#include "testing/clauses.hpp"

namespace lms::testing {

namespace {

using Kind = Measure::Kind;
using Rows = std::vector<Record>;

constexpr std::int64_t hour = 3'600'000'000;

Book sold(std::uint8_t n, std::optional<std::string> shelf, std::optional<std::int64_t> pages, double price) {
  Book result = book(n);
  result.shelf = std::move(shelf);
  result.pages = pages;
  result.price = price;
  return result;
}

void insert_five(Storage& storage) {
  std::vector<Book> books{sold(1, "A", 10, 1.5), sold(2, "A", 5, 2.0), sold(3, "B", std::nullopt, 0.25),
                          sold(4, std::nullopt, 7, 0), sold(5, "A", 10, 1)};
  books[1].title = "Z";
  books[2].title = "é";
  books[0].bought = Time(std::chrono::microseconds(-1));
  books[1].bought = Time(std::chrono::microseconds(-hour));
  books[2].bought = Time(std::chrono::microseconds(0));
  books[3].bought = Time(std::chrono::microseconds(hour - 1));
  books[4].bought = Time(std::chrono::microseconds(hour));
  books[2].author.reset();
  insert(storage, books);
}

Rows aggregate(Storage& storage, const Aggregate& asked) {
  return storage.read([&](UnitOfWork& uow) { return uow.aggregate(Book::schema(), asked); });
}

}  // namespace

std::vector<Clause> aggregating_clauses() {
  return {
      {"measures without groups give one row",
       [](Storage& storage) {
         insert_five(storage);
         const Rows rows = aggregate(storage, {.measures = {{Kind::count, "", "n"},
                                                            {Kind::count_distinct, "pages", "kinds"},
                                                            {Kind::sum, "pages", "sum"},
                                                            {Kind::average, "pages", "average"},
                                                            {Kind::minimum, "pages", "least"},
                                                            {Kind::maximum, "pages", "most"}}});
         EXPECT(rows.size() == 1);
         EXPECT(rows[0] == Record{5, 3, 32, 8.0, 5, 10});
         EXPECT(rows[0][2].is_integer());
         EXPECT(rows[0][3].is_real());
       }},
      {"measures of reals, texts and times",
       [](Storage& storage) {
         insert_five(storage);
         const Rows rows = aggregate(storage, {.measures = {{Kind::sum, "price", "sum"},
                                                            {Kind::average, "price", "average"},
                                                            {Kind::maximum, "price", "most"},
                                                            {Kind::minimum, "title", "first"},
                                                            {Kind::maximum, "title", "last"},
                                                            {Kind::minimum, "bought", "earliest"},
                                                            {Kind::count_distinct, "shelf", "shelves"}}});
         EXPECT(rows.size() == 1);
         EXPECT(rows[0] == Record{4.75, 0.95, 2.0, "A book", "é", -hour, 2});
         EXPECT(rows[0][0].is_real());
       }},
      {"measures of nothing are 0 or null",
       [](Storage& storage) {
         const std::vector<Measure> measures{{Kind::count, "", "n"},        {Kind::count_distinct, "pages", "kinds"},
                                             {Kind::sum, "pages", "sum"},   {Kind::average, "pages", "average"},
                                             {Kind::minimum, "pages", "a"}, {Kind::sum, "price", "price"}};
         const Record nothing{0, 0, 0, nullptr, nullptr, 0.0};
         EXPECT(aggregate(storage, {.measures = measures}) == Rows{nothing});
         EXPECT(aggregate(storage, {.groups = {{"shelf"}}, .measures = measures}).empty());
         insert_five(storage);
         EXPECT(aggregate(storage, {.where = equal("title", "none"), .measures = measures}) == Rows{nothing});
         const Rows rows = aggregate(storage, {.where = equal("shelf", "B"), .measures = measures});
         EXPECT(rows == Rows{{1, 0, 0, nullptr, nullptr, 0.25}});
       }},
      {"groups come in their order, null first",
       [](Storage& storage) {
         insert_five(storage);
         const Rows rows = aggregate(
             storage, {.groups = {{"shelf"}}, .measures = {{Kind::count, "", "n"}, {Kind::sum, "pages", "p"}}});
         EXPECT(rows == Rows{{nullptr, 1, 7}, {"A", 3, 25}, {"B", 1, 0}});
       }},
      {"groups of several fields, filtered, ordered by a measure and cut",
       [](Storage& storage) {
         insert_five(storage);
         const Aggregate asked{.where = none_of({equal("shelf", "B")}),
                               .groups = {{"shelf"}, {"pages"}},
                               .measures = {{Kind::count, "", "n"}, {Kind::maximum, "price", "p"}},
                               .order = {descending("n")},
                               .limit = 2};
         EXPECT(aggregate(storage, asked) == Rows{{"A", 10, 2, 1.5}, {nullptr, 7, 1, 0.0}});
         Aggregate by_group = asked;
         by_group.order = {descending("shelf"), ascending("n")};
         by_group.limit.reset();
         EXPECT(aggregate(storage, by_group) == Rows{{"A", 5, 1, 2.0}, {"A", 10, 2, 1.5}, {nullptr, 7, 1, 0.0}});
       }},
      {"groups alone are the distinct values",
       [](Storage& storage) {
         insert_five(storage);
         EXPECT(aggregate(storage, {.groups = {{"lent"}, {"cover"}}}) == Rows{{false, "paper"}});
       }},
      {"buckets of time start at whole multiples, also before 1970",
       [](Storage& storage) {
         insert_five(storage);
         const Aggregate asked{.groups = {{"bought", hour}}, .measures = {{Kind::count, "", "n"}}};
         EXPECT(aggregate(storage, asked) == Rows{{-hour, 2}, {std::int64_t{0}, 2}, {hour, 1}});
       }},
      {"an aggregate takes any condition",
       [](Storage& storage) {
         insert_five(storage);
         const std::vector<Measure> count{{Kind::count, "", "n"}};
         EXPECT(aggregate(storage, {.where = matches("book"), .measures = count}) == Rows{{3}});
         EXPECT(aggregate(storage, {.where = in("pages", std::vector<std::int64_t>{5, 7}), .measures = count}) ==
                Rows{{2}});
       }},
  };
}

}  // namespace lms::testing
