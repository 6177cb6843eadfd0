#include <doctest/doctest.h>

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include <lms/backends/log.hpp>
#include <lms/error.hpp>

#include "backend/log/line.hpp"
#include "support/scratch_folder.hpp"

namespace {

using namespace lms;

const Time moment = *parse_iso8601("2024-01-15T10:30:00.25Z");

std::string text(LogLevel level, std::string_view category, std::string_view message, const Object& fields) {
  return text_line({moment, level, category, message, fields});
}

std::string written(const LogOptions& options, int lines) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
  REQUIRE(file);
  LogOptions to_file = options;
  to_file.stream = file.get();
  auto sink = open_log(to_file);
  for (int i = 0; i < lines; ++i) sink->write({moment, LogLevel::info, "app", "line", {{"number", i}}});
  sink->write({moment, LogLevel::debug, "app", "a detail", {}});
  sink.reset();

  std::rewind(file.get());
  std::string all;
  for (int c = std::fgetc(file.get()); c != EOF; c = std::fgetc(file.get())) all += static_cast<char>(c);
  return all;
}

}  // namespace

TEST_CASE("a terminal line tells time, level, message and fields") {
  CHECK(text(LogLevel::info, "app", "started", {{"port", 8000}, {"name", "a school"}, {"none", Value()}}) ==
        "2024-01-15 10:30:00 INFO  started port=8000 name=\"a school\"");
  CHECK(text(LogLevel::error, "tasks", "job is dead", {{"ratio", 0.5}, {"empty", ""}}) ==
        "2024-01-15 10:30:00 ERROR tasks: job is dead ratio=0.5 empty=\"\"");
  CHECK(text(LogLevel::warning, "security", "denied", {}) == "2024-01-15 10:30:00 WARNING security: denied");
}

TEST_CASE("the end of a request reads as an access log") {
  const Object fields{{"request_id", "r1"},  {"method", "POST"},   {"path", "/api/v1/courses"},
                      {"route", "/courses"}, {"status_code", 201}, {"duration_ms", 123.4},
                      {"user_id", Value()},  {"client_ip", "::1"}, {"user_agent", "curl"}};
  CHECK(text(LogLevel::info, "api.access", "request completed", fields) ==
        "2024-01-15 10:30:00 INFO  POST /api/v1/courses request_id=r1 status=201 duration=0.123s client_ip=::1");
}

TEST_CASE("nothing in a value begins a new line or commands a terminal") {
  const Object fields{{"a", "x\nINFO forged"}, {"b", "\x1b[2J\x7f"}, {"c\r", "\u009b1m\u2028"}, {"d", "\xff\"=\""}};
  CHECK(
      text(LogLevel::info, "app", "one\ntwo", fields) ==
      "2024-01-15 10:30:00 INFO  one\\u000atwo a=\"x\\u000aINFO forged\" b=\\u001b[2J\\u007f c\\u000d=\\u009b1m\\u2028 "
      "d=\"\uFFFD\\\"=\\\"\"");
  const std::string json = json_line({moment, LogLevel::info, "app", "one\ntwo", fields});
  CHECK(json.find_first_of("\n\r\x1b\x7f\xff") == std::string::npos);
  CHECK(parse_json(json)["a"].as_string() == "x\nINFO forged");
  CHECK(parse_json(json)["message"].as_string() == "one\ntwo");
}

TEST_CASE("a JSON line has time, level, logger and message before the fields") {
  CHECK(json_line({moment, LogLevel::warning, "tasks", "job failed", {{"attempt", 2}, {"level", "high"}}}) ==
        R"({"time":"2024-01-15T10:30:00.250000Z","level":"WARNING","logger":"tasks","message":"job failed",)"
        R"("attempt":2,"field_level":"high"})");
}

