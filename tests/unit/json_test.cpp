#include <limits>
#include <string>

#include <doctest/doctest.h>

#include <lms/value.hpp>

using namespace lms;

namespace {

/// The one fault of a text that is refused.
Fault fault_of(std::string_view text, const JsonLimits& limits = {}) {
  try {
    parse_json(text, limits);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid);
    REQUIRE(error.faults().size() == 1);
    return error.faults().front();
  }
  FAIL("accepted: " << text);
  return {};
}

void check_malformed(std::string_view text, std::size_t position) {
  CAPTURE(text);
  const Fault fault = fault_of(text);
  CHECK(fault.type == "value_error.jsondecode");
  CHECK(fault.loc == Path{"body", position});
}

std::string nested(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

}  // namespace

TEST_CASE("JSON values of every kind are read") {
  CHECK(parse_json("null").is_null());
  CHECK(parse_json(" true ").as_bool());
  CHECK_FALSE(parse_json("false").as_bool());
  CHECK(parse_json("-12").as_integer() == -12);
  CHECK(parse_json("1.5e3").as_real() == 1500.0);
  CHECK(parse_json(R"("a\u00e9\n\ud83d\ude00")").as_string() == "aé\n😀");
  CHECK(parse_json("[1, [], {}]").as_array().size() == 3);
  CHECK(parse_json(R"({"a": {"b": [1]}})")["a"]["b"].as_array().front().as_integer() == 1);
}

TEST_CASE("a number with a fraction or an exponent is a real, one without is an integer") {
  CHECK(parse_json("1").is_integer());
  CHECK(parse_json("1.0").is_real());
  CHECK(parse_json("1e0").is_real());
  CHECK(parse_json("-0").is_integer());
}

TEST_CASE("a NUL does not hide what stands behind it") {
  CHECK(fault_of(std::string_view("{}\0", 3)).type == "value_error.jsondecode");
  CHECK(fault_of(std::string_view("{}\0{", 4)).message.find("column 3") != std::string::npos);
}

TEST_CASE("integers keep 64 bits, and those beyond are refused instead of rounded") {
  CHECK(parse_json("9223372036854775807").as_integer() == std::numeric_limits<std::int64_t>::max());
  CHECK(parse_json("-9223372036854775808").as_integer() == std::numeric_limits<std::int64_t>::min());
  for (const char* text : {"9223372036854775808", "18446744073709551615", "18446744073709551616",
                           "-9223372036854775809", "123456789012345678901234567890"}) {
    CAPTURE(text);
    CHECK(fault_of(text).type == "value_error.jsondecode");
    CHECK(fault_of(text).message.find("64 bits") != std::string::npos);
  }
}

TEST_CASE("a real that no double holds is refused") {
  CHECK(fault_of("1e999").message.find("out of range") != std::string::npos);
}

TEST_CASE("a malformed text is refused with the position of the fault") {
  check_malformed("", 0);
  check_malformed("  \n", 0);
  check_malformed("{", 1);
  check_malformed("[1,]", 3);
  check_malformed(R"({"a":1,})", 7);
  check_malformed("[1 2]", 3);
  check_malformed("{'a':1}", 1);
  check_malformed("\"tab\there\"", 4);
  check_malformed(R"(["\x"])", 3);
  check_malformed("nul", 3);
  check_malformed("truex", 4);
  check_malformed("{} {}", 3);
  check_malformed("[01]", 2);
  check_malformed("NaN", 0);
  check_malformed("// comment\n1", 0);
  check_malformed("\"open", 5);
  CHECK(fault_of(R"("\ud800")").type == "value_error.jsondecode");
  CHECK(fault_of(R"("\ud83d\u0041")").type == "value_error.jsondecode");
}

TEST_CASE("the message names line and column, counted in characters") {
  CHECK(fault_of("{\n  \"é\": x\n}").message == "Malformed JSON at line 2, column 8: expected a value");
  CHECK(fault_of("[1").message == "Malformed JSON at line 1, column 3: the text ends too early; expected a comma or ]");
  CHECK(fault_of(" ").message == "Malformed JSON at line 1, column 1: expected a value, but the text is empty");
}

