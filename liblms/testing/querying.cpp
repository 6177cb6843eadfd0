#include <algorithm>

#include "testing/clauses.hpp"

namespace lms::testing {

namespace {

using Books = Repository<Book>;

Time at(std::int64_t microseconds) {
  return Time(std::chrono::microseconds(microseconds));
}

/// Six books that differ in everything a query can ask.
void insert_six(Storage& storage) {
  std::vector<Book> books;
  for (std::uint8_t n = 1; n <= 6; ++n) books.push_back(book(n));
  books[0].title = "apple";
  books[1].title = "Banana";
  books[2].title = "äpfel";
  books[3].title = "Zebra";
  books[4].title = "apple";
  books[5].title = "";
  books[0].pages = 10;
  books[1].pages = 9;
  books[3].pages = -5;
  books[4].pages = 10;
  books[1].summary = "short";
  books[3].summary = "Short";
  books[2].shelf.reset();
  books[0].price = 1.5;
  books[1].price = 10;
  books[2].price = -2;
  books[1].lent = books[4].lent = true;
  books[2].cover = Cover::cloth;
  books[0].bought = at(5);
  books[1].bought = at(-5);
  books[3].bought = at(5);
  books[0].tags = {"red", "blue"};
  books[1].tags = {"reddish"};
  books[3].tags = {"blue", "x\"y"};
  books[0].details = Object({{"k", 1}});
  books[1].details = Array{1, 2};
  insert(storage, books);
}

using Numbers = std::vector<int>;

std::vector<int> ordered(Storage& storage, std::vector<Order> order) {
  return numbers(select<Book>(storage, {.order = std::move(order)}));
}

/// The cursor to go on from this book.
std::vector<Value> cursor_at(const Book& last, const std::vector<Order>& order) {
  const Record record = Book::schema().to_record(&last);
  std::vector<Value> cursor;
  bool has_key = false;
  for (const Order& step : order) {
    cursor.push_back(record[Book::schema().index_of(step.field)]);
    has_key = has_key || step.field == "id";
  }
  if (!has_key) cursor.push_back(record[0]);
  return cursor;
}

void check_paging(Storage& storage, const Condition& where, const std::vector<Order>& order) {
  const Numbers whole = numbers(select<Book>(storage, {.where = where, .order = order}));
  for (std::size_t size = 1; size <= whole.size() + 1; ++size) {
    Numbers by_offset;
    Numbers by_cursor;
    Query next{.where = where, .order = order, .limit = size};
    while (by_offset.size() < whole.size()) {
      const auto page =
          select<Book>(storage, {.where = where, .order = order, .limit = size, .offset = by_offset.size()});
      const auto same_page = select<Book>(storage, next);
      EXPECT(!page.empty());
      EXPECT(numbers(page) == numbers(same_page));
      for (const int number : numbers(page)) by_offset.push_back(number);
      for (const int number : numbers(same_page)) by_cursor.push_back(number);
      next.after = cursor_at(same_page.back(), order);
    }
    EXPECT(by_offset == whole);
    EXPECT(by_cursor == whole);
    EXPECT(select<Book>(storage, next).empty());
  }
}

}  // namespace

std::vector<Clause> querying_clauses() {
  return {
      {"conditions hold for the records they describe",
       [](Storage& storage) {
         insert_six(storage);
         const auto holds_for = [&](const Condition& where) { return books_where(storage, where); };
         const Numbers all{1, 2, 3, 4, 5, 6};
         EXPECT(holds_for(everything()) == all);
         EXPECT(holds_for(equal("title", "apple")) == Numbers{1, 5});
         EXPECT(holds_for(equal("title", "APPLE")).empty());
         EXPECT(holds_for(equal("title", "")) == Numbers{6});
         EXPECT(holds_for(equal("title", "appl_")).empty());
         EXPECT(holds_for(equal("pages", 10)) == Numbers{1, 5});
         EXPECT(holds_for(equal("pages", 10.0)) == Numbers{1, 5});
         EXPECT(holds_for(equal("price", 10)) == Numbers{2});
         EXPECT(holds_for(equal("lent", true)) == Numbers{2, 5});
         EXPECT(holds_for(equal("cover", Cover::cloth)) == Numbers{3});
         EXPECT(holds_for(equal("bought", at(5))) == Numbers{1, 4});
         EXPECT(holds_for(equal("id", book(4).id)) == Numbers{4});
         EXPECT(holds_for(equal("details", Object({{"k", 1}}))) == Numbers{1});
         EXPECT(holds_for(equal("tags", Array{"reddish"})) == Numbers{2});
         EXPECT(holds_for(less("pages", 10)) == Numbers{2, 4});
         EXPECT(holds_for(less_equal("pages", 9)) == Numbers{2, 4});
         EXPECT(holds_for(greater("pages", 9)) == Numbers{1, 5});
         EXPECT(holds_for(greater_equal("pages", 9.5)) == Numbers{1, 5});
         EXPECT(holds_for(greater("price", 0)) == Numbers{1, 2});
         EXPECT(holds_for(less("bought", at(0))) == Numbers{2});
         EXPECT(holds_for(greater("title", "Zebra")) == Numbers{1, 3, 5});
         EXPECT(holds_for(less("title", "a")) == Numbers{2, 4, 6});
         EXPECT(holds_for(greater_equal("id", book(5).id)) == Numbers{5, 6});
       }},
      {"in holds for each of its values",
       [](Storage& storage) {
         insert_six(storage);
         const auto holds_for = [&](const Condition& where) { return books_where(storage, where); };
         EXPECT(holds_for(in("title", std::vector<std::string>{"apple", "Zebra", "none"})) == Numbers{1, 4, 5});
         EXPECT(holds_for(in("pages", std::vector<std::int64_t>{9, -5, 9})) == Numbers{2, 4});
         EXPECT(holds_for(in("price", std::vector<double>{-2, 1.5})) == Numbers{1, 3});
         EXPECT(holds_for(in("lent", std::vector<Value>{true})) == Numbers{2, 5});
         EXPECT(holds_for(in("bought", std::vector{at(-5), at(5)})) == Numbers{1, 2, 4});
         EXPECT(holds_for(in("title", std::vector<std::string>{})).empty());
         EXPECT(holds_for(in("summary", std::vector<Value>{nullptr, "short"})) == Numbers{2});
         EXPECT(holds_for(in("details", std::vector<Value>{Array{1, 2}})) == Numbers{2});
         std::vector<std::int64_t> many(5000);
         for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<std::int64_t>(i);
         EXPECT(holds_for(in("pages", many)) == Numbers{1, 2, 5});
       }},
      {"a comparison with null holds for no record, whichever side is null",
       [](Storage& storage) {
         insert_six(storage);
         const auto holds_for = [&](const Condition& where) { return books_where(storage, where); };
         EXPECT(holds_for(equal("pages", nullptr)).empty());
         EXPECT(holds_for(less("pages", nullptr)).empty());
         EXPECT(holds_for(contains("tags", nullptr)).empty());
         EXPECT(holds_for(is_null("pages")) == Numbers{3, 6});
         EXPECT(holds_for(is_null("details")) == Numbers{3, 4, 5, 6});
         EXPECT(holds_for(none_of({is_null("pages")})) == Numbers{1, 2, 4, 5});
         EXPECT(holds_for(none_of({equal("pages", 10)})) == Numbers{2, 3, 4, 6});
         EXPECT(holds_for(none_of({none_of({equal("pages", 10)})})) == Numbers{1, 5});
         EXPECT(holds_for(none_of({equal("pages", nullptr)})).size() == 6);
         EXPECT(holds_for(none_of({in("pages", std::vector<Value>{10, nullptr})})) == Numbers{2, 3, 4, 6});
         EXPECT(holds_for(none_of({all_of({equal("pages", 10), equal("lent", true)})})) == Numbers{1, 2, 3, 4, 6});
       }},
      {"conditions combine",
       [](Storage& storage) {
         insert_six(storage);
         const auto holds_for = [&](const Condition& where) { return books_where(storage, where); };
         EXPECT(holds_for(all_of({equal("pages", 10), equal("lent", true)})) == Numbers{5});
         EXPECT(holds_for(any_of({equal("pages", 9), equal("title", "")})) == Numbers{2, 6});
         EXPECT(holds_for(none_of({equal("pages", 9), equal("title", ""), is_null("pages")})) == Numbers{1, 4, 5});
         EXPECT(holds_for(all_of({any_of({equal("pages", 10), equal("pages", 9)}), none_of({equal("lent", true)})})) ==
                Numbers{1});
         EXPECT(holds_for(any_of({all_of({equal("pages", 10), equal("lent", true)}), equal("cover", Cover::cloth)})) ==
                Numbers{3, 5});
         EXPECT(holds_for(all_of({})).size() == 6);
         EXPECT(holds_for(any_of({})).empty());
         EXPECT(holds_for(none_of({})).size() == 6);
         EXPECT(holds_for(all_of({equal("id", book(1).id), equal("lent", true)})).empty());
         EXPECT(holds_for(all_of({equal("shelf", "A"), equal("place", 4)})) == Numbers{4});
       }},
      {"contains looks for an element",
       [](Storage& storage) {
         insert_six(storage);
         EXPECT(books_where(storage, contains("tags", "red")) == Numbers{1});
         EXPECT(books_where(storage, contains("tags", "blue")) == Numbers{1, 4});
         EXPECT(books_where(storage, contains("tags", "x\"y")) == Numbers{4});
         EXPECT(books_where(storage, contains("tags", "")).empty());
         EXPECT(books_where(storage, none_of({contains("tags", "blue")})) == Numbers{2, 3, 5, 6});
       }},
      {"records come in the order of their keys if no order is asked for",
       [](Storage& storage) {
         insert<Book>(storage, {book(3), book(1), book(2)});
         EXPECT(books_where(storage, everything()) == Numbers{1, 2, 3});
         insert<Entry>(storage, {{10, "", {}}, {9, "", {}}, {-1, "", {}}});
         EXPECT(select<Entry>(storage).back().number == 10);
         EXPECT(select<Entry>(storage).front().number == -1);
       }},
      {"order is by bytes, numbers and time, nulls first, then by the key",
       [](Storage& storage) {
         insert_six(storage);
         EXPECT(ordered(storage, {ascending("title")}) == Numbers{6, 2, 4, 1, 5, 3});
         EXPECT(ordered(storage, {descending("title")}) == Numbers{3, 1, 5, 4, 2, 6});
         EXPECT(ordered(storage, {ascending("pages")}) == Numbers{3, 6, 4, 2, 1, 5});
         EXPECT(ordered(storage, {descending("pages")}) == Numbers{1, 5, 2, 4, 3, 6});
         EXPECT(ordered(storage, {ascending("price")}) == Numbers{3, 4, 5, 6, 1, 2});
         EXPECT(ordered(storage, {ascending("lent"), descending("id")}) == Numbers{6, 4, 3, 1, 5, 2});
         EXPECT(ordered(storage, {ascending("bought"), descending("title")}) == Numbers{2, 3, 5, 6, 1, 4});
         EXPECT(ordered(storage, {ascending("summary")}) == Numbers{1, 3, 5, 6, 4, 2});
         EXPECT(ordered(storage, {descending("id"), ascending("title")}) == Numbers{6, 5, 4, 3, 2, 1});
       }},
      {"pages by offset and by cursor are the same",
       [](Storage& storage) {
         insert_six(storage);
         const std::vector<std::vector<Order>> orders{
             {},
             {ascending("title")},
             {descending("title")},
             {ascending("pages")},
             {descending("pages")},
             {descending("id")},
             {ascending("lent"), descending("id")},
             {ascending("pages"), descending("summary")},
             {descending("summary"), ascending("pages")},
             {descending("lent"), ascending("bought"), descending("title")},
             {ascending("shelf"), descending("pages"), ascending("summary")},
         };
         for (std::size_t i = 0; i < orders.size(); ++i) {
           check_paging(storage, everything(), orders[i]);
           check_paging(storage, any_of({equal("lent", false), equal("pages", 9)}), orders[i]);
         }
       }},
      {"a cursor needs no record to stand on",
       [](Storage& storage) {
         insert<Counter>(storage, {{"a", 1}, {"c", 3}, {"e", 5}});
         const auto after = select<Counter>(storage, {.order = {descending("value")}, .after = {4, "zzz"}});
         EXPECT(after.size() == 2);
         EXPECT(after[0].name == "c");
       }},
      {"limit and offset cut",
       [](Storage& storage) {
         insert_six(storage);
         EXPECT(numbers(select<Book>(storage, {.limit = 2})) == Numbers{1, 2});
         EXPECT(select<Book>(storage, {.limit = 0}).empty());
         EXPECT(numbers(select<Book>(storage, {.offset = 4})) == Numbers{5, 6});
         EXPECT(numbers(select<Book>(storage, {.limit = 2, .offset = 5})) == Numbers{6});
         EXPECT(select<Book>(storage, {.limit = 2, .offset = 6}).empty());
         EXPECT(select<Book>(storage, {.limit = SIZE_MAX, .offset = SIZE_MAX}).empty());
         EXPECT(select<Book>(storage, {.where = equal("id", book(1).id), .limit = 0}).empty());
         EXPECT(select<Book>(storage, {.where = equal("id", book(1).id), .offset = 1}).empty());
       }},
      {"a projection reads what it names and leaves the rest null",
       [](Storage& storage) {
         insert_six(storage);
         const auto records = storage.read([&](UnitOfWork& uow) {
           return uow.select(Book::schema(), {.where = equal("id", book(1).id), .fields = {"tags", "title"}});
         });
         EXPECT(records.size() == 1);
         EXPECT(records[0].size() == Book::schema().fields().size());
         for (std::size_t i = 0; i < records[0].size(); ++i) {
           const std::string& name = Book::schema().fields()[i].name;
           EXPECT(records[0][i].is_null() == (name != "title" && name != "tags"));
         }
         EXPECT(records[0][Book::schema().index_of("title")] == Value("apple"));
         EXPECT(records[0][Book::schema().index_of("tags")] == Value(Array{"red", "blue"}));
       }},
      {"records are handed over one by one as they are selected, whole or in part, by key or not",
       [](Storage& storage) {
         insert_six(storage);
         const std::vector<Query> queries{{},
                                          {.where = equal("title", "apple"), .order = {descending("pages")}},
                                          {.fields = {"tags", "title"}, .limit = 3, .offset = 1},
                                          {.where = equal("id", book(2).id)},
                                          {.where = equal("id", book(7).id)}};
         const auto check = [&](UnitOfWork& uow) {
           for (const Query& query : queries) {
             std::vector<Record> handed;
             uow.for_each(Book::schema(), query, [&](Record&& record) { handed.push_back(std::move(record)); });
             EXPECT(handed == uow.select(Book::schema(), query));
           }
         };
         storage.read(check);
         storage.write(check);
       }},
      {"count counts no further than its limit",
       [](Storage& storage) {
         insert_six(storage);
         storage.read([&](UnitOfWork& uow) {
           Books books(uow);
           EXPECT(books.count(everything()) == 6);
           EXPECT(books.count(everything(), 4) == 4);
           EXPECT(books.count(everything(), 7) == 6);
           EXPECT(books.count(everything(), 0) == 0);
           EXPECT(books.count(equal("pages", 10)) == 2);
           EXPECT(books.exists(equal("pages", 10)));
           EXPECT(!books.exists(equal("pages", 11)));
         });
       }},
      {"locks are taken where there is something to lock, and change no result",
       [](Storage& storage) {
         insert_six(storage);
         storage.write([&](UnitOfWork& uow) {
           for (const Lock lock : {Lock::update, Lock::skip_locked})
             EXPECT(numbers(Books(uow).select({.order = {descending("id")}, .limit = 2, .lock = lock})) ==
                    Numbers{6, 5});
         });
       }},
  };
}

}  // namespace lms::testing
