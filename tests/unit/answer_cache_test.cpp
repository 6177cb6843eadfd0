#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <lms/testing/fake_clock.hpp>
#include <lms/user.hpp>

#include "http/answer_cache.hpp"

using namespace lms;
using std::chrono::seconds;

namespace {

/// A cache, and the changes and the time that it looks at.
struct Kept {
  explicit Kept(std::size_t bytes = 1024UL * 1024) : cache(changes, bytes) {}

  /// Keeps an answer that shows the user of that name, for five seconds.
  void keep(const std::string& target, std::string body, const std::string& user = "ada") {
    keep(target, std::move(body), user, changes.now());
  }
  void keep(const std::string& target, std::string body, const std::string& user, Changes::Moment moment) {
    const Time now = clock.now();
    cache.keep(target, {.headers = {{"Content-Type", "text/plain"}},
                        .body = std::move(body),
                        .shows = {Dependency::on(User::schema(), user)},
                        .moment = moment,
                        .made = now,
                        .expires = now + seconds(5)});
  }
  /// The body; `-` if there is none.
  std::string find(const std::string& target) {
    const auto found = cache.find(target, clock.now());
    return found ? found->body : "-";
  }
  void write(const std::string& user) {
    Writes writes;
    writes.add(User::schema(), user);
    changes.note(writes);
  }

  Changes changes;
  testing::FakeClock clock;
  AnswerCache cache;
};

}  // namespace

TEST_CASE("an answer is found by what was asked, whole") {
  Kept kept;
  kept.keep("/a?x=1", "one");
  CHECK(kept.find("/a?x=1") == "one");
  CHECK(kept.find("/a?x=2") == "-");
  CHECK(kept.find("/a") == "-");
  CHECK(*kept.cache.find("/a?x=1", kept.clock.now())->headers.find("Content-Type") == "text/plain");
  kept.keep("/a?x=1", "two");
  CHECK(kept.find("/a?x=1") == "two");
}

TEST_CASE("an answer is given until its time is over, and not before it was made") {
  Kept kept;
  kept.keep("/a", "one");
  kept.clock.advance(std::chrono::microseconds(4'999'999));
  CHECK(kept.find("/a") == "one");
  kept.clock.advance(std::chrono::microseconds(1));
  CHECK(kept.find("/a") == "-");

  kept.keep("/a", "two");
  kept.clock.advance(-seconds(1));
  CHECK(kept.find("/a") == "-");
  kept.clock.advance(seconds(1));
  CHECK(kept.find("/a") == "two");
}

TEST_CASE("an answer goes with what it shows") {
  Kept kept;
  kept.keep("/a", "one", "ada");
  kept.keep("/b", "two", "bob");
  kept.write("ada");
  CHECK(kept.find("/a") == "-");
  CHECK(kept.find("/b") == "two");
}

TEST_CASE("an answer whose making a change has overtaken is not kept") {
  Kept kept;
  const Changes::Moment moment = kept.changes.now();
  kept.write("ada");
  kept.keep("/a", "old", "ada", moment);
  kept.keep("/b", "new", "ada");
  CHECK(kept.find("/a") == "-");
  CHECK(kept.find("/b") == "new");

  // Nor does it push out the one that another made in the meantime.
  kept.keep("/b", "old", "ada", moment);
  CHECK(kept.find("/b") == "new");
}

TEST_CASE("there is an end to what is kept, and what is asked for stays longest") {
  constexpr std::size_t bytes = 256UL * 1024;
  Kept kept(bytes);
  const std::string body(1'000, 'x');
  kept.keep("/dear", body);
  std::size_t found = 0;
  constexpr int count = 1'000;
  for (int i = 0; i < count; ++i) {
    kept.keep("/" + std::to_string(i), body);
    CHECK(kept.find("/dear") == body);
  }
  for (int i = 0; i < count; ++i) found += kept.find("/" + std::to_string(i)) != "-" ? 1 : 0;
  CHECK(found > bytes / body.size() / 3);
  CHECK(found < bytes / body.size());
  CHECK(kept.find("/" + std::to_string(count - 1)) == body);
}

TEST_CASE("headers and targets count as well as bodies") {
  Kept kept(64UL * 1024);  // 4 KiB in each part
  kept.keep("/" + std::string(5'000, 'x'), "");
  CHECK(kept.find("/" + std::string(5'000, 'x')) == "-");
}

TEST_CASE("what is too large is not kept and pushes nothing out") {
  Kept kept(64UL * 1024 * 1024);
  kept.keep("/a", "one");
  kept.keep("/a", std::string(AnswerCache::largest_answer + 1, 'x'));
  CHECK(kept.find("/a") == "one");
  kept.keep("/a", std::string(AnswerCache::largest_answer, 'x'));
  CHECK(kept.find("/a").size() == AnswerCache::largest_answer);

  Kept small(1'024);
  small.keep("/a", "one");
  CHECK(small.find("/a") == "-");
}

TEST_CASE("an answer in use outlives its place in the cache") {
  Kept kept;
  kept.keep("/a", "one");
  const auto found = kept.cache.find("/a", kept.clock.now());
  kept.keep("/a", "two");
  kept.write("ada");
  CHECK(kept.find("/a") == "-");
  CHECK(found->body == "one");
}

TEST_CASE("many threads keep and find") {
  Kept kept(64UL * 1024);
  std::atomic<int> wrong{0};
  std::vector<std::jthread> threads;
  for (int self = 0; self < 4; ++self)
    threads.emplace_back([&, self] {
      for (int i = 0; i < 500; ++i) {
        const std::string target = "/" + std::to_string((self + i) % 40);
        kept.keep(target, target + std::string(200, 'x'), target);
        if (i % 7 == self) kept.write(target);
        const std::string found = kept.find(target);
        if (found != "-" && !found.starts_with(target + "x")) ++wrong;
      }
    });
  threads.clear();
  CHECK(wrong == 0);
}
