#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include <lms/backends/memory.hpp>
#include <lms/repository.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/seeded_random.hpp>

using namespace lms;

namespace {

struct Safe {
  CourseId id;
  std::string owner;
  std::string code;
  std::optional<std::string> hint;

  static const Schema& schema() {
    static const Schema schema = define<Safe>("Safe", "")
                                     .table("safes")
                                     .key("id", &Safe::id)
                                     .field("owner", &Safe::owner)
                                     .field("code", &Safe::code, {.max_length = 8, .encrypted = true})
                                     .field("hint", &Safe::hint, {.encrypted = true})
                                     .unique({"owner"});
    return schema;
  }
};

/// Need not have a secret.
struct Account {
  std::string name;
  std::optional<std::string> secret;
  std::int64_t logins = 0;

  static const Schema& schema() {
    static const Schema schema = define<Account>("Account", "")
                                     .table("accounts")
                                     .key("name", &Account::name)
                                     .field("secret", &Account::secret, {.encrypted = true})
                                     .field("logins", &Account::logins);
    return schema;
  }
};

enum class Colour { red };
constexpr auto names_of(Colour) {
  return std::array<std::string_view, 1>{"red"};
}

struct Odd {
  std::string id, text;
  Colour colour = Colour::red;
  std::int64_t number = 0;
  std::vector<std::string> list;
  Safe safe;
  std::vector<Safe> safes;
};

Definition<Odd> odd() {
  return define<Odd>("Odd", "").table("odds").key("id", &Odd::id);
}

std::string defect_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::internal);
    return error.what();
  }
  return "";
}

/// A storage with keys.
struct Place {
  testing::FakeClock clock;
  testing::SeededRandom random;
  std::unique_ptr<Storage> storage = open_memory_storage();

  Place() {
    storage->cipher().use(std::make_shared<const Fernet>(
        std::vector<std::string>{"cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="}, clock, random));
  }
};

void check_refused(const std::function<void(UnitOfWork&)>& operation) {
  Place place;
  CHECK(defect_of([&] { place.storage->write(operation); }).find("Safe.code is encrypted") == 0);
}
void check_query(const Query& query) {
  check_refused([&](UnitOfWork& uow) { uow.select(Safe::schema(), query); });
}
void check_aggregate(const Aggregate& aggregate) {
  check_refused([&](UnitOfWork& uow) { uow.aggregate(Safe::schema(), aggregate); });
}

}  // namespace

TEST_CASE("a schema knows which of its fields are encrypted, and how the store sees itself") {
  const Schema& schema = Safe::schema();
  CHECK(schema.encrypted_fields() == std::vector<std::size_t>{2, 3});
  const Schema& stored = schema.as_stored();
  CHECK(&stored != &schema);
  CHECK(&stored == &schema.as_stored());
  CHECK(&stored == &stored.as_stored());
  CHECK(stored.table() == "safes");
  CHECK(stored.encrypted_fields().empty());
  CHECK(stored.key_index() == schema.key_index());
  CHECK(stored.uniques() == schema.uniques());
  CHECK_FALSE(stored.find("code")->encrypted);
  CHECK(stored.find("code")->type == FieldType::text);
}

TEST_CASE("only what nothing is found by can be encrypted") {
  const auto refused = [](auto&& make) { return defect_of([&] { const Schema schema = make(); }); };
  const FieldOptions encrypted{.encrypted = true};
  CHECK(refused([&]() -> Schema { return odd().field("text", &Odd::text, encrypted); }).empty());
  CHECK(refused([&]() -> Schema { return define<Odd>("Odd", "").table("odds").key("id", &Odd::id, encrypted); }) ==
        "Odd.id cannot be encrypted: it is the key");
  CHECK(refused([&]() -> Schema { return odd().field("number", &Odd::number, encrypted); }) ==
        "Odd.number cannot be encrypted: only free text can");
  CHECK_FALSE(refused([&]() -> Schema { return odd().field("list", &Odd::list, encrypted); }).empty());
  CHECK_FALSE(refused([&]() -> Schema { return odd().field("colour", &Odd::colour, encrypted); }).empty());
  CHECK_FALSE(refused([&]() -> Schema {
                return odd().field("text", &Odd::text, {.search_weight = 1, .encrypted = true});
              }).empty());
  CHECK_FALSE(refused([&]() -> Schema {
                return odd().field("text", &Odd::text, {.references = "courses", .encrypted = true});
              }).empty());
  CHECK_FALSE(refused([&]() -> Schema { return odd().field("text", &Odd::text, encrypted).unique({"text"}); }).empty());
  CHECK_FALSE(refused([&]() -> Schema { return odd().field("text", &Odd::text, encrypted).index({"text"}); }).empty());
}

