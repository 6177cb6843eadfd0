#include <algorithm>
#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <lms/error.hpp>
#include <lms/password.hpp>

#include "base/crypto.hpp"
#include "base/encoding.hpp"

using namespace lms;

namespace {

constexpr PasswordHasher::Options cheap{.memory_kib = 64, .iterations = 1, .parallelism = 1};

std::string hmac_hex(std::string_view key, std::string_view message) {
  return to_hex(hmac_sha256(key, message));
}

}  // namespace

TEST_CASE("SHA-256 gives the digests of FIPS 180-4") {
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("HMAC-SHA-256 gives the digests of RFC 4231") {
  CHECK(hmac_hex(std::string(20, '\x0b'), "Hi There") ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hmac_hex("Jefe", "what do ya want for nothing?") ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hmac_hex(std::string(20, '\xaa'), std::string(50, '\xdd')) ==
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  CHECK(hmac_hex(*from_hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), std::string(50, '\xcd')) ==
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  CHECK(hmac_hex(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First") ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  CHECK(
      hmac_hex(std::string(131, '\xaa'),
               "This is a test using a larger than block-size key and a larger than block-size data. The key needs to "
               "be hashed before being used by the HMAC algorithm.") ==
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST_CASE("an empty key and an empty message are keys and messages too") {
  CHECK(hmac_hex("", "") == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  CHECK(hmac_hex({}, {}) == hmac_hex("", ""));
}

TEST_CASE("texts are compared whole") {
  CHECK(constant_time_equal("abc", "abc"));
  CHECK(constant_time_equal("", ""));
  CHECK_FALSE(constant_time_equal("abc", "abd"));
  CHECK_FALSE(constant_time_equal("abc", "ab"));
  CHECK_FALSE(constant_time_equal(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
}

TEST_CASE("wiping leaves nothing") {
  std::string secret = "hunter2";
  wipe(secret.data(), secret.size());
  CHECK(secret == std::string(7, '\0'));
}

TEST_CASE("hashes of the Argon2 reference implementation verify") {
  // From the test vectors of phc-winner-argon2; those of RFC 9106 use a pepper, for which PHC strings have no place.
  CHECK(argon2id_verify("password",
                        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"));
  CHECK(argon2id_verify("password",
                        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"));
  CHECK_FALSE(argon2id_verify("Password",
                              "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"));
  CHECK(argon2id_hash("password", "somesalt", {256, 2, 1}) ==
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4");
}

TEST_CASE("what is no PHC string of Argon2id never verifies and never throws") {
  for (const char* phc :
       {"", "password", "$", "$argon2id$", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$",
        "$argon2id$v=19$m=256,t=2,p=1$$",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4=",
        "$argon2id$v=18$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=-1,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=99999999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=4294967295,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"}) {
    CAPTURE(phc);
    CHECK_FALSE(argon2id_verify("password", phc));
  }
}

TEST_CASE("a hash is made anew when the asked effort rises, not when it falls") {
  const std::string phc = argon2id_hash("x", "somesalt", {256, 2, 1});
  CHECK_FALSE(argon2id_needs_rehash(phc, {256, 2, 1}));
  CHECK_FALSE(argon2id_needs_rehash(phc, {128, 1, 1}));
  CHECK(argon2id_needs_rehash(phc, {257, 2, 1}));
  CHECK(argon2id_needs_rehash(phc, {256, 3, 1}));
  CHECK(argon2id_needs_rehash(phc, {256, 2, 2}));
  CHECK(argon2id_needs_rehash("$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", {256, 2, 1}));
  CHECK(argon2id_needs_rehash("", {256, 2, 1}));
}

TEST_CASE("hashes of other implementations of bcrypt verify") {
  // From the tests of crypt_blowfish.
  CHECK(bcrypt_verify("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
  CHECK(bcrypt_verify("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"));
  const std::string hash_of_72 = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
  const std::string long_one = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  CHECK(bcrypt_verify(long_one + "chars after 72 are ignored", hash_of_72));
  CHECK(bcrypt_verify(long_one, hash_of_72));
  CHECK(bcrypt_verify(long_one + std::string(1'000, 'x'), hash_of_72));
  CHECK_FALSE(bcrypt_verify(long_one.substr(0, 71), hash_of_72));
  // Of Python's crypt.
  CHECK(bcrypt_verify("correct horse battery", "$2b$04$CCCCCCCCCCCCCCCCCCCCC.PEkyOQ3.fP17nRPOFwu2V9QhDVkFThW"));
  CHECK(bcrypt_verify("correct horse battery", "$2y$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS"));
  CHECK(bcrypt_verify("contraseña", "$2b$04$abcdefghijklmnopqrstuuLaCIQape1Us.7uaTxuB2NJlnxhETgMe"));
  CHECK_FALSE(bcrypt_verify("contrasena", "$2b$04$abcdefghijklmnopqrstuuLaCIQape1Us.7uaTxuB2NJlnxhETgMe"));
  CHECK_FALSE(bcrypt_verify("", "$2b$04$abcdefghijklmnopqrstuuLaCIQape1Us.7uaTxuB2NJlnxhETgMe"));
}

TEST_CASE("to bcrypt a password with a NUL is none, whatever stands before it") {
  const std::string hash = "$2b$04$CCCCCCCCCCCCCCCCCCCCC.PEkyOQ3.fP17nRPOFwu2V9QhDVkFThW";
  CHECK_FALSE(bcrypt_verify(std::string_view("correct horse battery\0", 22), hash));
  CHECK_FALSE(bcrypt_verify(std::string_view("correct horse battery\0x", 23), hash));
  CHECK_FALSE(bcrypt_verify(std::string(72, 'x') + std::string(1, '\0'), hash));
}

TEST_CASE("what is no hash of bcrypt, or too costly a one, never verifies") {
  const std::string rest = "CCCCCCCCCCCCCCCCCCCCC.PEkyOQ3.fP17nRPOFwu2V9QhDVkFThW";
  CHECK(bcrypt_verify("correct horse battery", "$2b$04$" + rest));
  for (const std::string& hash :
       {std::string(), std::string("*0"), std::string("$2b$"), std::string("$2b$04$"), "$2b$03$" + rest,
        "$2b$15$" + rest, "$2b$31$" + rest, "$2b$99$" + rest, "$2b$4$$" + rest, "$2b$ 4$" + rest, "$2b$04." + rest,
        "$2x$04$" + rest, "$2$004$" + rest, "$2b$04$" + rest + "x", "$2b$04$" + rest.substr(1),
        "$2b$04$!" + rest.substr(1), "$2b$04$" + rest.substr(0, 30) + ":" + rest.substr(31),
        "$2b$04$" + rest.substr(0, 20) + std::string(1, '\0') + rest.substr(21),
        std::string("$6$rounds=5000$saltsaltsalt$0123456789012345678901234567890")}) {
    CAPTURE(hash);
    CHECK_FALSE(bcrypt_verify("correct horse battery", hash));
  }
}

TEST_CASE("a hasher verifies bcrypt's hashes, and wants them made anew") {
  SystemRandom random;
  PasswordHasher hasher(random, cheap);
  const std::string hash = "$2b$04$CCCCCCCCCCCCCCCCCCCCC.PEkyOQ3.fP17nRPOFwu2V9QhDVkFThW";
  CHECK(hasher.verify("correct horse battery", hash));
  CHECK_FALSE(hasher.verify("correct horse batterx", hash));
  CHECK(hasher.needs_rehash(hash));
}

TEST_CASE("Argon2 says what it does not accept") {
  CHECK_THROWS_AS(argon2id_hash("x", "short", {256, 2, 1}), Error);
  CHECK_THROWS_AS(argon2id_hash("x", "somesalt", {256, 0, 1}), Error);
  CHECK_THROWS_AS(argon2id_hash("x", "somesalt", {1, 1, 1}), Error);
}

TEST_CASE("a hashed password verifies, with a salt of its own and the options' cost") {
  SystemRandom random;
  PasswordHasher hasher(random, cheap);
  const std::string first = hasher.hash("correct horse");
  const std::string second = hasher.hash("correct horse");
  CHECK(first.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
  CHECK(first != second);
  CHECK(hasher.verify("correct horse", first));
  CHECK(hasher.verify("correct horse", second));
  CHECK_FALSE(hasher.verify("correct horsf", first));
  CHECK_FALSE(hasher.verify("", first));
  CHECK_FALSE(hasher.verify("correct horse", "nonsense"));
  CHECK_FALSE(hasher.needs_rehash(first));
  CHECK(PasswordHasher(random).needs_rehash(first));
  CHECK_NOTHROW(hasher.verify_nothing("anything"));
}

TEST_CASE("bytes of any kind are a password, and each of them counts") {
  SystemRandom random;
  PasswordHasher hasher(random, cheap);
  const std::string phc = hasher.hash(std::string_view("a\0b", 3));
  CHECK(hasher.verify(std::string_view("a\0b", 3), phc));
  CHECK_FALSE(hasher.verify("a", phc));
  CHECK_FALSE(hasher.verify(std::string_view("a\0c", 3), phc));
  CHECK(hasher.verify("", hasher.hash("")));
}

TEST_CASE("a flood of passwords waits in line as long as there is room, and is turned away where there is none") {
  SystemRandom random;
  constexpr int callers = 8;
  const auto flood = [&](std::size_t max_waiting) {
    PasswordHasher hasher(random,
                          {.memory_kib = 8192, .iterations = 2, .max_concurrent = 1, .max_waiting = max_waiting});
    std::latch together(callers);
    std::atomic<int> refused = 0;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < callers; ++i)
        threads.emplace_back([&] {
          together.arrive_and_wait();
          try {
            hasher.verify_nothing("x");
          } catch (const Error& error) {
            if (error.code() == ErrorCode::unavailable && error.reason() == "password_hashing_busy" &&
                error.retry_after() == std::chrono::seconds(1))
              ++refused;
          }
        });
    }
    CHECK_NOTHROW(hasher.verify_nothing("afterwards there is room again"));
    return refused.load();
  };
  CHECK(flood(callers) == 0);
  int refused = 0;
  for (int round = 0; round < 50 && refused == 0; ++round) refused = flood(0);
  CHECK(refused > 0);
  CHECK(refused < callers);
}

TEST_CASE("a hash that others made may keep a core busy for about a second, and no longer") {
  const auto hash = [](const std::string& cost) {
    return "$argon2id$v=19$" + cost + "$c29tZXNhbHRzb21lc2FsdA$" + std::string(43, 'A');
  };
  CHECK(is_password_hash(hash("m=65536,t=16,p=1")));
  CHECK_FALSE(is_password_hash(hash("m=65536,t=17,p=1")));
  CHECK(is_password_hash(hash("m=1048576,t=1,p=4")));
  CHECK_FALSE(is_password_hash(hash("m=1048576,t=2,p=4")));
}
