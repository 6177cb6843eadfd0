#include "http1/parser.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace lms;
using namespace lms::http1;

namespace {

constexpr Parser::Limits limits{32 * 1024, 100, 8 * 1024};
constexpr std::size_t max_body = 1000;

struct Parsed {
  int refused = 0;  // status
  std::vector<http::Request> requests;
  std::vector<std::string> bodies;
};

/// Parses pieces that come one after the other, as a connection does.
Parsed parse(const std::vector<std::string_view>& pieces) {
  Parser parser(limits);
  Parsed parsed;
  std::string body;
  for (std::string_view bytes : pieces) {
    for (bool hungry = false; !hungry;) {
      switch (parser.feed(bytes)) {
        case Parser::Step::hungry:
          body += parser.take_body();
          hungry = true;
          break;
        case Parser::Step::head:
          if (!parser.limit_body(max_body)) parsed.refused = parser.refusal().status;
          break;
        case Parser::Step::message:
          body += parser.take_body();
          parsed.requests.push_back(std::move(parser.request()));
          parsed.bodies.push_back(std::exchange(body, {}));
          parser.next();
          break;
        case Parser::Step::refused:
          parsed.refused = parser.refusal().status;
          break;
      }
      if (parsed.refused != 0) return parsed;
    }
  }
  return parsed;
}

Parsed parse(std::string_view text) {
  return parse(std::vector<std::string_view>{text});
}

/// The status with which a request is refused, the same however it is cut in two; 0 if it is not.
int refusal_of(const std::string& text) {
  const int whole = parse(text).refused;
  const std::size_t step = text.size() < 2000 ? 1 : 997;
  for (std::size_t cut = 1; cut < text.size(); cut += step) {
    const std::string_view view = text;
    const int in_two = parse({view.substr(0, cut), view.substr(cut)}).refused;
    INFO("cut at " << cut);
    REQUIRE(in_two == whole);
  }
  return whole;
}

std::string get_with(const std::string& fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}
std::string post_with(const std::string& fields, const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}

}  // namespace

TEST_CASE("a request is read with its headers in order") {
  const Parsed parsed =
      parse("PATCH /a/b?c=%20d HTTP/1.1\r\nHost: here:80\r\nX-A:  one \t\r\nEmpty:\r\nx-a: two\r\n\r\n");
  REQUIRE(parsed.requests.size() == 1);
  const http::Request& request = parsed.requests[0];
  CHECK(request.method == http::Method::patch);
  CHECK(request.target == "/a/b?c=%20d");
  const std::vector<http::Headers::Field> fields(request.headers.begin(), request.headers.end());
  CHECK(fields ==
        std::vector<http::Headers::Field>{{"Host", "here:80"}, {"X-A", "one"}, {"Empty", ""}, {"x-a", "two"}});
}

TEST_CASE("a chunked body is the same wherever its bytes are cut") {
  const std::string text =
      "POST /one HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;name=value\r\nhello\r\n1\r\n \r\nB\r\nworld\r\n and\r\n0\r\nTrailer: x\r\n\r\n"
      "GET /two HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string_view view = text;
  const auto check = [](const Parsed& parsed) {
    REQUIRE(parsed.refused == 0);
    REQUIRE(parsed.requests.size() == 2);
    REQUIRE(parsed.bodies[0] == "hello world\r\n and");
    REQUIRE(parsed.requests[1].target == "/two");
  };
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    INFO("cut at " << cut);
    check(parse({view.substr(0, cut), view.substr(cut)}));
  }
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < text.size(); ++i) bytes.push_back(view.substr(i, 1));
  check(parse(bytes));
}

