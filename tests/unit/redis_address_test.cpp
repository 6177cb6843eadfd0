#include <string>

#include <doctest/doctest.h>

#include "base/redis_address.hpp"

using namespace lms;

TEST_CASE("addresses of Redis") {
  const auto plain = parse_redis_address("redis://localhost");
  REQUIRE(plain);
  CHECK(plain->host == "localhost");
  CHECK(plain->port == 6379);
  CHECK(plain->database == 0);
  CHECK(plain->shown() == "localhost:6379");

  const auto whole = parse_redis_address("redis://lms:p%40ss%3Aword@[2001:db8::1]:6380/4");
  REQUIRE(whole);
  CHECK(whole->user == "lms");
  CHECK(whole->password == "p@ss:word");
  CHECK(whole->host == "2001:db8::1");
  CHECK(whole->database == 4);
  CHECK(whole->shown() == "[2001:db8::1]:6380");

  const auto password_alone = parse_redis_address("redis://:secret@cache.example.org:7000/");
  REQUIRE(password_alone);
  CHECK(password_alone->user.empty());
  CHECK(password_alone->password == "secret");

  const auto socket = parse_redis_address("unix://:secret@/run/redis.sock?db=2");
  REQUIRE(socket);
  CHECK(socket->socket == "/run/redis.sock");
  CHECK(socket->password == "secret");
  CHECK(socket->database == 2);
  CHECK(socket->shown() == "/run/redis.sock");
}

TEST_CASE("what is no address of Redis") {
  for (const char* text : {"",
                           "redis://",
                           "redis:///0",
                           "localhost:6379",
                           "http://localhost",
                           "rediss://localhost",
                           "redis://localhost:0",
                           "redis://localhost:65536",
                           "redis://localhost:a",
                           "redis://localhost/a",
                           "redis://localhost/-1",
                           "redis://user@localhost",
                           "redis://:@localhost",
                           "redis://:%zz@localhost",
                           "redis://[::1",
                           "redis://[::1]1",
                           "redis://a b",
                           "redis://localhost/0/1",
                           "unix://relative",
                           "unix:///sock?database=1",
                           "unix:///sock?db=x"})
    CHECK_MESSAGE(!parse_redis_address(text), std::string(text));
}
