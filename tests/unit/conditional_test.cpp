#include <doctest/doctest.h>

#include "http/conditional.hpp"

using namespace lms;

TEST_CASE("an entity tag is the text's own, and the same everywhere") {
  CHECK(entity_tag("") == "\"99aa06d3014798d86001c324468d497f\"");
  CHECK(entity_tag(R"({"a":1})") == entity_tag(R"({"a":1})"));
  CHECK(entity_tag(R"({"a":1})") != entity_tag(R"({"a":2})"));
  CHECK(entity_tag(std::string(100'000, 'a')) != entity_tag(std::string(100'001, 'a')));
}

TEST_CASE("If-Match compares strongly, and names nothing when it is malformed") {
  const auto met_by = [](const std::string& field) { return meets_if_match({{"If-Match", field}}, "\"ab\""); };
  CHECK(meets_if_match({}, "\"ab\""));
  CHECK(meets_if_match({}, ""));
  CHECK_FALSE(meets_if_match({{"If-Match", "*"}}, ""));
  for (const char* field : {"\"ab\"", "*", " \"ab\" ", "\"x\", \"ab\"", ",,\"ab\",", "\"x\",\"ab\",\"y\""}) {
    CAPTURE(field);
    CHECK(met_by(field));
  }
  for (const char* field : {"", " ", ",", "ab", "\"ab", "ab\"", "W/\"ab\"", "\"AB\"", "\"x\"", "*, \"x\"", "**",
                            "\"*\"", "\"a\" \"ab\"", "\"ab\";q=1", "\xff\xfe"}) {
    CAPTURE(field);
    CHECK_FALSE(met_by(field));
  }
  CHECK(meets_if_match({{"If-Match", "\"x\""}, {"if-match", "\"ab\""}}, "\"ab\""));
  CHECK_FALSE(met_by(std::string(100'000, ',') + "\"a\""));
}

TEST_CASE("If-None-Match compares weakly") {
  const auto names = [](const std::string& field) { return is_in_if_none_match({{"If-None-Match", field}}, "\"ab\""); };
  CHECK_FALSE(is_in_if_none_match({}, "\"ab\""));
  for (const char* field : {"\"ab\"", "*", "W/\"ab\"", "\"x\" , W/\"ab\"", "W/\"x\",\"ab\""}) {
    CAPTURE(field);
    CHECK(names(field));
  }
  for (const char* field : {"", "ab", "w/\"ab\"", "W/W/\"ab\"", "W/", "\"x\"", "*, *", "W/*"}) {
    CAPTURE(field);
    CHECK_FALSE(names(field));
  }
}

TEST_CASE("304 says what 200 said, but nothing of a body") {
  const http::Response response =
      not_modified({{"Content-Type", "application/json"}, {"ETag", "\"ab\""}, {"Vary", "A"}});
  CHECK(response.status == 304);
  CHECK(std::get<std::string>(response.body).empty());
  CHECK(response.headers.find("Content-Type") == nullptr);
  CHECK(*response.headers.find("ETag") == "\"ab\"");
  CHECK(*response.headers.find("Vary") == "A");
}