TEST_CASE("the sink keeps what its level wants and writes every line before it goes") {
  const std::string all = written({.format = LogFormat::json, .level = LogLevel::info}, 1'000);
  std::size_t lines = 0;
  for (const char c : all) lines += c == '\n' ? 1 : 0;
  CHECK(lines == 1'000);
  CHECK(all.find("\"number\":999") != std::string::npos);
  CHECK(all.find("a detail") == std::string::npos);
  CHECK(written({.format = LogFormat::text, .level = LogLevel::debug}, 0) == "2024-01-15 10:30:00 DEBUG a detail\n");
}

TEST_CASE("a stream that nobody reads holds up nobody, and the lines it cost are counted") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> reading(fdopen(ends[0], "r"), &std::fclose);
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> writing(fdopen(ends[1], "w"), &std::fclose);
  auto sink = open_log({.format = LogFormat::json, .stream = writing.get()});
  const std::string message(1'000, 'x');
  const auto write = [&] { sink->write({moment, LogLevel::info, "app", message, {}}); };
  for (int i = 0; i < 10'000; ++i) write();

  std::atomic<std::int64_t> came = 0;
  std::atomic<std::int64_t> lost = 0;
  std::thread reader([&] {
    std::string line;
    for (int c = std::fgetc(reading.get()); c != EOF; c = std::fgetc(reading.get())) {
      line += static_cast<char>(c);
      if (c != '\n') continue;
      const Value entry = parse_json(line);
      if (entry["message"] == Value(message))
        ++came;
      else
        lost += entry["lines"].as_integer();
      line.clear();
    }
  });
  while (lost == 0) write();  // a line that finds room again tells of those that did not
  sink.reset();
  writing.reset();
  reader.join();
  CHECK(came >= 3'000);
}

namespace {

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("in a folder each category has a file of its own") {
  const testing::ScratchFolder scratch;
  const std::string folder = scratch.file("new/logs");
  for (int run = 0; run < 2; ++run) {  // a second process goes on where the first one ended
    auto sink = open_log({.folder = folder});
    for (const char* category : {"app", "tasks", "security", "api.access", "of a host"})
      sink->write({moment, LogLevel::info, category, category, {}});
  }
  const std::string day = "2024-01-15 10:30:00 INFO  ";
  CHECK(file_text(folder + "/app.log") ==
        (day + "app\n" + day + "of a host: of a host\n") + (day + "app\n" + day + "of a host: of a host\n"));
  CHECK(file_text(folder + "/tasks.log") == day + "tasks: tasks\n" + day + "tasks: tasks\n");
  CHECK(file_text(folder + "/security.log").find("security: security") != std::string::npos);
  CHECK(file_text(folder + "/access.log").find(day) == 0);
}

TEST_CASE("files are of bounded size and number, and no line is lost between them") {
  const testing::ScratchFolder scratch;
  const std::string folder = scratch.file("logs");
  for (int run = 0; run < 40; ++run) {
    auto sink = open_log({.format = LogFormat::json, .folder = folder, .file_bytes = 4'096, .old_files = 3});
    for (int i = 0; i < 10; ++i)
      sink->write({moment, LogLevel::info, "app", std::string(100, 'x'), {{"number", run * 10 + i}}});
  }
  int files = 0;
  std::string all;
  for (const char* name : {"app.3.log", "app.2.log", "app.1.log", "app.log"}) all += file_text(folder + "/" + name);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("app")) ++files;
    CHECK(entry.file_size() <= 4'096);
  }
  CHECK(files == 4);
  std::istringstream lines(all);
  std::int64_t next = -1;
  for (std::string line; std::getline(lines, line);) {
    const std::int64_t number = parse_json(line)["number"].as_integer();
    if (next >= 0) CHECK(number == next);
    next = number + 1;
  }
  CHECK(next == 400);
}

TEST_CASE("a folder that cannot be made is told at once, a full disk sends the lines to the stream") {
  const testing::ScratchFolder scratch;
  std::ofstream(scratch.file("file")) << "no folder";
  CHECK_THROWS_AS(open_log({.folder = scratch.file("file")}), Error);

  std::filesystem::create_directory(scratch.file("logs"));
  std::filesystem::create_symlink("/dev/full", scratch.file("logs/app.log"));
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
  auto sink = open_log({.stream = file.get(), .folder = scratch.file("logs")});
  sink->write({moment, LogLevel::warning, "app", "the disk is full", {}});
  sink->write({moment, LogLevel::info, "tasks", "this one is not", {}});
  sink.reset();
  std::rewind(file.get());
  std::string text;
  for (int c = std::fgetc(file.get()); c != EOF; c = std::fgetc(file.get())) text += static_cast<char>(c);
  CHECK(text == "2024-01-15 10:30:00 WARNING the disk is full\n");
  CHECK(file_text(scratch.file("logs/tasks.log")).find("this one is not") != std::string::npos);
}

TEST_CASE("warnings find room when other lines no longer do") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> reading(fdopen(ends[0], "r"), &std::fclose);
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> writing(fdopen(ends[1], "w"), &std::fclose);
  auto sink = open_log({.stream = writing.get()});
  const std::string message(1'000, 'x');
  for (int i = 0; i < 20'000; ++i) sink->write({moment, LogLevel::info, "app", message, {}});
  for (int i = 0; i < 100; ++i) sink->write({moment, LogLevel::error, "app", "this matters", {}});
  int came = 0;
  std::thread reader([&] {
    std::string line;
    for (int c = std::fgetc(reading.get()); c != EOF; c = std::fgetc(reading.get())) {
      line += static_cast<char>(c);
      if (c != '\n') continue;
      came += line.find("ERROR this matters") != std::string::npos ? 1 : 0;
      line.clear();
    }
  });
  sink.reset();
  writing.reset();
  reader.join();
  CHECK(came == 100);
}
