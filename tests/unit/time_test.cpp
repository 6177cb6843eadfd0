#include <doctest/doctest.h>

#include <lms/time.hpp>

using namespace lms;
using namespace std::chrono;

namespace {

Time at(std::int64_t microseconds) {
  return Time(std::chrono::microseconds(microseconds));
}

void check_same(std::string_view text, std::string_view expected) {
  CAPTURE(text);
  const auto time = parse_iso8601(text);
  REQUIRE(time);
  CHECK(to_iso8601(*time) == expected);
}

}  // namespace

TEST_CASE("a time is written in UTC, with a fraction only where there is one") {
  CHECK(to_iso8601(at(0)) == "1970-01-01T00:00:00Z");
  CHECK(to_iso8601(at(1)) == "1970-01-01T00:00:00.000001Z");
  CHECK(to_iso8601(at(-1)) == "1969-12-31T23:59:59.999999Z");
  CHECK(to_iso8601(sys_days(2026y / 11 / 21) + 8h + 30min) == "2026-11-21T08:30:00Z");
  CHECK(to_iso8601(sys_days(2024y / 2 / 29) + 1s + 500ms) == "2024-02-29T00:00:01.500000Z");
}

TEST_CASE("the examples of RFC 3339 are read") {
  check_same("1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520000Z");
  check_same("1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57Z");
  check_same("1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27.870000Z");
  check_same("1990-12-31T23:59:60Z", "1991-01-01T00:00:00Z");
  check_same("1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00Z");
}

TEST_CASE("a fraction is cut to microseconds") {
  check_same("2026-01-01T00:00:00.1Z", "2026-01-01T00:00:00.100000Z");
  check_same("2026-01-01T00:00:00.123456999Z", "2026-01-01T00:00:00.123456Z");
  check_same("2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00Z");
}

TEST_CASE("lower case and odd offsets are read") {
  check_same("2026-01-01t00:00:00z", "2026-01-01T00:00:00Z");
  check_same("2026-01-01T00:00:00+05:45", "2025-12-31T18:15:00Z");
  check_same("2026-01-01T00:00:00-00:00", "2026-01-01T00:00:00Z");
  check_same("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z");
  check_same("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z");
}

TEST_CASE("every microsecond written is read back") {
  for (const std::int64_t time :
       {1'763'713'800'000'000LL, 1'763'713'800'123'456LL, -62'135'596'800'000'000LL, 999'999LL})
    CHECK(parse_iso8601(to_iso8601(at(time))) == at(time));
}

TEST_CASE("what is no RFC 3339 time is refused") {
  for (const char* text : {"",
                           "2026",
                           "2026-11-21",
                           "2026-11-21T08:30Z",
                           "2026-11-21T08:30:00",
                           "2026-11-21 08:30:00Z",
                           "2026-11-21T08:30:00ZZ",
                           "2026-11-21T08:30:00Z ",
                           " 2026-11-21T08:30:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-00-10T00:00:00Z",
                           "2026-01-00T00:00:00Z",
                           "2026-01-01T24:00:00Z",
                           "2026-01-01T00:60:00Z",
                           "2026-01-01T00:00:61Z",
                           "2026-01-01T12:00:60Z",
                           "2026-01-01T00:00:00.Z",
                           "2026-01-01T00:00:00.1234567890Z",
                           "2026-01-01T00:00:00,5Z",
                           "2026-01-01T00:00:00+24:00",
                           "2026-01-01T00:00:00+05:60",
                           "2026-01-01T00:00:00+0545",
                           "2026-01-01T00:00:00 05:45",
                           "2026-1-1T00:00:00Z",
                           "-026-01-01T00:00:00Z",
                           "20260101T000000Z",
                           "+2026-01-01T00:00:00Z",
                           "9999-12-31T23:59:59-23:59",
                           "0000-01-01T00:00:00+23:59",
                           "2026-01-01T00:00:00.-5Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_iso8601(text));
  }
}
