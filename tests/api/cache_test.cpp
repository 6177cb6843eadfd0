#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <lms/repository.hpp>
#include <lms/testing/storage_wrapper.hpp>

#include "api/cache_storm.hpp"

namespace {

using namespace lms;
using test::Answered;
using test::School;

/// Counts its reads.
class CountingStorage final : public testing::StorageWrapper {
 public:
  using StorageWrapper::StorageWrapper;
  std::atomic<int> reads{0};

 protected:
  void do_read(const Function& function) override {
    ++reads;
    StorageWrapper::do_read(function);
  }
};

Settings uncached() {
  Settings settings = School::quick_settings();
  settings.cache_enabled = false;
  return settings;
}

/// A school with a course, and beside it another on the same storage that keeps no answers, and so tells the truth.
struct Term {
  Answered ask(const std::string& path) { return school.get(path); }

  /// Sees that what strangers are told is the truth, and is told again without reading.
  void check_truth() {
    for (const std::string& path : paths) {
      CAPTURE(path);
      const Answered truth = truthful.get(path);
      const Answered first = school.get(path);
      CHECK(first.status == truth.status);
      CHECK(first.body == truth.body);
      const int reads = storage->reads;
      const Answered again = school.get(path);
      CHECK(again.status == truth.status);
      CHECK(again.body == truth.body);
      if (truth.status == 200) CHECK(storage->reads == reads);
    }
  }

  std::string add(const std::string& to, const Value& what) {
    const Answered added = school.post(course + to, what, ines);
    REQUIRE(added.status == 201);
    return added.text("id");
  }

  std::shared_ptr<CountingStorage> storage = std::make_shared<CountingStorage>(open_memory_storage());
  School school{School::quick_settings(), storage};
  School truthful{uncached(), storage};
  std::string ines = school.signed_in("ines@example.org", role::instructor);
  std::string admin = school.signed_in("head@example.org", role::admin);
  std::string ada = school.signed_in("ada@example.org");
  std::string id = school.published_course(ines)["id"].as_string();
  std::string course = "/courses/" + id;
  std::vector<std::string> paths{course,          "/courses/knots", "/courses",
                                 "/courses?q=kn", "/courses/bends", "/courses?category=ropes"};
};

}  // namespace

TEST_CASE("strangers see every change of a course at once, and what has not changed without reading") {
  Term term;
  School& school = term.school;
  const std::string &course = term.course, &ines = term.ines, &admin = term.admin, &ada = term.ada;
  const std::string ines_id = school.get("/users/me", ines).text("id");
  term.check_truth();

  // Each line is one change.
  const auto changed = [&](int status, const Answered& answered) {
    CAPTURE(answered.code());
    CHECK(answered.status == status);
    term.check_truth();
  };
  changed(200, school.patch(course, Object{{"title", "Better knots"}}, ines));
  changed(200, school.patch(course, Object{{"category", "ropes"}}, ines));
  changed(200, school.patch(course, Object{{"slug", "bends"}}, ines));
  changed(200, school.patch(course, Object{{"slug", "knots"}}, ines));

  const std::string section = term.add("/sections", Object{{"title", "First"}});
  term.check_truth();
  changed(200, school.patch("/sections/" + section, Object{{"title", "The first"}}, ines));
  const std::string lesson = term.add("/lessons", Object{{"title", "More"}, {"section_id", section}});
  term.check_truth();
  changed(200, school.patch("/lessons/" + lesson, Object{{"title", "Yet more"}}, ines));
  changed(204, school.del("/lessons/" + lesson, ines));
  changed(204, school.del("/sections/" + section, ines));

  const Answered enrollment = school.post("/enrollments", Object{{"course_id", term.id}}, ada);
  changed(201, enrollment);
  changed(204, school.del("/enrollments/" + enrollment.text("id"), ada));
  changed(201, school.post("/enrollments", Object{{"course_id", term.id}}, ada));
  changed(200,
          school.patch("/enrollments/" + enrollment.text("id"), Object{{"expires_at", "2026-01-01T00:00:00Z"}}, admin));
  CHECK(school.lms.enrollments().expire_overdue() == 1);
  term.check_truth();

  changed(200, school.patch("/users/me", Object{{"full_name", "Inés"}}, ines));
  changed(200, school.patch("/users/" + ines_id, Object{{"is_active", false}}, admin));
  changed(200, school.patch(course, Object{{"instructor_id", school.get("/users/me", admin).body["id"]}}, admin));
  changed(200, school.patch("/users/me", Object{{"full_name", "The head"}}, admin));

  changed(201, school.post("/courses/import",
                           Object{{"format", "lms-course"},
                                  {"version", 1},
                                  {"course", Object{{"title", "Bends"}}},
                                  {"lessons", Array{Object{{"title", "One"}}}}},
                           admin));
  changed(200, school.post("/courses/bends/publish", {}, admin));
  changed(204, school.del("/courses/bends", admin));

  changed(200, school.post(course + "/unpublish", {}, admin));
  CHECK(school.get(course).status == 404);
  changed(200, school.post(course + "/publish", {}, admin));
  CHECK(school.get(course).status == 200);
  changed(200, school.post(course + "/archive", {}, admin));
  CHECK(school.get(course).status == 404);
}

