#include <doctest/doctest.h>

#include <string>

#include <lms/error.hpp>
#include <lms/spi/http_client.hpp>
#include <lms/testing/fake_http_client.hpp>

namespace {

using namespace lms;
using testing::FakeHttpClient;

HttpRequest to(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

/// What is wrong with a request; empty if it can be sent.
std::string fault(const HttpRequest& request) {
  FakeHttpClient client;
  client.answer(204);
  try {
    client.send(request);
    CHECK(client.requests().size() == 1);
    return {};
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid);
    CHECK(client.requests().empty());
    return std::get<std::string>(error.faults().at(0).loc.at(1)) + ": " + error.faults().at(0).message;
  }
}

}  // namespace

TEST_CASE("no client sends what is no request") {
  CHECK(fault(to("https://example.org/a?b=c")).empty());
  for (const std::string url : {"", "example.org", "ftp://example.org", "file:///etc/passwd", "https://", "https:///a",
                                "https://me:secret@example.org/", "https://example.org/a b",
                                "https://example.org/\r\nX: y", "https://bücher.example/"}) {
    CAPTURE(url);
    CHECK(fault(to(url)).starts_with("url: must be an http or https address"));
  }

  HttpRequest request = to("https://example.org/");
  for (const std::string method : {"", "GE T", "GET\r\nX: y"}) {
    request.method = method;
    CHECK(fault(request).starts_with("method: "));
  }
  request.method = "POST";
  for (const std::string& value : {std::string("a\r\nX: y"), std::string("a\nb"), std::string("a\rb"),
                                   std::string("a\0b", 3), std::string("a\x7F")}) {
    request.headers = {{"X-Secret", value}};
    CHECK(fault(request) == "headers: must have no line break or control character in X-Secret");
  }
  for (const std::string name : {"", "A B", "A:", "A\r\nB", "Ä"}) {
    request.headers = {{name, "x"}};
    CHECK(fault(request).starts_with("headers: must have names without blanks"));
  }
  for (const std::string name : {"Host", "content-length", "Transfer-Encoding", "connection"}) {
    request.headers = {{name, "x"}};
    CHECK(fault(request) == "headers: must not have " + name + ", which the client sees to");
  }
  request.headers = {{"X-Text", "a\tb; ü=\"c\""}, {"X-Empty", ""}};
  CHECK(fault(request).empty());
  request.timeout = std::chrono::milliseconds(0);
  CHECK(fault(request) == "timeout: must be a millisecond at least");
}

TEST_CASE("a response finds its headers whatever their case") {
  const HttpResponse response{200, {{"Content-Type", "text/plain"}, {"X-A", "1"}, {"x-a", "2"}}, "body"};
  REQUIRE(response.header("content-TYPE"));
  CHECK(*response.header("content-TYPE") == "text/plain");
  CHECK(*response.header("X-A") == "1");
  CHECK(response.header("X") == nullptr);
}

TEST_CASE("a fake client answers in order and keeps what it was asked") {
  FakeHttpClient client;
  client.answer(200, "first");
  client.fail(unavailable("request_timeout", "too slow"));
  client.answer([](const HttpRequest& request) { return HttpResponse{201, {}, request.body}; });

  HttpRequest request = to("https://example.org/a");
  CHECK(client.send(request).body == "first");
  try {
    client.send(request);
    FAIL("the second was to fail");
  } catch (const Error& error) {
    CHECK(error.reason() == "request_timeout");
  }
  request.method = "POST";
  request.body = "said";
  CHECK(client.send(request).status == 201);
  CHECK_THROWS_AS(client.send(request), Error);
  client.answer_all_others([](const HttpRequest&) { return HttpResponse{204, {}, {}}; });
  CHECK(client.send(request).status == 204);

  REQUIRE(client.requests().size() == 5);
  CHECK(client.requests()[0].method == "GET");
  CHECK(client.requests()[2].body == "said");
}

TEST_CASE("addresses of the public internet are told from all others") {
  for (const std::string address :
       {"1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.1", "100.63.255.255", "192.0.1.1", "198.17.255.255",
        "223.255.255.255", "2606:4700::1111", "2a00::1", "::ffff:8.8.8.8", "64:ff9b::808:808"}) {
    CAPTURE(address);
    CHECK(is_public_address(address));
  }
  for (const std::string address : {"0.0.0.0",
                                    "10.1.2.3",
                                    "100.64.0.1",
                                    "127.0.0.1",
                                    "127.255.255.255",
                                    "169.254.169.254",
                                    "172.16.0.1",
                                    "172.31.255.255",
                                    "192.0.0.1",
                                    "192.0.2.1",
                                    "192.88.99.1",
                                    "192.168.1.1",
                                    "198.18.0.1",
                                    "198.51.100.1",
                                    "203.0.113.1",
                                    "224.0.0.1",
                                    "240.0.0.1",
                                    "255.255.255.255",
                                    "::",
                                    "::1",
                                    "::ffff:127.0.0.1",
                                    "::ffff:10.0.0.1",
                                    "::ffff:a9fe:a9fe",
                                    "::7f00:1",
                                    "64:ff9b::7f00:1",
                                    "64:ff9b:1::1",
                                    "100::1",
                                    "2001::1",
                                    "2001:db8::1",
                                    "2002:7f00:1::",
                                    "3fff::1",
                                    "fc00::1",
                                    "fd12::1",
                                    "fe80::1",
                                    "fec0::1",
                                    "ff02::1",
                                    "",
                                    "localhost",
                                    "2130706433",
                                    "0x7f000001",
                                    "127.1",
                                    "8.8.8.8/32",
                                    "[::1]",
                                    "fe80::1%eth0"}) {
    CAPTURE(address);
    CHECK_FALSE(is_public_address(address));
  }
}
