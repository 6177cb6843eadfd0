#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include <lms/totp.hpp>

#include "support/school.hpp"

using namespace lms;
using lms::test::Answered;
using lms::test::School;

namespace {

const std::string key = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";

Settings settings_with(std::vector<std::string> keys) {
  Settings settings = School::quick_settings();
  settings.encryption_keys = std::move(keys);
  return settings;
}

/// `crypt` of libxcrypt made it of the password that everybody in these tests has.
constexpr const char* imported_hash = "$2b$04$CCCCCCCCCCCCCCCCCCCCC.PEkyOQ3.fP17nRPOFwu2V9QhDVkFThW";

User with_hash(School& school, const char* email, const std::string& hash) {
  school.signed_in(email);
  return school.lms.storage().write([&](UnitOfWork& uow) {
    Repository<User> users(uow);
    User user = *users.first(equal("email_key", std::string(email)));
    user.password_hash = hash;
    users.update(user);
    return user;
  });
}

std::string hash_of(School& school, const User& user) {
  return school.lms.storage().read([&](UnitOfWork& uow) { return Repository<User>(uow).get(user.id).password_hash; });
}

int login(School& school, const char* email, const char* password = School::password) {
  return school.post("/auth/login", Object{{"email", email}, {"password", password}}).status;
}

}  // namespace

TEST_CASE("a school gives its storage the keys of the settings") {
  School school(settings_with({key}));
  const auto fernet = school.lms.storage().cipher().fernet();
  CHECK(fernet->decrypt(fernet->encrypt("x")) == "x");
}

TEST_CASE("a school without keys makes none up, and leaves those that its storage was given") {
  CHECK_FALSE(School().lms.storage().cipher().has_keys());
  const std::shared_ptr<Storage> storage = open_memory_storage();
  storage->cipher().use(School(settings_with({key})).lms.storage().cipher().fernet());
  const School school(School::quick_settings(), storage);
  CHECK(storage->cipher().has_keys());
}

TEST_CASE("a school does not begin with a bad key, and does not show it") {
  try {
    School school(settings_with({key, "hunter2"}));
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::invalid);
    REQUIRE(error.faults().size() == 1);
    CHECK(error.faults()[0].message.starts_with("key 2 of 2 is no Fernet key"));
    CHECK(error.faults()[0].message.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("a storage goes on encrypting when its school is gone") {
  const std::shared_ptr<Storage> storage = open_memory_storage();
  { const School school(settings_with({key}), storage); }
  const auto fernet = storage->cipher().fernet();
  CHECK(fernet->decrypt(fernet->encrypt("x"), std::chrono::seconds{60}) == "x");
}

TEST_CASE("who comes from a system that hashed with bcrypt signs in, and is hashed anew") {
  School school;
  const User user = with_hash(school, "ada@example.org", imported_hash);
  CHECK(login(school, "ada@example.org", "another password") == 401);
  CHECK(hash_of(school, user) == imported_hash);
  CHECK(login(school, "ada@example.org") == 200);
  CHECK(hash_of(school, user).starts_with("$argon2id$"));
  CHECK(login(school, "ada@example.org") == 200);
  CHECK(login(school, "ada@example.org", "another password") == 401);
}

TEST_CASE("a broken or far too costly hash of bcrypt lets nobody in") {
  School school;
  with_hash(school, "ada@example.org", "$2b$31$CCCCCCCCCCCCCCCCCCCCC.PEkyOQ3.fP17nRPOFwu2V9QhDVkFThW");
  CHECK(login(school, "ada@example.org") == 401);
  with_hash(school, "eve@example.org", "$2b$04$");
  CHECK(login(school, "eve@example.org") == 401);
}

TEST_CASE("a second factor whose key is lost is still seen and taken off") {
  const std::shared_ptr<Storage> storage = open_memory_storage();
  const std::string path = [&] {
    School school(settings_with({key}), storage);
    const std::string ada = school.signed_in("ada@example.org");
    const Value proof = Object{{"password", School::password}};
    const std::string secret = school.post("/auth/setup-mfa", proof, ada).text("secret");
    const std::string code = totp::code(secret, totp::step_at(school.clock->now()));
    REQUIRE(school.post("/auth/verify-mfa-setup", Object{{"code", code}}, ada).status == 200);
    return "/users/" + school.get("/users/me", ada).text("id");
  }();
  School school(settings_with({"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}), storage);
  const std::string admin = school.signed_in("head@example.org", role::admin);
  const auto exported = school.lms.personal_data().export_person(Principal::system(), *UserId::parse(path.substr(7)));
  std::string text;
  std::array<char, 4096> buffer;
  while (const std::size_t count = exported->read(buffer)) text.append(buffer.data(), count);
  CHECK(parse_json(text)["second_factor"].as_array().size() == 1);
  CHECK(school.del(path + "/mfa", admin).status == 204);
  CHECK(login(school, "ada@example.org") == 200);
}
