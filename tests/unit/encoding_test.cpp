#include <doctest/doctest.h>

#include "base/encoding.hpp"
#include "base/utf8.hpp"

using namespace lms;

TEST_CASE("the base64 examples of RFC 4648") {
  const std::pair<const char*, const char*> examples[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& example : examples) {
    const std::string bytes = example.first;
    const std::string text = example.second;
    CAPTURE(bytes);
    CHECK(to_base64(bytes) == text);
    CHECK(from_base64(text) == bytes);
    std::string bare = text;
    bare.erase(std::min(bare.find('='), bare.size()));
    CHECK(to_base64url(bytes) == bare);
    CHECK(from_base64url(bare) == bytes);
  }
  CHECK(to_base64("\xfb\xff\xfe") == "+//+");
  CHECK(to_base64url("\xfb\xff\xfe") == "-__-");
}

TEST_CASE("every byte survives every encoding") {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const std::string some = bytes.substr(256 - size);
    CHECK(from_base64(to_base64(some)) == some);
    CHECK(from_base64url(to_base64url(some)) == some);
    CHECK(from_hex(to_hex(as_bytes(some))) == some);
    CHECK(percent_decode(percent_encode(some)) == some);
  }
}

TEST_CASE("base64 that no encoder writes is refused") {
  for (const char* text :
       {"Z", "Zg=", "Zg", "Zm9v=", "Zg==Zg==", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n", "====", "Z===", "-__-", "=Zg="}) {
    CAPTURE(text);
    CHECK_FALSE(from_base64(text));
  }
  for (const char* text : {"Z", "Zg==", "Zh", "Zm9", "+//+", "Zm9vY", "Zm9v "}) {
    CAPTURE(text);
    CHECK_FALSE(from_base64url(text));
  }
}

TEST_CASE("hex is written in lower case and read in either") {
  CHECK(to_hex(as_bytes("\x01\xab\xff")) == "01abff");
  CHECK(from_hex("01ABff") == "\x01\xab\xff");
  CHECK(from_hex("") == "");
  for (const char* text : {"0", "0g", "g0", " 0", "0x"}) CHECK_FALSE(from_hex(text));
}

TEST_CASE("percent-encoding keeps unreserved characters alone") {
  CHECK(percent_encode("AZaz09-._~") == "AZaz09-._~");
  CHECK(percent_encode("a b/ü+%") == "a%20b%2F%C3%BC%2B%25");
}

TEST_CASE("percent-decoding tells a path's plus from a query's") {
  CHECK(percent_decode("a+b%2b%C3%BC") == "a+b+ü");
  CHECK(percent_decode("a+b%2b", PlusSign::space) == "a b+");
  CHECK(percent_decode("%00") == std::string(1, '\0'));
  for (const char* text : {"%", "%4", "%G0", "%0G", "a%", "%%41", "% 41", "%-1"}) {
    CAPTURE(text);
    CHECK_FALSE(percent_decode(text));
  }
}

TEST_CASE("UTF-8 is checked to the letter of RFC 3629") {
  CHECK_FALSE(find_malformed_utf8("aé€😀\U0010FFFF\x7f"));
  CHECK_FALSE(find_malformed_utf8("\xed\x9f\xbf\xee\x80\x80"));  // both sides of the surrogates
  const std::pair<const char*, std::size_t> malformed[] = {{"\x80", 0},
                                                           {"a\xc3", 1},
                                                           {"\xc1\xbf", 0},
                                                           {"\xe0\x9f\xbf", 0},
                                                           {"\xf0\x8f\xbf\xbf", 0},
                                                           {"\xed\xa0\x80", 0},
                                                           {"\xf4\x90\x80\x80", 0},
                                                           {"\xf8\x88\x80\x80\x80", 0},
                                                           {"\xff", 0},
                                                           {"é\xc3(", 2},
                                                           {"\xe2\x82", 0}};
  for (const auto& example : malformed) {
    CAPTURE(example.first);
    CHECK(find_malformed_utf8(example.first) == example.second);
  }
}

TEST_CASE("text is counted in code points and never cut inside one") {
  CHECK(count_code_points("aé€😀") == 4);
  CHECK(cut_utf8("aé€", 10) == "aé€");
  CHECK(cut_utf8("aé€", 6) == "aé€");
  CHECK(cut_utf8("aé€", 5) == "aé");
  CHECK(cut_utf8("aé€", 2) == "a");
  CHECK(cut_utf8("€", 2).empty());
}