TEST_CASE("requests that could be read in two ways are refused") {
  struct Row {
    std::string what;
    std::string text;
    int status;
  };
  const std::string five = "hello";
  const std::string chunks = "5\r\nhello\r\n0\r\n\r\n";
  const std::vector<Row> rows{
      {"both lengths", post_with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunks), 400},
      {"both lengths, the other way round", post_with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunks),
       400},
      {"two equal lengths", post_with("Content-Length: 5\r\nContent-Length: 5\r\n", five), 400},
      {"two lengths", post_with("Content-Length: 5\r\nContent-Length: 6\r\n", five), 400},
      {"a list of lengths", post_with("Content-Length: 5, 5\r\n", five), 400},
      {"a signed length", post_with("Content-Length: +5\r\n", five), 400},
      {"a negative length", post_with("Content-Length: -5\r\n", five), 400},
      {"a hexadecimal length", post_with("Content-Length: 0x5\r\n", five), 400},
      {"an empty length", post_with("Content-Length: \r\n", five), 400},
      {"two numbers", post_with("Content-Length: 5 5\r\n", five), 400},
      {"a length beyond 64 bits", post_with("Content-Length: 18446744073709551621\r\n", five), 400},
      {"a coding after chunked", post_with("Transfer-Encoding: chunked, identity\r\n", chunks), 400},
      {"a coding before chunked", post_with("Transfer-Encoding: gzip, chunked\r\n", chunks), 501},
      {"another coding", post_with("Transfer-Encoding: gzip\r\n", chunks), 501},
      {"a coding like chunked", post_with("Transfer-Encoding: xchunked\r\n", chunks), 501},
      {"chunked in quotes", post_with("Transfer-Encoding: \"chunked\"\r\n", chunks), 501},
      {"no coding", post_with("Transfer-Encoding: \r\n", chunks), 501},
      {"chunked twice", post_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunks), 400},
      {"chunked twice in a list", post_with("Transfer-Encoding: chunked, chunked\r\n", chunks), 400},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks, 400},
      {"a space before the colon", get_with("Content-Length : 5\r\n"), 400},
      {"a tab before the colon", get_with("Transfer-Encoding\t: chunked\r\n"), 400},
      {"a folded value", get_with("X-A: one\r\n two\r\n"), 400},
      {"a value folded at once", get_with("Transfer-Encoding:\r\n chunked\r\n"), 400},
      {"a first header that starts with a space", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"two blanks before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"two blanks after the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a blank after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 505},
      {"a tab before the target", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a header without a name", get_with(": value\r\n"), 400},
      {"a header without a colon", get_with("Name\r\n"), 400},
      {"a name that is no token", get_with("Na(me: value\r\n"), 400},
      {"a line feed alone", "GET / HTTP/1.1\nHost: a\n\n", 400},
      {"a line feed in a value", get_with("X-A: one\nX-B: two\r\n"), 400},
      {"a carriage return in a value", get_with("X-A: one\rtwo\r\n"), 400},
      {"a carriage return for an end", "GET / HTTP/1.1\r\nHost: a\r\rX: y\r\n\r\n", 400},
      {"a NUL in a value", get_with(std::string("X-A: o\0ne\r\n", 11)), 400},
      {"a NUL in a name", get_with(std::string("X\0A: one\r\n", 10)), 400},
      {"a control character in a value", get_with("X-A: \x01\r\n"), 400},
      {"a line feed after a chunk's size", post_with("Transfer-Encoding: chunked\r\n", "5\nhello\r\n0\r\n\r\n"), 400},
      {"a chunk longer than it says", post_with("Transfer-Encoding: chunked\r\n", "4\r\nhello\r\n0\r\n\r\n"), 400},
      {"a chunk without a size", post_with("Transfer-Encoding: chunked\r\n", "\r\nhello\r\n0\r\n\r\n"), 400},
      {"a signed chunk size", post_with("Transfer-Encoding: chunked\r\n", "+5\r\nhello\r\n0\r\n\r\n"), 400},
      {"a prefixed chunk size", post_with("Transfer-Encoding: chunked\r\n", "0x5\r\nhello\r\n0\r\n\r\n"), 400},
      {"a chunk size beyond 64 bits",
       post_with("Transfer-Encoding: chunked\r\n", "10000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(refusal_of(row.text) == row.status);
  }
}

TEST_CASE("what is no request of HTTP/1 is refused") {
  struct Row {
    std::string what;
    std::string text;
    int status;
  };
  const std::vector<Row> rows{
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two hosts", get_with("Host: b\r\n"), 400},
      {"a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"a host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
      {"a list of hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
      {"HTTP/0.9", "GET /\r\n", 400},
      {"HTTP/0.9, named", "GET / HTTP/0.9\r\n\r\n", 400},
      {"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"a made-up method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"a made-up method after an empty line", "\r\nBREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"a method in small letters", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"a method that starts as another", "GETS / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"a method that another starts with", "GE / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"a method of all signs", "!#$%&'*+-.^_`|~9 / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"a method of RTSP", "DESCRIBE / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"a method of RTSP in its protocol", "DESCRIBE / RTSP/1.0\r\nHost: a\r\n\r\n", 501},
      {"a method without an end", std::string(100'000, 'A'), 501},
      {"a method that is no token", "BR(EW / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a tab after the method", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a made-up method and nothing else", "BREW\r\n\r\n", 400},
      {"a made-up method with a line feed alone", "BREW\n", 400},
      {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501},
      {"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a target that is no path", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a target for the whole server", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a fragment", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a byte above ASCII in the target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"another expectation", get_with("Expect: miracles\r\n"), 417},
      {"two expectations", get_with("Expect: 100-continue\r\nExpect: 100-continue\r\n"), 417},
      {"TLS", "\x16\x03\x01\x02", 400},
      {"many empty lines", "\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(refusal_of(row.text) == row.status);
  }
}

TEST_CASE("what is unusual and allowed is taken") {
  struct Row {
    std::string what;
    std::string text;
    std::string target;
    std::string host;
    std::string body;
  };
  const std::vector<Row> rows{
      {"an empty line before it", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "/", "a", ""},
      {"an absolute target", "GET http://b:8/c?d HTTP/1.1\r\nHost: a\r\n\r\n", "/c?d", "b:8", ""},
      {"an absolute target without path", "GET HTTP://b?d HTTP/1.1\r\nHost: a\r\n\r\n", "/?d", "b", ""},
      {"an IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "/", "[::1]:80", ""},
      {"a length with zeros", post_with("Content-Length: 005\r\n", "hello"), "/", "a", "hello"},
      {"Chunked", post_with("transfer-encoding: Chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"), "/", "a", "hello"},
      {"a body with GET", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "/", "a", "hello"},
      {"another protocol offered", get_with("Connection: Upgrade\r\nUpgrade: h2c\r\n"), "/", "a", ""},
      {"bytes above ASCII in a value", get_with("X-A: \xc3\xa4\r\n"), "/", "a", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    REQUIRE(refusal_of(row.text) == 0);
    const Parsed parsed = parse(row.text);
    REQUIRE(parsed.requests.size() == 1);
    CHECK(parsed.requests[0].target == row.target);
    REQUIRE(parsed.requests[0].headers.find("Host") != nullptr);
    CHECK(*parsed.requests[0].headers.find("Host") == row.host);
    CHECK(parsed.bodies[0] == row.body);
  }
}

TEST_CASE("a method that only others have is read like any other") {
  for (const std::string name : {"PROPFIND", "TRACE", "M-SEARCH"}) {
    CAPTURE(name);
    const std::string request = name + " /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    REQUIRE(refusal_of(request + request) == 0);
    const Parsed parsed = parse(request + request);
    REQUIRE(parsed.requests.size() == 2);
    CHECK(parsed.requests[1].method == http::Method::other);
    CHECK(parsed.requests[1].target == "/a");
    CHECK(parsed.bodies[1] == "hi");
  }
}

TEST_CASE("each limit is exact") {
  const auto get_target = [](std::size_t size) {
    return "GET /" + std::string(size - 1, '/') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  CHECK(refusal_of(get_target(limits.target_bytes)) == 0);
  CHECK(refusal_of(get_target(limits.target_bytes + 1)) == 414);
  CHECK(refusal_of("GET /" + std::string(100'000, 'a')) == 414);

  const auto head_of = [](std::size_t size) {
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n";
  };
  CHECK(refusal_of(head_of(limits.head_bytes)) == 0);
  CHECK(refusal_of(head_of(limits.head_bytes + 1)) == 431);
  CHECK(refusal_of("GET / HTTP/1.1\r\n" + std::string(100'000, 'a')) == 431);

  const auto with_headers = [](std::size_t count) {
    std::string fields;
    for (std::size_t i = 1; i < count; ++i) fields += "a:b\r\n";
    return get_with(fields);
  };
  CHECK(refusal_of(with_headers(limits.header_count)) == 0);
  CHECK(refusal_of(with_headers(limits.header_count + 1)) == 431);

  const auto with_length = [](std::size_t size) {
    return post_with("Content-Length: " + std::to_string(size) + "\r\n", std::string(size, 'b'));
  };
  CHECK(refusal_of(with_length(max_body)) == 0);
  CHECK(refusal_of(with_length(max_body + 1)) == 413);

  const auto in_chunks = [](std::size_t size) {
    std::string body;
    for (std::size_t i = 0; i < size; ++i) body += "1\r\nb\r\n";
    return post_with("Transfer-Encoding: chunked\r\n", body + "0\r\n\r\n");
  };
  CHECK(refusal_of(in_chunks(max_body)) == 0);
  CHECK(refusal_of(in_chunks(max_body + 1)) == 413);
  CHECK(refusal_of(post_with("Transfer-Encoding: chunked\r\n", "FFFFFFFFFFFFFFFF\r\n")) == 413);
}

TEST_CASE("chunks that are all extension or trailer come to an end") {
  const std::string chunked = post_with("Transfer-Encoding: chunked\r\n", "");
  CHECK(parse(chunked + "1;" + std::string(1'000'000, 'x')).refused == 400);
  CHECK(parse(chunked + "0\r\n" + std::string(1'000'000, 'x')).refused == 400);
  std::string trailers;
  for (int i = 0; i < 100'000; ++i) trailers += "a:b\r\n";
  CHECK(parse(chunked + "0\r\n" + trailers).refused == 400);
}

TEST_CASE("a refused message is followed by nothing") {
  CHECK(parse("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").requests.empty());
}
