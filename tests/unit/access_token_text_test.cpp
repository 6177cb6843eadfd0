#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <string>

#include <lms/access_token.hpp>
#include <lms/principal.hpp>
#include <lms/router.hpp>
#include <lms/testing/seeded_random.hpp>

#include "auth/access_token_text.hpp"

using namespace lms;
using testing::SeededRandom;

TEST_CASE("CRC-32 is that of ISO 3309") {
  CHECK(crc32("") == 0);
  CHECK(crc32("123456789") == 0xCBF43926);
  CHECK(crc32(std::string(32, '\xff')) == 0xFF6CAB0B);
}

TEST_CASE("the text of an access token has a known form") {
  SeededRandom random;
  std::set<std::string> texts;
  for (int i = 0; i < 1'000; ++i) {
    const std::string text = make_access_token(random);
    CHECK(text.size() == 43);
    CHECK(text.starts_with("lmspat_"));
    CHECK(text.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 7) ==
          std::string::npos);
    CHECK(is_access_token(text));
    texts.insert(text);
  }
  CHECK(texts.size() == 1'000);
  // By another program: zlib.crc32 in base 62, digits first, capitals before small letters.
  CHECK(is_access_token("lmspat_0000000000000000000000000000002C8GjS"));
  CHECK(is_access_token("lmspat_abcdefghijklmnopqrstuvwxyzABCD4dNndU"));
}

TEST_CASE("one character more, less or other makes it no access token") {
  SeededRandom random;
  const std::string good = make_access_token(random);
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string other = good;
      other[i] = static_cast<char>(byte);
      CHECK(is_access_token(other) == (other == good));
    }
    std::string shorter = good;
    CHECK_FALSE(is_access_token(shorter.erase(i, 1)));
    CHECK_FALSE(is_access_token(good.substr(0, i)));
    std::string longer = good;
    CHECK_FALSE(is_access_token(longer.insert(i, 1, good[i])));
  }
  CHECK_FALSE(is_access_token(good + ' '));
  CHECK_FALSE(is_access_token(good + std::string(10'000, 'x')));
  CHECK_FALSE(is_access_token(good + '\0'));
}

TEST_CASE("what is no token is refused, whatever bytes it has") {
  SeededRandom random;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = i % 2 == 0 ? std::string(access_token_prefix) : std::string();
    const std::size_t length = random.below(80);
    for (std::size_t k = 0; k < length; ++k) text += static_cast<char>(random.below(256));
    CHECK_FALSE(is_access_token(text));
    CHECK_THROWS_AS(AccessTokens::digest_of(text), Error);
  }
}

TEST_CASE("a scope holds the one that reads the same, and nothing else") {
  const UserId user{*Uuid::parse("018f3b5e-7a00-7000-8000-000000000001")};
  const Principal signed_in(user, std::string(role::student), std::make_shared<const Roles>());
  CHECK(signed_in.has_scope("courses:write"));
  CHECK_FALSE(signed_in.access_token());

  const AccessTokenId id(*Uuid::parse("018f3b5e-7a00-7000-8000-000000000002"));
  const Principal token = signed_in.by(id, {"courses:write", "users:read"}).from("192.0.2.7");
  CHECK(token.access_token() == id);
  CHECK(token.user() == user);
  for (const char* held : {"courses:write", "courses:read", "users:read"}) CHECK(token.has_scope(held));
  for (const char* other : {"users:write", "course:read", "courses", "courses:", ":read", "", "xcourses:read",
                            "courses:write:read", "courses:admin"})
    CHECK_FALSE(token.has_scope(other));
  CHECK_FALSE(signed_in.by(id, {}).has_scope("courses:read"));
}

TEST_CASE("a route's scope comes from its tag and method") {
  const auto scope = [](http::Method method, const std::string& tag, bool ignores_token = false) {
    Route route;
    route.method = method;
    route.tag = tag;
    route.ignores_token = ignores_token;
    return scope_of(route);
  };
  using enum http::Method;
  CHECK(scope(get, "courses") == "courses:read");
  CHECK(scope(head, "courses") == "courses:read");
  for (const auto method : {post, put, http::Method::patch, del}) CHECK(scope(method, "courses") == "courses:write");
  CHECK(scope(get, "auth").empty());
  CHECK(scope(get, "").empty());
  CHECK(scope(get, "health", true).empty());
  CHECK(scope(get, "Pay: \"cash\"\xc3\xa9") == "Pay---cash---:read");

  Router router;
  const auto add = [&](http::Method method, const std::string& path, const std::string& tag) {
    Route route;
    route.method = method;
    route.path = path;
    route.operation = path.substr(1);
    route.tag = tag;
    route.summary = "A route";
    route.output_mode = Output::free;
    route.handler = [](Call&) { return no_content(); };
    router.add(std::move(route));
  };
  add(get, "/pens", "pens");
  add(get, "/pens-of-mine", "pens");
  add(post, "/ink", "ink");
  add(get, "/me", "auth");
  CHECK(router.scopes() == std::vector<std::string>{"ink:write", "pens:read"});
}
