#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <lms/error.hpp>

#include "http/client_address.hpp"
#include "http/host.hpp"

using namespace lms;

namespace {

http::Request from(std::string peer, http::Headers headers = {}) {
  return {
      .method = http::Method::get, .target = "/", .headers = std::move(headers), .body = {}, .peer = std::move(peer)};
}

const TrustedProxies proxies({"10.0.0.0/8", "192.0.2.7", "2001:db8::/32"});

}  // namespace

TEST_CASE("without trusted proxies the peer is the client, whatever it claims") {
  const TrustedProxies none({});
  CHECK(none.client_address(from("10.0.0.1", {{"X-Forwarded-For", "203.0.113.9"}})) == "10.0.0.1");
  CHECK(proxies.client_address(from("203.0.113.1", {{"X-Forwarded-For", "198.51.100.1"}})) == "203.0.113.1");
}

TEST_CASE("a trusted proxy is believed, from the right, as far as the proxies go") {
  CHECK(proxies.client_address(from("10.1.2.3", {{"X-Forwarded-For", "203.0.113.9"}})) == "203.0.113.9");
  CHECK(proxies.client_address(from("10.1.2.3", {{"X-Forwarded-For", "1.1.1.1, 203.0.113.9, 192.0.2.7"}})) ==
        "203.0.113.9");
  CHECK(proxies.client_address(from("10.1.2.3", {{"X-Forwarded-For", "10.0.0.5, 10.0.0.6"}})) == "10.0.0.5");
  CHECK(proxies.client_address(
            from("10.1.2.3", {{"X-Forwarded-For", "6.6.6.6"}, {"X-Forwarded-For", "203.0.113.9"}})) == "203.0.113.9");
  CHECK(proxies.client_address(from("::ffff:10.1.2.3", {{"X-Forwarded-For", "203.0.113.9"}})) == "203.0.113.9");
}

TEST_CASE("hops may carry ports and brackets") {
  CHECK(proxies.client_address(from("10.1.2.3", {{"X-Forwarded-For", "203.0.113.9:4711"}})) == "203.0.113.9");
  CHECK(proxies.client_address(from("10.1.2.3", {{"X-Forwarded-For", "[2001:DB9::1]:4711"}})) == "2001:db9::1");
  CHECK(proxies.client_address(from("10.1.2.3", {{"X-Forwarded-For", "2001:db9::1"}})) == "2001:db9::1");
}

TEST_CASE("what is unreadable ends the walk") {
  CHECK(proxies.client_address(from("10.1.2.3", {{"X-Forwarded-For", "203.0.113.9, unknown"}})) == "10.1.2.3");
  CHECK(proxies.client_address(from("10.1.2.3", {{"X-Forwarded-For", "203.0.113.9, ["}})) == "10.1.2.3");
  CHECK(proxies.client_address(from("10.1.2.3", {{"X-Forwarded-For", ", ,"}})) == "10.1.2.3");
}

TEST_CASE("an open quote does not swallow what the proxy wrote") {
  CHECK(proxies.client_address(from("10.1.2.3", {{"X-Forwarded-For", "\"x, 203.0.113.9"}})) == "203.0.113.9");
  CHECK(proxies.client_address(from("10.1.2.3", {{"Forwarded", "for=\"x, for=203.0.113.9"}})) == "203.0.113.9");
}

TEST_CASE("Forwarded is read where there is no X-Forwarded-For") {
  CHECK(proxies.client_address(
            from("10.1.2.3", {{"Forwarded", "for=1.1.1.1, For=\"[2001:db9::17]:4711\";proto=https;by=10.0.0.1"}})) ==
        "2001:db9::17");
  CHECK(proxies.client_address(from("10.1.2.3", {{"Forwarded", "for=1.1.1.1"}, {"X-Forwarded-For", "2.2.2.2"}})) ==
        "2.2.2.2");
  CHECK(proxies.client_address(from("10.1.2.3", {{"Forwarded", "by=1.1.1.1"}})) == "10.1.2.3");
}

TEST_CASE("TLS is what the connection has, or what a trusted proxy says") {
  auto direct = from("203.0.113.1");
  CHECK_FALSE(proxies.is_secure(direct));
  direct.secure = true;
  CHECK(proxies.is_secure(direct));
  CHECK_FALSE(proxies.is_secure(from("203.0.113.1", {{"X-Forwarded-Proto", "https"}})));
  CHECK(proxies.is_secure(from("10.0.0.1", {{"X-Forwarded-Proto", "HTTPS"}})));
  CHECK_FALSE(proxies.is_secure(from("10.0.0.1", {{"X-Forwarded-Proto", "https, http"}})));
  CHECK(proxies.is_secure(from("10.0.0.1", {{"Forwarded", "for=1.1.1.1;proto=https"}})));
}

TEST_CASE("a trusted proxy that is no address or range is refused by name") {
  for (const char* bad : {"", "proxy.example.org", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "::/129", "10.0.0", "/8",
                          "10.0.0.0/-1", "10.0.0.0/8/8"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(TrustedProxies({bad}), Error);
  }
  CHECK_NOTHROW(TrustedProxies({"0.0.0.0/0", "::/0", "127.0.0.1/32"}));
}

TEST_CASE("an IPv4 range holds no IPv6 address") {
  const TrustedProxies all_v4({"0.0.0.0/0"});
  CHECK(all_v4.client_address(from("::1", {{"X-Forwarded-For", "1.1.1.1"}})) == "::1");
  const TrustedProxies half({"10.0.0.0/9"});
  CHECK(half.client_address(from("10.127.0.1", {{"X-Forwarded-For", "1.1.1.1"}})) == "1.1.1.1");
  CHECK(half.client_address(from("10.128.0.1", {{"X-Forwarded-For", "1.1.1.1"}})) == "10.128.0.1");
}

TEST_CASE("hosts are compared without port, case and final dot") {
  const std::vector<std::string> allowed{"school.example", ".campus.example", "[::1]"};
  for (const char* good : {"school.example", "School.Example:8000", "school.example.", "school.example.:80",
                           "campus.example", "a.b.campus.example", "[::1]:8000", "[::1]"}) {
    CAPTURE(good);
    CHECK(is_allowed_host(good, allowed));
  }
  for (const char* bad : {"", "evil.example", "school.example.evil.example", "a.school.example", "notcampus.example",
                          "[::2]", "school.example@evil.example", "school.example:80:80", "school.example:65536",
                          "school.example:8o", "..campus.example", ".campus.example", "a..campus.example", "[::1]80"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_allowed_host(bad, allowed));
  }
  CHECK(is_allowed_host("anything", {"*"}));
  CHECK(is_allowed_host("", {"*"}));
}
