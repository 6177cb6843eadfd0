#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/repository.hpp>

/// The records that the contract is checked with: a library's.
namespace lms::testing {

struct Author {
  Id<Author> id;
  std::string name;

  static const Schema& schema();
};

enum class Cover { paper, cloth };
constexpr auto names_of(Cover) {
  return std::array<std::string_view, 2>{"paper", "cloth"};
}

struct Book {
  Id<Book> id;
  std::string title;
  std::optional<std::string> summary;
  std::vector<std::string> tags;
  std::optional<Id<Author>> author;
  std::optional<std::string> shelf;  ///< unique together with `place`
  std::int64_t place = 0;
  std::optional<std::int64_t> pages;
  double price = 0;
  bool lent = false;
  Cover cover = Cover::paper;
  Time bought{};
  Value details;

  static const Schema& schema();
};

/// Has nothing but a key and a number.
struct Counter {
  std::string name;
  std::int64_t value = 0;

  static const Schema& schema();
};

/// Its key is a number, it is searched, and it refers to its own kind.
struct Entry {
  std::int64_t number = 0;
  std::string text;
  std::optional<std::int64_t> see;

  static const Schema& schema();
};

/// Has secrets.
struct Patron {
  Id<Patron> id;
  std::int64_t number = 0;
  std::string card;
  std::optional<std::string> note;

  static const Schema& schema();
};

inline std::vector<const Schema*> library_schemas() {
  return {&Author::schema(), &Book::schema(), &Counter::schema(), &Entry::schema(), &Patron::schema()};
}

/// An id that sorts as `n` does.
inline Uuid uuid(std::uint8_t n) {
  Uuid id;
  id.bytes[0] = 1;
  id.bytes[15] = n;
  return id;
}

/// The n-th book, alone on its place.
inline Book book(std::uint8_t n, std::string title = "A book") {
  Book result;
  result.id = Id<Book>(uuid(n));
  result.title = std::move(title);
  result.shelf = "A";
  result.place = n;
  return result;
}

inline std::vector<int> numbers(const std::vector<Book>& books) {
  std::vector<int> result;
  for (const Book& each : books) result.push_back(each.id.uuid.bytes[15]);
  return result;
}

}  // namespace lms::testing
