#include <string>

#include <doctest/doctest.h>

#include "http/trace_context.hpp"

using namespace lms;

TEST_CASE("the trace of a well-formed traceparent is taken, nothing else") {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736", parent = "00f067aa0ba902b7";
  const auto of = [](const std::string& field) { return trace_id_of({{"Traceparent", field}}); };
  CHECK(of("00-" + trace + "-" + parent + "-01") == trace);
  CHECK(of("00-" + trace + "-" + parent + "-00") == trace);
  CHECK(of("cc-" + trace + "-" + parent + "-01") == trace);
  CHECK(of("cc-" + trace + "-" + parent + "-01-more") == trace);
  for (const std::string& wrong :
       {std::string(), std::string("00"), trace, "00-" + trace + "-" + parent,
        "00-" + trace + "-" + parent + "-01-more", "cc-" + trace + "-" + parent + "-01more",
        "ff-" + trace + "-" + parent + "-01", "0-" + trace + "-" + parent + "-001",
        "00-" + std::string(32, '0') + "-" + parent + "-01", "00-" + trace + "-" + std::string(16, '0') + "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + parent + "-01", "00_" + trace + "-" + parent + "-01",
        "00-" + trace + "-" + parent + "-0g", "00-" + trace.substr(1) + "\n-" + parent + "-01",
        std::string(100'000, '-')})
    CHECK_MESSAGE(of(wrong).empty(), wrong);
  CHECK(trace_id_of({}).empty());
  const std::string good = "00-" + trace + "-" + parent + "-01";
  CHECK(trace_id_of({{"traceparent", good}, {"traceparent", good}}).empty());
}
