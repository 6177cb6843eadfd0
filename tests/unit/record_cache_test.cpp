#include <string>

#include <doctest/doctest.h>

#include <lms/schema.hpp>

#include "backend/sql/record_cache.hpp"

using namespace lms;
using sql::RecordCache;

namespace {

struct Note {
  std::string name;
  std::string text;

  static const Schema& schema() {
    static const Schema schema =
        define<Note>("Note", "A note.").table("notes").key("name", &Note::name).field("text", &Note::text);
    return schema;
  }
};

/// The same table, seen as something else.
struct Title {
  std::string name;

  static const Schema& schema() {
    static const Schema schema = define<Title>("Title", "A note's name.").table("notes").key("name", &Title::name);
    return schema;
  }
};

Record note(const std::string& name, std::string text = "text") {
  return {name, std::move(text)};
}

}  // namespace

TEST_CASE("what is kept is found under its key and fields until it is forgotten") {
  RecordCache cache;
  const Record first = note("a");
  const Record projected{"a", nullptr};
  CHECK(cache.find(Note::schema(), "a", {}) == nullptr);
  cache.keep(Note::schema(), "a", {}, &first);
  cache.keep(Note::schema(), "a", {"name"}, &projected);
  cache.keep(Note::schema(), "none", {}, nullptr);
  REQUIRE(cache.find(Note::schema(), "a", {}) != nullptr);
  CHECK(*cache.find(Note::schema(), "a", {}) == first);
  CHECK(*cache.find(Note::schema(), "a", {"name"}) == projected);
  CHECK(cache.find(Note::schema(), "a", {"text"}) == nullptr);
  REQUIRE(cache.find(Note::schema(), "none", {}) != nullptr);
  CHECK_FALSE(cache.find(Note::schema(), "none", {})->has_value());

  cache.forget(Note::schema(), "a");
  CHECK(cache.find(Note::schema(), "a", {}) == nullptr);
  CHECK(cache.find(Note::schema(), "a", {"name"}) == nullptr);
  CHECK(cache.find(Note::schema(), "none", {}) != nullptr);
  cache.forget_all();
  CHECK(cache.find(Note::schema(), "none", {}) == nullptr);
}

TEST_CASE("a table is one table, whatever its records are read as") {
  RecordCache cache;
  const Record first = note("a");
  cache.keep(Note::schema(), "a", {}, &first);
  CHECK(cache.find(Title::schema(), "a", {}) == nullptr);
  cache.forget(Title::schema(), "a");
  CHECK(cache.find(Note::schema(), "a", {}) == nullptr);
}

TEST_CASE("records are kept within a bound, and long ones not at all") {
  RecordCache cache;
  const Record longest = note("a", std::string(RecordCache::most_bytes_of_record, 'x'));
  cache.keep(Note::schema(), "a", {}, &longest);
  cache.keep(Note::schema(), std::string(RecordCache::most_bytes_of_record, 'k'), {}, nullptr);
  CHECK(cache.find(Note::schema(), "a", {}) == nullptr);
  CHECK(cache.find(Note::schema(), std::string(RecordCache::most_bytes_of_record, 'k'), {}) == nullptr);

  constexpr std::size_t bytes = 4'000;
  std::size_t kept = 0;
  do {
    const std::string name = std::to_string(kept++);
    const Record record = note(name, std::string(bytes, 'x'));
    cache.keep(Note::schema(), name, {}, &record);
    REQUIRE(cache.find(Note::schema(), name, {}) != nullptr);
  } while (cache.find(Note::schema(), "0", {}) != nullptr);
  CHECK((kept - 1) * bytes <= RecordCache::most_bytes);
  CHECK(kept * bytes > RecordCache::most_bytes / 2);
}
