#include "testing/library.hpp"

namespace lms::testing {

const Schema& Author::schema() {
  static const Schema schema =
      define<Author>("Author", "").table("authors").key("id", &Author::id).field("name", &Author::name);
  return schema;
}

const Schema& Book::schema() {
  static const Schema schema = define<Book>("Book", "")
                                   .table("books")
                                   .key("id", &Book::id)
                                   .field("title", &Book::title, {.search_weight = 4})
                                   .field("summary", &Book::summary, {.search_weight = 1})
                                   .field("tags", &Book::tags, {.search_weight = 2})
                                   .field("author", &Book::author, {.references = "authors"})
                                   .field("shelf", &Book::shelf)
                                   .field("place", &Book::place)
                                   .field("pages", &Book::pages)
                                   .field("price", &Book::price)
                                   .field("lent", &Book::lent)
                                   .field("cover", &Book::cover)
                                   .field("bought", &Book::bought)
                                   .field("details", &Book::details)
                                   .unique({"shelf", "place"})
                                   .index({"cover", "bought"});
  return schema;
}

const Schema& Counter::schema() {
  static const Schema schema =
      define<Counter>("Counter", "").table("counters").key("name", &Counter::name).field("value", &Counter::value);
  return schema;
}

const Schema& Entry::schema() {
  static const Schema schema = define<Entry>("Entry", "")
                                   .table("entries")
                                   .key("number", &Entry::number)
                                   .field("text", &Entry::text, {.search_weight = 1})
                                   .field("see", &Entry::see, {.references = "entries"});
  return schema;
}

const Schema& Patron::schema() {
  static const Schema schema = define<Patron>("Patron", "")
                                   .table("patrons")
                                   .key("id", &Patron::id)
                                   .field("number", &Patron::number)
                                   .field("card", &Patron::card, {.encrypted = true})
                                   .field("note", &Patron::note, {.encrypted = true})
                                   .unique({"number"});
  return schema;
}

}  // namespace lms::testing
