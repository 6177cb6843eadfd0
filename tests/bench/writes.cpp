// Durable progress reports in one process, without HTTP: bench-writes group|single DATABASE EXPORT THREADS SECONDS
// Prints one line of JSON. The database and the export come from `lms-server demo --export`.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include <lms/backends/sqlite.hpp>
#include <lms/lms.hpp>

namespace {

using namespace lms;
using SteadyClock = std::chrono::steady_clock;

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  if (lines.empty()) throw std::runtime_error(path + " has no lines");
  return lines;
}

std::vector<Principal> students(const std::string& folder) {
  const auto roles = std::make_shared<const Roles>();
  std::vector<Principal> students;
  for (const std::string& line : lines_of(folder + "/users.txt")) {
    const auto id = line.find('\t', line.find('\t') + 1) + 1;
    if (line.substr(line.rfind('\t') + 1) != role::student) continue;
    students.emplace_back(UserId::parse(line.substr(id, 36)).value(), std::string(role::student), roles);
  }
  return students;
}

std::vector<LessonId> lessons(const std::string& folder) {
  std::vector<LessonId> lessons;
  for (const std::string& line : lines_of(folder + "/lessons.txt")) lessons.push_back(LessonId::parse(line).value());
  return lessons;
}

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void run(bool group_commit, const std::string& database, const std::string& folder, std::size_t threads,
         std::chrono::seconds duration) {
  Lms school(Settings{}, {.storage = open_sqlite_storage({.path = database, .group_commit = group_commit})});
  const auto who = students(folder);
  const auto what = lessons(folder);

  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> done{0};
  std::atomic<bool> failed{false};
  const double processor_before = processor_seconds();
  const auto start = SteadyClock::now();
  const auto work = [&] {
    try {
      for (; SteadyClock::now() < start + duration; ++done) {
        const std::size_t number = next++;
        const LessonId lesson = what[number / who.size() % what.size()];
        school.enrollments().report(who[number % who.size()], lesson,
                                    {.progress_percent = 40, .time_spent_seconds = 30});
      }
    } catch (const std::exception& error) {
      std::fprintf(stderr, "bench-writes: %s\n", error.what());
      failed = true;
    }
  };
  std::vector<std::jthread> workers;
  for (std::size_t i = 0; i < threads; ++i) workers.emplace_back(work);
  workers.clear();
  const double seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
  if (failed) throw std::runtime_error("a write failed");
  std::printf(R"({"requests": %zu, "seconds": %.6f, "cpu_seconds": %.6f})"
              "\n",
              done.load(), seconds, processor_seconds() - processor_before);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() != 5 || (arguments[0] != "group" && arguments[0] != "single")) {
    std::fprintf(stderr, "usage: bench-writes group|single DATABASE EXPORT THREADS SECONDS\n");
    return 64;
  }
  try {
    run(arguments[0] == "group", arguments[1], arguments[2], std::stoul(arguments[3]),
        std::chrono::seconds(std::stol(arguments[4])));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench-writes: %s\n", error.what());
    return 1;
  }
}
