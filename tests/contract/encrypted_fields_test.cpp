#include <doctest/doctest.h>

#include <lms/backends/memory.hpp>
#include <lms/reencryption.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/faulty_storage.hpp>
#include <lms/testing/seeded_random.hpp>

#include "contract/contract_check.hpp"
#include "support/one_commit_storage.hpp"
#include "testing/clauses.hpp"

using namespace lms;
using namespace lms::testing;

namespace {

const std::string old_key = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
const std::string new_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

class Office {
 public:
  std::shared_ptr<const Fernet> fernet(const std::vector<std::string>& keys) {
    return std::make_shared<const Fernet>(keys, clock_, random_);
  }

 private:
  FakeClock clock_;
  SeededRandom random_;
};

Patron patron(std::uint8_t n) {
  return {Id<Patron>(uuid(n)), n, "card " + std::to_string(n), "note"};
}

std::string token_of(Storage& storage, const Patron& patron) {
  const auto record =
      storage.read([&](UnitOfWork& uow) { return uow.find(Patron::schema().as_stored(), patron.id.text()); });
  return record->at(Patron::schema().index_of("card")).as_string();
}

}  // namespace

// Whoever hands operations on, one by one, must not encrypt what the storage behind it does.

TEST_CASE("a wrapper of units keeps the contract") {
  check_storage_contract([](const auto&) { return std::make_unique<FaultyStorage>(open_memory_storage()); });
}

TEST_CASE("wrappers within wrappers keep the contract") {
  check_storage_contract([](const auto&) {
    std::shared_ptr<Storage> inner = std::make_shared<FaultyStorage>(open_memory_storage());
    return std::make_unique<StorageWrapper>(std::make_shared<FaultyStorage>(std::move(inner)));
  });
}

TEST_CASE("a wrapper and what it wraps have the same keys") {
  Office office;
  const std::shared_ptr<Storage> inner = open_memory_storage();
  FaultyStorage outer(inner);
  outer.cipher().use(office.fernet({old_key}));
  CHECK(inner->cipher().has_keys());
  insert<Patron>(outer, {patron(1)});
  CHECK(token_of(outer, patron(1)) == token_of(*inner, patron(1)));
  CHECK(office.fernet({old_key})->decrypt(token_of(*inner, patron(1))) == "card 1");
  CHECK(find<Patron>(*inner, patron(1).id)->card == "card 1");
}

TEST_CASE("what is written and read together is encrypted once") {
  Office office;
  test::OneCommitStorage storage(open_memory_storage());
  storage.cipher().use(office.fernet({old_key}));
  storage.together([&] {
    insert<Patron>(storage, {patron(1)});
    if (find<Patron>(storage, patron(1).id)->card != "card 1") throw internal("not decrypted");
  });
  CHECK(office.fernet({old_key})->decrypt(token_of(storage, patron(1))) == "card 1");
}

TEST_CASE("a renewal that is broken off anywhere can be called again") {
  Office office;
  FaultyStorage storage(open_memory_storage());
  storage.cipher().use(office.fernet({old_key}));
  for (std::uint8_t n = 1; n <= 6; ++n) insert<Patron>(storage, {patron(n)});
  const auto cards_are_readable = [&] {
    const auto all = select<Patron>(storage);
    REQUIRE(all.size() == 6);
    for (const Patron& each : all) CHECK(each.card == "card " + std::to_string(each.number));
  };
  int broken_off = 0;
  for (std::size_t n = 1;; ++n) {
    storage.cipher().use(office.fernet(n % 2 == 1 ? std::vector{new_key, old_key} : std::vector{old_key, new_key}));
    storage.fail_at(n);
    const std::string reason = reason_of([&] { reencrypt(storage, library_schemas(), {.batch = 2}); });
    const bool failed = storage.has_failed();
    storage.heal();
    cards_are_readable();
    if (!failed) break;
    CHECK(reason == "storage_unavailable");
    ++broken_off;
    CHECK(reencrypt(storage, library_schemas()).unreadable == 0);
    CHECK(reencrypt(storage, library_schemas()).renewed == 0);
  }
  CHECK(broken_off > 10);
}

TEST_CASE("a renewal leaves what somebody has changed meanwhile") {
  Office office;
  const auto storage = open_memory_storage();
  storage->cipher().use(office.fernet({old_key}));
  for (std::uint8_t n = 1; n <= 2; ++n) insert<Patron>(*storage, {patron(n)});
  storage->cipher().use(office.fernet({new_key, old_key}));

  // Changes the second record after it was read and before it is renewed.
  class Meddling final : public StorageWrapper {
   public:
    using StorageWrapper::StorageWrapper;
    void do_write(const Function& function, Isolation isolation) override {
      wrapped().write([](UnitOfWork& uow) {
        Repository<Patron>(uow).update_where(equal("number", 2), {set("card", "changed"), set("note", "changed")});
      });
      StorageWrapper::do_write(function, isolation);
    }
  };
  Meddling meddling{std::shared_ptr<Storage>(storage.get(), [](Storage*) {})};
  CHECK(reencrypt(meddling, library_schemas()).renewed == 2);
  CHECK(find<Patron>(*storage, patron(1).id)->card == "card 1");
  CHECK(find<Patron>(*storage, patron(2).id)->card == "changed");
}

TEST_CASE("keys can be exchanged while others read and write") {
  Office office;
  const auto storage = open_memory_storage();
  storage->cipher().use(office.fernet({old_key}));
  insert<Patron>(*storage, {patron(1)});
  in_threads(4, [&](int i) {
    for (int round = 0; round < 200; ++round) {
      if (i == 0) {
        storage->cipher().use(
            office.fernet(round % 2 == 0 ? std::vector{new_key, old_key} : std::vector{old_key, new_key}));
        reencrypt(*storage, library_schemas());
      } else {
        storage->write([&](UnitOfWork& uow) {
          Repository<Patron> patrons(uow);
          Patron one = patrons.get(patron(1).id);
          if (!one.card.starts_with("card")) throw internal("not decrypted");
          one.card = "card " + std::to_string(i);
          patrons.update(one);
        });
      }
    }
  });
  CHECK(find<Patron>(*storage, patron(1).id)->card.starts_with("card"));
}