TEST_CASE("what a program writes is seen as well, by its services or past them") {
  Term term;
  term.check_truth();
  term.school.lms.courses().update(Principal::system(), "knots", {{"title", "By a program"}});
  term.check_truth();
  CHECK(term.ask("/courses/knots").text("title") == "By a program");

  const auto raise_prices = [](UnitOfWork& uow) {
    Repository<Course>(uow).update_where(everything(), {add("price_cents", 100)});
  };
  term.storage->write([](UnitOfWork& uow) {
    Repository<Section>(uow).update_where(everything(), {set("title", std::string("Renamed"))});
  });
  term.check_truth();
  term.storage->write(raise_prices);
  term.check_truth();
  term.storage->together([&] { term.storage->write(raise_prices); });
  term.check_truth();
  CHECK(term.ask("/courses/knots").number("price_cents") == 200);
}

TEST_CASE("each is told what is theirs, whatever strangers were told before") {
  Term term;
  School& school = term.school;
  school.post("/enrollments", Object{{"course_id", term.id}}, term.ada);
  term.add("/lessons", Object{{"title", "More"}});
  const std::string draft = school.post("/courses", Object{{"title", "Draft"}}, term.ines).text("id");
  const auto ask_all = [&] {
    CHECK(school.get(term.course).body["enrollment"].is_null());
    CHECK(school.get(term.course, term.ada).body["enrollment"].is_object());
    CHECK(school.get(term.course, term.ines).body["enrollment"].is_null());
    CHECK(school.get("/courses").number("total") == 1);
    CHECK(school.get("/courses", term.ines).number("total") == 2);
    CHECK(school.get("/courses/" + draft).status == 404);
    CHECK(school.get("/courses/" + draft, term.ines).status == 200);
  };
  ask_all();
  ask_all();
}

TEST_CASE("with caching off, or for no time, every answer is read") {
  Settings off = uncached();
  Settings without_time = School::quick_settings();
  without_time.course_cache_ttl = std::chrono::seconds{0};
  for (const Settings& settings : {off, without_time}) {
    const auto storage = std::make_shared<CountingStorage>(open_memory_storage());
    School school(settings, storage);
    const std::string ines = school.signed_in("ines@example.org", role::instructor);
    const std::string path = "/courses/" + school.published_course(ines)["id"].as_string();
    school.get(path);
    const int reads = storage->reads;
    school.get(path);
    CHECK(storage->reads == reads + 1);
  }
}

TEST_CASE("admins see what was asked of kept answers, and have none given again") {
  School school(School::quick_settings());
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const std::string path = "/courses/" + school.published_course(ines)["id"].as_string();
  for (int i = 0; i < 3; ++i) CHECK(school.get(path).status == 200);
  const auto statistics = [&] { return school.get("/admin/cache", admin).body; };
  CHECK(statistics()["enabled"] == Value(true));
  CHECK(statistics()["hits"] == Value(2));
  CHECK(statistics()["misses"] == Value(1));
  CHECK(statistics()["answers"] == Value(1));
  CHECK(statistics()["bytes"].as_integer() > 0);
  CHECK(school.get("/admin/cache", ines).status == 403);
  CHECK(school.del("/admin/cache", ines).status == 403);
  CHECK(school.del("/admin/cache", admin).status == 204);
  CHECK(statistics()["answers"] == Value(0));
  CHECK(statistics()["bytes"] == Value(0));
  CHECK(school.get(path).status == 200);
  CHECK(statistics()["misses"] == Value(2));

  Settings settings = School::quick_settings();
  settings.cache_enabled = false;
  School without(settings);
  const std::string other = without.signed_in("head@example.org", role::admin);
  CHECK(without.get("/admin/cache", other).body["enabled"] == Value(false));
  CHECK(without.del("/admin/cache", other).status == 204);
}

TEST_CASE("what another process writes is seen when the time for that is over") {
  const std::shared_ptr<Storage> store = open_memory_storage();
  const auto storage = std::make_shared<testing::StorageWrapper>(store);
  School school(School::quick_settings(), storage);
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string path = "/courses/" + school.published_course(ines)["id"].as_string();
  school.get(path);
  /// Another object over the same store, which tells this one nothing.
  class Stranger final : public testing::StorageWrapper {
   public:
    using StorageWrapper::StorageWrapper;
    Changes& changes() noexcept override { return Storage::changes(); }
  };
  const auto own = std::make_shared<Stranger>(store);
  School other(School::quick_settings(), own);
  CHECK(other.get(path).text("title") == "Knots");
  school.lms.courses().update(Principal::system(), "knots", {{"title", "Changed"}});
  CHECK(school.get(path).text("title") == "Changed");
  CHECK(other.get(path).text("title") == "Knots");
  other.clock->advance(std::chrono::seconds{5});
  CHECK(other.get(path).text("title") == "Changed");
}

TEST_CASE("in a storm of changes nobody is told what was over before they asked") {
  CHECK(test::stale_answers(open_memory_storage(), 150) == 0);
}