TEST_CASE("what is to be encrypted is not stored within something else, but may be shown there") {
  const auto stored = [](auto&& make) { return defect_of([&] { const Schema schema = make(); }); };
  CHECK_FALSE(stored([]() -> Schema { return odd().field("safe", &Odd::safe); }).empty());
  CHECK_FALSE(stored([]() -> Schema { return odd().field("safes", &Odd::safes); }).empty());
  CHECK(stored([]() -> Schema { return define<Odd>("Odd", "").field("safe", &Odd::safe); }).empty());
}

TEST_CASE("nothing is found, ordered or counted by an encrypted field") {
  check_query({.where = equal("code", "x")});
  check_query({.where = all_of({equal("owner", "x"), none_of({less("code", "x")})})});
  check_query({.where = in("code", std::vector<std::string>{"x"})});
  check_query({.order = {ascending("code")}});
  check_aggregate({.groups = {{"code"}}});
  check_aggregate({.measures = {{Measure::Kind::count_distinct, "code", "n"}}});
  check_aggregate({.where = equal("code", "x"), .measures = {{.as = "n"}}});
  check_refused([](UnitOfWork& uow) { uow.count(Safe::schema(), equal("code", "x")); });
  check_refused([](UnitOfWork& uow) { uow.remove_where(Safe::schema(), equal("code", "x")); });
  check_refused([](UnitOfWork& uow) { uow.update_where(Safe::schema(), equal("code", "x"), {set("owner", "x")}); });
}

TEST_CASE("only text is encrypted") {
  check_refused([](UnitOfWork& uow) { uow.update_where(Safe::schema(), everything(), {set("code", 3)}); });
  check_refused([](UnitOfWork& uow) {
    const Safe safe;
    Record record = Safe::schema().to_record(&safe);
    record[2] = 3;
    uow.insert(Safe::schema(), record);
  });
}

TEST_CASE("an encrypted text is held to its limits as it is read, not as it is kept") {
  Safe safe;
  safe.code = "12345678";
  CHECK_NOTHROW(Safe::schema().check(&safe));
  safe.code = "123456789";
  CHECK_THROWS_AS(Safe::schema().check(&safe), Error);
}

TEST_CASE("whether there is an encrypted text can be asked, and what else a record has can be changed") {
  Place place;
  place.storage->write([](UnitOfWork& uow) {
    Repository<Safe> safes(uow);
    Safe safe;
    safe.owner = "Ada";
    safe.code = "1815";
    safes.insert(safe);
    CHECK(safes.count(is_null("hint")) == 1);
    CHECK(safes.update_where(equal("owner", "Ada"), {set("owner", "Byron")}).front().code == "1815");
  });
}

TEST_CASE("without keys, records are kept that have no secret") {
  const auto storage = open_memory_storage();
  storage->write([](UnitOfWork& uow) {
    Repository<Account> accounts(uow);
    accounts.insert({"ada", std::nullopt, 1});
    accounts.upsert({"eve", std::nullopt, 1}, {"name"});
    CHECK(accounts.insert_if_absent({"bob", std::nullopt, 1}));
    accounts.update({"ada", std::nullopt, 2});
    CHECK(accounts.update_where(equal("name", "ada"), {{"secret", nullptr}, add("logins", 1)}).front().logins == 3);
    CHECK(accounts.select({}).size() == 3);
    CHECK_FALSE(accounts.get("ada").secret);
  });
  CHECK_THROWS_AS(storage->write([](UnitOfWork& uow) {
    Repository<Account>(uow).insert({"joe", "secret", 1});
  }),
                  Error);
}

TEST_CASE("an error about a text that cannot be decrypted says where it is and not what it is") {
  Place place;
  Safe safe;
  safe.id = CourseId(*Uuid::parse("018f3b5e-7a00-7000-8000-000000000001"));
  safe.code = "1815";
  place.storage->write([&](UnitOfWork& uow) { Repository<Safe>(uow).insert(safe); });
  place.storage->write([&](UnitOfWork& uow) {
    uow.update_where(Safe::schema().as_stored(), everything(), {set("code", "plain text")});
  });
  try {
    place.storage->read([&](UnitOfWork& uow) { return Repository<Safe>(uow).get(safe.id); });
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::unavailable);
    CHECK(error.reason() == "encryption_key_wrong");
    const std::string what = error.what();
    CHECK(what.starts_with("Safe.code of 018f3b5e-7a00-7000-8000-000000000001 cannot be decrypted"));
    CHECK(what.find("plain text") == std::string::npos);
    CHECK(what.find("ENCRYPTION_KEY") != std::string::npos);
  }
}
