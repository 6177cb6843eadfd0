#include <map>
#include <set>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <lms/error.hpp>
#include <lms/id.hpp>
#include <lms/spi/random.hpp>

using namespace lms;
using namespace std::chrono_literals;

namespace {

/// Every byte is the same.
class ConstantRandom final : public Random {
 public:
  explicit ConstantRandom(std::uint8_t byte) : byte_(byte) {}
  void fill(std::span<std::uint8_t> bytes) override { std::fill(bytes.begin(), bytes.end(), byte_); }

 private:
  std::uint8_t byte_;
};

/// Gives the numbers it was made with, one after the other, as eight big-endian bytes.
class ListedRandom final : public Random {
 public:
  explicit ListedRandom(std::vector<std::uint64_t> numbers) : numbers_(std::move(numbers)) {}
  void fill(std::span<std::uint8_t> bytes) override {
    REQUIRE(bytes.size() == 8);
    REQUIRE(next_ < numbers_.size());
    const std::uint64_t number = numbers_[next_++];
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  }
  std::size_t given() const { return next_; }

 private:
  std::vector<std::uint64_t> numbers_;
  std::size_t next_ = 0;
};

Time at_ms(std::int64_t milliseconds) {
  return Time(std::chrono::milliseconds(milliseconds));
}

}  // namespace

TEST_CASE("an id is read and written as text") {
  const auto id = Uuid::parse("0197A3c2-8f4e-7B11-9c55-3d2a6f1e8b40");
  REQUIRE(id);
  CHECK(id->text() == "0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40");
  CHECK(Uuid{}.text() == "00000000-0000-0000-0000-000000000000");
  CHECK(Uuid{}.is_nil());
  CHECK_FALSE(id->is_nil());
  CHECK(CourseId::parse(id->text())->uuid == *id);
}

TEST_CASE("what is not 36 characters of an id is refused") {
  for (const char* text : {"", "0197a3c2", "0197a3c28f4e7b119c553d2a6f1e8b40", "{0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40}",
                           "0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b4", "0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b400",
                           "0197a3c2-8f4e-7b11-9c553-d2a6f1e8b40", "0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b4g",
                           "0197a3c2_8f4e_7b11_9c55_3d2a6f1e8b40", "-197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40",
                           "0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b4\xc3"}) {
    CAPTURE(text);
    CHECK_FALSE(Uuid::parse(text));
  }
}

TEST_CASE("the layout of a new id is that of RFC 9562 version 7") {
  ConstantRandom random(0xFF);
  CHECK(random.uuid(at_ms(0x0197A3C28F4E)).text() == "0197a3c2-8f4e-7000-bfff-ffffffffffff");
  ConstantRandom zeros(0);
  CHECK(zeros.uuid(at_ms(0x0197A3C28F4E)).text() == "0197a3c2-8f4e-7000-8000-000000000000");
}

TEST_CASE("ids sort in the order they were made, also within a millisecond and when the clock steps back") {
  ConstantRandom random(0x55);
  std::vector<Uuid> made;
  for (const std::int64_t now : {1000, 1000, 1000, 1001, 900, 0, 1001, 1002, 5000})
    made.push_back(random.uuid(at_ms(now)));
  for (std::size_t i = 1; i < made.size(); ++i) {
    CAPTURE(i);
    CHECK(made[i - 1] < made[i]);
    CHECK(made[i - 1].text() < made[i].text());
  }
}

TEST_CASE("a full counter runs into the next millisecond") {
  ConstantRandom random(0);
  Uuid last = random.uuid(at_ms(7));
  for (int i = 0; i < 5000; ++i) {
    const Uuid next = random.uuid(at_ms(7));
    REQUIRE(last < next);
    last = next;
  }
  CHECK(last.text().starts_with("00000000-0008-7"));
}

TEST_CASE("a time before 1970 gives an id all the same") {
  ConstantRandom random(0);
  const Uuid first = random.uuid(at_ms(-5));
  CHECK(first.text().starts_with("00000000-0000-7"));
  CHECK(first < random.uuid(at_ms(-5)));
}

TEST_CASE("ids made by many threads are all different") {
  ConstantRandom random(0);  // so that the counter alone tells them apart
  std::vector<std::vector<Uuid>> made(4);
  std::vector<std::jthread> threads;
  for (auto& mine : made)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) mine.push_back(random.uuid(at_ms(42)));
    });
  threads.clear();
  std::set<Uuid> all;
  for (const auto& mine : made) all.insert(mine.begin(), mine.end());
  CHECK(all.size() == 8000);
}

TEST_CASE("a token is base64url of as many bytes as asked for") {
  ConstantRandom random(0xFF);
  CHECK(random.token(3) == "____");
  CHECK(random.token().size() == 43);
  CHECK(random.token(0).empty());
  SystemRandom system;
  CHECK(system.token() != system.token());
}

TEST_CASE("a number below a bound is uniform: draws that would favour some results are thrown away") {
  // 2^64 mod 10 is 6: the numbers 0 to 5 are too many.
  ListedRandom random({0, 5, 17, 6});
  CHECK(random.below(10) == 7);
  CHECK(random.given() == 3);
  CHECK(random.below(10) == 6);

  ListedRandom power({3});
  CHECK(power.below(4) == 3);  // nothing to throw away
  ListedRandom one({99});
  CHECK(one.below(1) == 0);
  CHECK_THROWS_AS(one.below(0), Error);
}

TEST_CASE("the system's randomness spreads over the whole range") {
  SystemRandom random;
  std::map<std::uint64_t, int> seen;
  for (int i = 0; i < 6000; ++i) ++seen[random.below(6)];
  REQUIRE(seen.size() == 6);
  for (const auto& face : seen) {
    CAPTURE(face.first);
    CHECK(face.second > 800);  // 1000 expected; seven standard deviations
    CHECK(face.second < 1200);
  }
}
