#include <doctest/doctest.h>

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include <lms/backends/log.hpp>

#include "backend/log/line.hpp"

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
