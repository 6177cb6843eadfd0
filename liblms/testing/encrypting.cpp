#include <lms/fernet.hpp>
#include <lms/reencryption.hpp>
#include <lms/testing/fake_clock.hpp>
#include <lms/testing/seeded_random.hpp>

#include "testing/clauses.hpp"

namespace lms::testing {

namespace {

using Patrons = Repository<Patron>;

const std::string old_key = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
const std::string new_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Keys that need nothing else to live.
struct Keys {
  explicit Keys(const std::vector<std::string>& keys) : fernet(keys, clock, random) {}

  FakeClock clock;
  SeededRandom random;
  Fernet fernet;
};

std::shared_ptr<const Fernet> fernet_of(const std::vector<std::string>& keys) {
  const auto owner = std::make_shared<const Keys>(keys);
  return {owner, &owner->fernet};
}

void give_keys(Storage& storage, const std::vector<std::string>& keys) {
  storage.cipher().use(fernet_of(keys));
}

Patron patron(std::uint8_t n, std::string card, std::optional<std::string> note = std::nullopt) {
  return {Id<Patron>(uuid(n)), n, std::move(card), std::move(note)};
}

/// The records as the backend has them, by key.
std::vector<Record> kept(Storage& storage) {
  return storage.read([](UnitOfWork& uow) { return uow.select(Patron::schema().as_stored(), {}); });
}

const Value& card_of(const Record& record) {
  return record[Patron::schema().index_of("card")];
}
const Value& note_of(const Record& record) {
  return record[Patron::schema().index_of("note")];
}

/// What the backend has for the n-th patron is one token of what was written, and no token of a token.
void check_kept(Storage& storage, std::size_t n, const std::string& card, const std::optional<std::string>& note) {
  const std::vector<Record> records = kept(storage);
  EXPECT(n < records.size());
  const auto fernet = storage.cipher().fernet();
  EXPECT(fernet->decrypt(card_of(records[n]).as_string()) == card);
  EXPECT(note_of(records[n]).is_null() == !note.has_value());
  if (note) EXPECT(fernet->decrypt(note_of(records[n]).as_string()) == note);
}

std::vector<std::string> cards(Storage& storage) {
  std::vector<std::string> result;
  for (const Patron& each : select<Patron>(storage)) result.push_back(each.card);
  return result;
}

void write(Storage& storage, const std::function<void(Patrons&)>& change) {
  storage.write([&](UnitOfWork& uow) {
    Patrons patrons(uow);
    change(patrons);
  });
}

/// Puts a text where a token should be.
void spoil(Storage& storage, const Patron& patron, const std::string& text) {
  storage.write([&](UnitOfWork& uow) {
    uow.update_where(Patron::schema().as_stored(), equal("id", patron.id), {set("card", text)});
  });
}

}  // namespace

std::vector<Clause> encrypting_clauses() {
  return {
      {"an encrypted text comes back, and the store has a token of it",
       [](Storage& storage) {
         give_keys(storage, {old_key});
         insert<Patron>(storage, {patron(1, "Ada's card", ""), patron(2, "入门 \U0001F600"), patron(3, "", "note")});
         EXPECT(find<Patron>(storage, patron(1, "").id)->card == "Ada's card");
         EXPECT(find<Patron>(storage, patron(1, "").id)->note == "");
         EXPECT(cards(storage) == std::vector<std::string>{"Ada's card", "入门 \U0001F600", ""});
         EXPECT(!find<Patron>(storage, patron(2, "").id)->note.has_value());
         check_kept(storage, 0, "Ada's card", "");
         check_kept(storage, 1, "入门 \U0001F600", std::nullopt);
         check_kept(storage, 2, "", "note");
       }},
      {"every way of writing encrypts, and every way of reading decrypts",
       [](Storage& storage) {
         give_keys(storage, {old_key});
         const Patron first = patron(1, "a", "x");
         write(storage, [&](Patrons& patrons) {
           patrons.insert(first);
           EXPECT(patrons.get(first.id).card == "a");
           EXPECT(patrons.insert_if_absent(patron(2, "b")));
           EXPECT(!patrons.insert_if_absent(patron(2, "c")));
           patrons.upsert(patron(3, "d"), {"id"});
           Patron same_number = patron(4, "e", "y");
           same_number.number = 3;
           patrons.upsert(same_number, {"number"});
           EXPECT(patrons.get(patron(3, "").id).card == "e");
         });
         check_kept(storage, 0, "a", "x");
         check_kept(storage, 1, "b", std::nullopt);
         check_kept(storage, 2, "e", "y");
         write(storage, [&](Patrons& patrons) {
           Patron changed = first;
           changed.card = "f";
           patrons.update(changed);
           EXPECT(patrons.get(first.id).card == "f");
           const auto updated = patrons.update_where(greater("number", 1), {set("card", "g"), {"note", nullptr}});
           EXPECT(updated.size() == 2 && updated[0].card == "g" && !updated[1].note);
           EXPECT(patrons.update_all(equal("number", 2), {set("note", "z")}) == 1);
         });
         check_kept(storage, 0, "f", "x");
         check_kept(storage, 1, "g", "z");
         check_kept(storage, 2, "g", std::nullopt);
         write(storage, [&](Patrons& patrons) {
           const auto some = patrons.select({.order = {descending("number")}, .fields = {"note"}, .limit = 2});
           EXPECT(some[0].card.empty() && some[1].note == "z");
           EXPECT(patrons.first(is_null("note"))->card == "g");
           EXPECT(patrons.count(none_of({is_null("note")})) == 2);
           patrons.remove(first.id);
         });
         EXPECT(cards(storage) == std::vector<std::string>({"g", "g"}));
       }},
      {"of keys alone a change returns no token",
       [](Storage& storage) {
         give_keys(storage, {old_key});
         insert<Patron>(storage, {patron(1, "a")});
         storage.write([&](UnitOfWork& uow) {
           const auto updated = uow.update_where(Patron::schema(), everything(), {set("card", "b")}, Returning::keys);
           EXPECT(updated.size() == 1 && card_of(updated[0]).is_null());
         });
       }},
      {"without a key nothing encrypted is written or read, and all else is",
       [](Storage& storage) {
         EXPECT(reason_of([&] { insert<Patron>(storage, {patron(1, "a")}); }) == "encryption_key_missing");
         EXPECT(kept(storage).empty());
         give_keys(storage, {old_key});
         insert<Patron>(storage, {patron(1, "a")});
         storage.cipher().use(nullptr);
         EXPECT(reason_of([&] { find<Patron>(storage, patron(1, "").id); }) == "encryption_key_missing");
         EXPECT(reason_of([&] { select<Patron>(storage); }) == "encryption_key_missing");
         EXPECT(select<Patron>(storage, {.fields = {"number"}}).size() == 1);
         EXPECT(count<Patron>(storage) == 1);
         EXPECT(reason_of([&] {
                  write(storage, [](Patrons& patrons) { patrons.update_where(everything(), {set("card", "b")}); });
                }) == "encryption_key_missing");
         write(storage, [](Patrons& patrons) { patrons.update_all(everything(), {add("number", 1)}); });
         give_keys(storage, {old_key});
         EXPECT(find<Patron>(storage, patron(1, "").id)->card == "a");
         EXPECT(find<Patron>(storage, patron(1, "").id)->number == 2);
       }},
      {"what another key has encrypted is an error, until that key is there",
       [](Storage& storage) {
         give_keys(storage, {old_key});
         insert<Patron>(storage, {patron(1, "a")});
         give_keys(storage, {new_key});
         EXPECT(reason_of([&] { find<Patron>(storage, patron(1, "").id); }) == "encryption_key_wrong");
         EXPECT(reason_of([&] { select<Patron>(storage); }) == "encryption_key_wrong");
         give_keys(storage, {new_key, old_key});
         EXPECT(cards(storage) == std::vector<std::string>{"a"});
       }},
      {"what is no token is an error and not handed out",
       [](Storage& storage) {
         give_keys(storage, {old_key});
         insert<Patron>(storage, {patron(1, "a")});
         spoil(storage, patron(1, ""), "plain");
         EXPECT(reason_of([&] { find<Patron>(storage, patron(1, "").id); }) == "encryption_key_wrong");
       }},
      {"all is brought under the first key once, and what no key reads is told",
       [](Storage& storage) {
         give_keys(storage, {old_key});
         constexpr int count = 25;
         for (std::uint8_t n = 1; n <= count; ++n)
           insert<Patron>(storage, {n % 5 == 0 ? patron(n, "c") : patron(n, "c", "n")});
         spoil(storage, patron(7, ""), "plain");
         give_keys(storage, {new_key, old_key});
         insert<Patron>(storage, {patron(count + 1, "c")});

         ReencryptionOptions options{.batch = 10};
         std::vector<std::size_t> steps;
         std::vector<Value> unreadable;
         options.on_progress = [&](const Schema&, const Reencryption& done) { steps.push_back(done.records); };
         options.on_unreadable = [&](const Schema&, const Value& key, const Field& field) {
           EXPECT(field.name == "card");
           unreadable.push_back(key);
         };
         const Reencryption done = reencrypt(storage, library_schemas(), options);
         EXPECT(done.records == count + 1);
         EXPECT(done.renewed == count + 20 - 1);
         EXPECT(done.unreadable == 1);
         EXPECT(steps == std::vector<std::size_t>({10, 20, 26}));
         EXPECT(unreadable == std::vector<Value>{patron(7, "").id.text()});

         const std::vector<Record> before = kept(storage);
         const Reencryption again = reencrypt(storage, library_schemas());
         EXPECT(again.records == count + 1 && again.renewed == 0 && again.unreadable == 1);
         EXPECT(kept(storage) == before);
         EXPECT(card_of(before[6]) == Value("plain"));

         give_keys(storage, {new_key});
         spoil(storage, patron(7, ""), storage.cipher().fernet()->encrypt("c"));
         EXPECT(cards(storage) == std::vector<std::string>(count + 1, "c"));
       }},
      {"without a key nothing is brought under one",
       [](Storage& storage) {
         EXPECT(reason_of([&] { reencrypt(storage, library_schemas()); }) == "encryption_key_missing");
       }},
  };
}

}  // namespace lms::testing
