#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <lms/password.hpp>
#include <lms/testing/seeded_random.hpp>
#include <lms/user.hpp>

#include "base/weak_password.hpp"

using namespace lms;

namespace {

std::string refusal(const std::string& password, const char* email = "amina.okafor@example.org",
                    const char* name = "Amina Okafor") {
  try {
    PasswordPolicy{}.check(password, email, name);
  } catch (const Error& error) {
    REQUIRE(error.faults().size() == 1);
    CHECK(error.faults()[0].message.find(password) == std::string::npos);
    return error.faults()[0].type;
  }
  return {};
}

}  // namespace

TEST_CASE("passwords that everybody would guess are too common") {
  for (const char* text :
       {"password",  "Password1!",  "PASSWORD2026", "p@ssw0rd",   "12345678",  "87654321", "1234567890", "00000000",
        "aaaaaaaa",  "abababab",    "abcabcabc",    "20202020",   "abcdefgh",  "zyxwvuts", "qwertyui",   "Qwerty123",
        "asdfghjkl", "poiuytrewq",  "1qaz2wsx",     "abcd1234",   "iloveyou2", "trustno1", "welcome1",   "Admin123!",
        "student1",  "Contraseña1", "12345678910",  "1q2w3e4r5t", "11112222",  "aa123456", "123qweasd",  "abc12345"}) {
    CAPTURE(text);
    CHECK(is_too_common(text));
    CHECK(refusal(text) == "value_error.password.too_common");
  }
}

TEST_CASE("passwords made of the person's own address or name are refused") {
  CHECK(refusal("amina.okafor@example.org") == "value_error.password.email");
  CHECK(refusal("Amina.Okafor1") == "value_error.password.email");
  CHECK(refusal("aminaokafor", "x@example.org") == "value_error.password.name");
  CHECK(refusal("OKAFOR1987", "x@example.org") == "value_error.password.name");
  CHECK(refusal("nguyen-minh-anh", "x@example.org", "Nguyễn Minh Anh") == "value_error.password.name");
}

TEST_CASE("other passwords pass, whatever they are made of") {
  for (const char* text : {"correct horse battery", "learn-by-doing", "the head of this school", "another password",
                           "amina likes long walks", "x7$kQ2!z", "пароль для школы", "密码应该很长很长", "a83641907"}) {
    CAPTURE(text);
    CHECK(refusal(text).empty());
  }
  CHECK(refusal("a83641907", "a@example.org", "A").empty());
  CHECK(refusal("correct horse battery", "x@example.org", "!!!").empty());
}

TEST_CASE("no password is hashed at a cost that would not be paid to verify it") {
  testing::SeededRandom random;
  CHECK_NOTHROW(PasswordHasher(random, {.memory_kib = 1024 * 1024, .iterations = 64}));
  CHECK_THROWS_AS(PasswordHasher(random, {.memory_kib = 1024 * 1024 + 1}), Error);
  CHECK_THROWS_AS(PasswordHasher(random, {.iterations = 65}), Error);
}
