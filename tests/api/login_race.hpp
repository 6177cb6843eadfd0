#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <latch>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/school.hpp"

namespace lms::test {

/// Runs `work(i)` for each i at the same time.
template <class Work>
void race(std::size_t threads, Work&& work) {
  std::latch start(static_cast<std::ptrdiff_t>(threads));
  std::vector<std::jthread> racing;
  for (std::size_t i = 0; i < threads; ++i)
    racing.emplace_back([&, i] {
      start.arrive_and_wait();
      work(i);
    });
}

/// Signs in, again while others with the same address are under way; what it ended with: "" or the reason.
inline std::string sign_in(Auth& auth, const std::string& email, const std::string& password) {
  for (;;) {
    try {
      auth.login({email, password});
      return "";
    } catch (const Error& error) {
      if (error.reason() != "sign_in_busy") return error.reason();
    }
    std::this_thread::yield();
  }
}

/// How many of 64 racing guesses at one password were looked at.
inline std::size_t guesses_looked_at(std::shared_ptr<Storage> storage, const char* email) {
  School school(School::quick_settings(), std::move(storage));
  school.lms.auth().register_student({"ada@example.org", School::password, "Ada Byron"});
  std::atomic<std::size_t> refused = 0;
  race(64, [&](std::size_t i) {
    if (sign_in(school.lms.auth(), email, "guess number " + std::to_string(i)) == "bad_credentials") ++refused;
  });
  if (refused != 64) return 0;
  const auto lines = school.log->lines();
  return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [](const auto& line) {
    return line.message == "sign-in refused" && *line.fields.find("cause") != Value("locked");
  }));
}

/// How many of 16 racing logins with the right password succeed.
inline std::size_t right_logins(std::shared_ptr<Storage> storage) {
  School school(School::quick_settings(), std::move(storage));
  school.lms.auth().register_student({"ada@example.org", School::password, "Ada Byron"});
  std::atomic<std::size_t> succeeded = 0;
  race(16, [&](std::size_t) {
    if (sign_in(school.lms.auth(), "ada@example.org", School::password).empty()) ++succeeded;
  });
  const auto status = school.lms.lockout().status(Principal::system(), "ada@example.org");
  return status.locked || status.failed_attempts > 0 ? 0 : succeeded.load();
}

/// The different refresh tokens that eight racing exchanges of one brought; one that failed counts as "".
inline std::vector<std::string> racing_refreshes(std::shared_ptr<Storage> storage) {
  Settings settings = School::quick_settings();
  settings.refresh_reuse_grace = std::chrono::seconds{10};
  School school(settings, std::move(storage));
  school.lms.auth().register_student({"ada@example.org", School::password, "Ada Byron"});
  const std::string token =
      std::get<Login>(school.lms.auth().login({"ada@example.org", School::password})).tokens.refresh_token;
  std::vector<std::string> fresh(8);
  race(fresh.size(), [&](std::size_t i) {
    try {
      fresh[i] = school.lms.auth().refresh(token).refresh_token;
    } catch (const Error&) {
      fresh[i].clear();
    }
  });
  std::sort(fresh.begin(), fresh.end());
  fresh.erase(std::unique(fresh.begin(), fresh.end()), fresh.end());
  return fresh;
}

}  // namespace lms::test