TEST_CASE("the message says what was expected") {
  const auto said = [](std::string_view text) {
    const std::string message = fault_of(text).message;
    return message.substr(message.find(": ") + 2);
  };
  CHECK(said("{") == "the text ends too early; expected a key in double quotes");
  CHECK(said("{'a':1}") == "expected a key in double quotes");
  CHECK(said(R"({"a" 1})") == "expected a colon");
  CHECK(said(R"({"a":1 "b":2})") == "expected a comma or }");
  CHECK(said("[1 2]") == "expected a comma or ]");
  CHECK(said("[1,]") == "expected a value");
  CHECK(said("{} {}") == "expected nothing more");
  CHECK(said("\"open") == "the text ends too early; invalid string: missing closing quote");
  CHECK(said("\"a\tb\"").starts_with("invalid string: control character U+0009 (HT) must be escaped"));
  CHECK(said(R"(["; expected '}' - )") == "the text ends too early; invalid string: missing closing quote");
  CHECK(said("\"\xff\"") == "expected UTF-8");
}

TEST_CASE("the message never quotes the input") {
  CHECK(fault_of(R"({"password":"hunter2" "x"})").message.find("hunter2") == std::string::npos);
  CHECK(fault_of(R"({"password":hunter2})").message.find("hunter2") == std::string::npos);
}

TEST_CASE("bytes that are no UTF-8 are refused where they stand") {
  check_malformed("\"a\xff\"", 2);
  check_malformed("\"\xc0\xaf\"", 1);      // overlong
  check_malformed("\"\xed\xa0\x80\"", 1);  // a surrogate
  check_malformed("\"\xf4\x90\x80\x80\"", 1);
  check_malformed("\"\xe2\x82\"", 1);
}

TEST_CASE("a repeated key is refused, the same key elsewhere is not") {
  const Fault fault = fault_of(R"({"a":1,"b":2,"a":3})");
  CHECK(fault.type == "value_error.jsondecode");
  CHECK(fault.loc == Path{"body", std::size_t{16}});
  CHECK(fault_of(R"({"x":[{"\u0061":1,"a":2}]})").type == "value_error.jsondecode");
  CHECK_NOTHROW(parse_json(R"({"a":{"a":1},"b":[{"a":1},{"a":2}]})"));
}

TEST_CASE("nesting is limited") {
  CHECK_NOTHROW(parse_json(nested(32)));
  const Fault fault = fault_of(nested(33));
  CHECK(fault.type == "value_error.depth");
  CHECK(fault.loc == Path{"body", std::size_t{33}});
  CHECK(fault_of(std::string(1'000'000, '[')).type == "value_error.depth");
  CHECK(fault_of(R"({"a":[1]})", {.max_depth = 1}).type == "value_error.depth");
  CHECK_NOTHROW(parse_json("1", {.max_depth = 0}));
}

TEST_CASE("an object with many keys is read in reasonable time") {
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i) text += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":0";
  CHECK(parse_json(text + "}").as_object().size() == 100'000);
}

TEST_CASE("numbers are written as short as they can be read back") {
  CHECK(to_json(0.1) == "0.1");
  CHECK(to_json(1.0) == "1.0");
  CHECK(to_json(-0.0) == "-0.0");
  CHECK(to_json(1e300) == "1e+300");
  CHECK(to_json(0.0) == "0.0");
  CHECK(to_json(-3.0) == "-3.0");
  CHECK(to_json(10'000.0) == "10000.0");
  CHECK(to_json(99'999.0) == "99999.0");
  CHECK(to_json(-99'999.0) == "-99999.0");
  CHECK(to_json(100'000.0) == "1e+05");
  CHECK(to_json(100'001.0) == "100001.0");
  CHECK(to_json(5e-324) == "5e-324");
  CHECK(to_json(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  for (const double number : {0.1 + 0.2, 1.0 / 3, 1e21, 123456789.0, 1.7976931348623157e308}) {
    const Value back = parse_json(to_json(number));
    CHECK(back.is_real());
    CHECK(back.as_real() == number);
  }
}

TEST_CASE("what JSON cannot say is written as null") {
  CHECK(to_json(std::numeric_limits<double>::infinity()) == "null");
  CHECK(to_json(std::numeric_limits<double>::quiet_NaN()) == "null");
}

TEST_CASE("text is escaped no more than needed") {
  CHECK(to_json("a\"\\/\n\r\t\b\x7fé") == R"("a\"\\/\n\r\t\u0008\u007fé")");
  CHECK(parse_json(to_json(std::string("\0\x1f", 2))).as_string() == std::string("\0\x1f", 2));
  for (std::size_t place = 0; place < 24; ++place) {
    std::string text(24, 'x');
    text[place] = '"';
    CHECK(to_json(text) == '"' + std::string(place, 'x') + "\\\"" + std::string(23 - place, 'x') + '"');
  }
}

TEST_CASE("objects keep the order of their members") {
  const Value value = parse_json(R"({"z":1,"a":{"m":[1,2.5,null]},"b":[]})");
  CHECK(to_json(value) == R"({"z":1,"a":{"m":[1,2.5,null]},"b":[]})");
  CHECK(to_json(value, 2) ==
        "{\n  \"z\": 1,\n  \"a\": {\n    \"m\": [\n      1,\n      2.5,\n      null\n    ]\n  },\n  \"b\": []\n}");
}

TEST_CASE("an object adds, replaces in place and erases members") {
  Object object{{"a", 1}, {"b", 2}, {"a", 3}};
  CHECK(to_json(object) == R"({"a":3,"b":2})");
  object.set("c", "x");
  object.set("b", nullptr);
  CHECK(object.erase("a"));
  CHECK_FALSE(object.erase("a"));
  CHECK(to_json(object) == R"({"b":null,"c":"x"})");
  CHECK(object.contains("b"));
  CHECK(object.find("zz") == nullptr);
}

TEST_CASE("a value of another kind is a defect, a missing member is null") {
  const Value value = Object{{"a", 1}};
  CHECK_THROWS_AS(value.as_string(), Error);
  CHECK_THROWS_AS(Value("1").as_integer(), Error);
  CHECK_THROWS_AS(Value(1.0).as_integer(), Error);
  CHECK(Value(1).as_real() == 1.0);
  CHECK(value["b"]["c"].is_null());
  CHECK(Value(7)["x"].is_null());
}

TEST_CASE("values are equal by meaning") {
  CHECK(Value(1) == Value(1.0));
  CHECK(Value(9007199254740993) != Value(9007199254740992.0));
  CHECK(parse_json(R"({"a":1,"b":2})") == parse_json(R"({"b":2,"a":1})"));
  CHECK(parse_json(R"({"a":1})") != parse_json(R"({"a":1,"b":2})"));
  CHECK(parse_json("[1,2]") != parse_json("[2,1]"));
  CHECK(Value(nullptr) != Value(false));
  CHECK(Value("") != Value());
}

TEST_CASE("values have one order") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const Array ordered{nullptr,
                      false,
                      true,
                      nan,
                      -infinity,
                      std::numeric_limits<std::int64_t>::min(),
                      -1,
                      -0.5,
                      0,
                      0.5,
                      9007199254740992.0,
                      9007199254740993,
                      std::numeric_limits<std::int64_t>::max(),
                      9223372036854775808.0,
                      infinity,
                      "",
                      "A",
                      "a",
                      "é",
                      "😀",
                      Array{1},
                      Array{2},
                      Object{{"a", 1}}};
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      CAPTURE(to_json(ordered[i]));
      CAPTURE(to_json(ordered[j]));
      const int expected = i < j ? -1 : i > j ? 1 : 0;
      CHECK(Value::compare(ordered[i], ordered[j]) == expected);
    }
  }
  CHECK(Value::compare(1, 1.0) == 0);
}

TEST_CASE("what is no UTF-8 is written as U+FFFD, so that what is written can be read") {
  for (const auto& [text, written] : {std::pair<std::string, std::string>{"Evil\xff!", "Evil\uFFFD!"},
                                      {"\xc0\x80", "\uFFFD\uFFFD"},
                                      {"\xE2\x80", "\uFFFD\uFFFD"},
                                      {"long enough for eight at a time \xED\xA0\x80 and on",
                                       "long enough for eight at a time \uFFFD\uFFFD\uFFFD and on"},
                                      {"Zoë 🎓 \"quoted\"", "Zoë 🎓 \"quoted\""}}) {
    CAPTURE(text);
    CHECK(parse_json(to_json(Value(text))).as_string() == written);
    CHECK(parse_json(to_json(Object{{text, 1}})).as_object().begin()->first == written);
  }
}
