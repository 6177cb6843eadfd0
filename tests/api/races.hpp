#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/school.hpp"

namespace lms::test {

inline std::string etag_of(const Answered& answered) {
  const std::string* tag = answered.headers.find("ETag");
  return tag ? *tag : std::string();
}

/// How often one change undid another, while several threads change a course, a quiz and a user after they have read
/// them, with `If-Match`. Each adds one to a number.
inline int lost_updates(std::shared_ptr<Storage> storage, int changes_of_each) {
  constexpr int threads = 4;
  School school(School::quick_settings(), std::move(storage));
  const std::string ines = school.signed_in("ines@example.org", role::instructor);
  const std::string course = "/courses/" + school.published_course(ines)["id"].as_string();
  const std::string quiz =
      "/quizzes/" + school.post(course + "/quizzes", Object{{"title", "Knots"}, {"description", "0"}}, ines).text("id");
  struct Place {
    std::string path, field;
  };
  // A row that commits with others, one that waits for its own commit, and one's own account.
  const std::vector<Place> places{{course, "summary"}, {quiz, "description"}, {"/users/me", "bio"}};
  for (const Place& place : places) school.patch(place.path, Object{{place.field, "0"}}, ines);

  std::vector<std::future<void>> all;
  for (int self = 0; self < threads; ++self)
    all.push_back(std::async(std::launch::async, [&] {
      for (const Place& place : places)
        for (int done = 0; done < changes_of_each;) {
          const Answered seen = school.get(place.path, ines);
          const std::string next = std::to_string(std::stoi(seen.text(place.field)) + 1);
          const Answered answered = ask_with(school, http::Method::patch, place.path, Object{{place.field, next}}, ines,
                                             {{"If-Match", etag_of(seen)}});
          if (answered.status == 200)
            ++done;
          else if (answered.status != 412)
            throw std::runtime_error("answered with " + std::to_string(answered.status));
        }
    }));
  for (auto& each : all) each.get();
  int lost = 0;
  for (const Place& place : places)
    lost += threads * changes_of_each - std::stoi(school.get(place.path, ines).text(place.field));
  return lost;
}

/// How many courses and accounts too many there are after each of several keys was sent by several threads at once.
inline int doubled_effects(std::shared_ptr<Storage> storage, int keys) {
  constexpr int threads = 4;
  School school(School::quick_settings(), std::move(storage));
  const std::string admin = school.signed_in("head@example.org", role::admin);
  std::atomic<int> strange{0};
  std::atomic<int> lead{0};
  const auto send = [&](const std::string& path, const Value& body, const std::string& key) {
    for (;;) {
      const Answered answered = ask_with(school, http::Method::post, path, body, admin, {{"Idempotency-Key", key}});
      if (answered.status == 201) return answered.text("id");
      if (answered.code() != "idempotency_in_progress") {
        ++strange;
        return std::string();
      }
    }
  };
  std::vector<std::future<std::vector<std::string>>> all;
  for (int self = 0; self < threads; ++self)
    all.push_back(std::async(std::launch::async, [&] {
      std::vector<std::string> ids;
      ++lead;
      while (lead < threads) std::this_thread::yield();
      for (int i = 0; i < keys; ++i) {
        const std::string number = std::to_string(i);
        ids.push_back(send("/courses", Object{{"title", "Knots"}}, "course " + number));
        ids.push_back(send(
            "/users",
            Object{
                {"email", "s" + number + "@example.org"}, {"password", School::password}, {"full_name", "A student"}},
            "user " + number));
      }
      return ids;
    }));
  std::vector<std::vector<std::string>> ids;
  for (auto& each : all) ids.push_back(each.get());
  for (const auto& each : ids)
    if (each != ids.front()) ++strange;
  const auto courses = school.get("/courses", admin).number("total");
  const auto people = school.get("/users", admin).number("total");
  return static_cast<int>(courses - keys + people - keys - 1) + strange;
}

}  // namespace lms::test
