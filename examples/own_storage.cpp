// A storage backend of your own: a school kept in one JSON file.
//
// The tables are in memory. A write works on a copy of them, and its commit writes the whole file anew, so this is for
// schools of some hundred people and for one process at a time. What a query means is not decided here: the functions
// of lms/spi/evaluate.hpp say so for any store that holds its records in memory.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <set>

#include <lms/lms.hpp>
#include <lms/spi/conflict.hpp>
#include <lms/spi/evaluate.hpp>
#include <lms/testing/storage_contract.hpp>

namespace {

using lms::Record;
using lms::Row;
using lms::Schema;
using lms::Value;

struct Table {
  const Schema* schema;
  std::map<Value, Row, lms::ByValue> rows;  // by key
};
using Tables = std::map<std::string, Table>;

/// One transaction. A unit for writing has the tables for itself, so it need not undo anything: whoever made them
/// throws them away if it fails. What it is asked has been checked against the schema before.
class FileUnit final : public lms::UnitOfWork {
 public:
  FileUnit(Tables& tables, bool writable) : UnitOfWork(writable), tables_(tables) {}

 protected:
  void do_insert(const Schema& schema, const std::vector<Record>& records) override {
    for (const Record& record : records) put(schema, record, nullptr);
  }
  bool do_insert_if_absent(const Schema& schema, const Record& record) override {
    if (is_taken(schema, record, nullptr)) return false;
    put(schema, record, nullptr);
    return true;
  }
  void do_upsert(const Schema& schema, const Record& record, const std::vector<std::string>& by) override {
    std::vector<lms::Condition> same;
    for (const std::string& field : by) same.push_back(lms::equal(field, record[schema.index_of(field)]));
    const std::vector<const Row*> present = matching(schema, lms::all_of(same));
    if (present.empty()) {
      put(schema, record, nullptr);
    } else {
      Record replacement = record;
      replacement[schema.key_index()] = present.front()->record[schema.key_index()];
      put(schema, std::move(replacement), present.front());
    }
  }
  bool do_update(const Schema& schema, const Record& record) override {
    const std::map<Value, Row, lms::ByValue>& rows = table(schema).rows;
    const auto present = rows.find(record[schema.key_index()]);
    if (present == rows.end()) return false;
    put(schema, record, &present->second);
    return true;
  }
  std::vector<Record> do_update_where(const Schema& schema, const lms::Condition& where,
                                      const std::vector<lms::Assignment>& assignments, lms::Returning) override {
    std::vector<Record> changed;
    for (const Row* row : matching(schema, where))
      changed.push_back(put(schema, lms::assigned(schema, row->record, assignments), row));
    return changed;
  }
  std::size_t do_remove_where(const Schema& schema, const lms::Condition& where) override {
    std::set<Value, lms::ByValue> removed;
    for (const Row* row : matching(schema, where)) removed.insert(row->record[schema.key_index()]);
    for (const Value& key : removed) table(schema).rows.erase(key);
    if (is_referred_to(schema, removed)) throw lms::record_in_use(schema);
    return removed.size();
  }
  std::vector<Record> do_select(const Schema& schema, const lms::Query& query) override {
    return lms::selected(schema, query, matching(schema, query.where));
  }
  std::size_t do_count(const Schema& schema, const lms::Condition& where, std::size_t limit) override {
    return std::min(limit, matching(schema, where).size());
  }
  std::vector<Record> do_aggregate(const Schema& schema, const lms::Aggregate& aggregate) override {
    return lms::aggregated(schema, aggregate, matching(schema, aggregate.where));
  }

 private:
  Table& table(const Schema& schema) { return tables_.at(schema.table()); }

  std::vector<const Row*> matching(const Schema& schema, const lms::Condition& where) {
    const lms::Predicate holds(schema, where);
    std::vector<const Row*> rows;
    for (const auto& [key, row] : table(schema).rows)
      if (holds(row)) rows.push_back(&row);
    return rows;
  }

  /// Keeps the record in place of `present`, or as a new one, and returns it as it is kept.
  const Record& put(const Schema& schema, Record record, const Row* present) {
    if (is_taken(schema, record, present)) throw lms::record_exists(schema);
    const Value key = record[schema.key_index()];
    const auto kept = table(schema).rows.insert_or_assign(key, Row(schema, std::move(record))).first;
    for (std::size_t i = 0; i < schema.fields().size(); ++i) {
      const std::string& referenced = schema.fields()[i].references;
      const Value& value = kept->second.record[i];
      if (!referenced.empty() && !value.is_null() && !tables_.at(referenced).rows.contains(value))
        throw lms::reference_missing(schema);
    }
    return kept->second.record;
  }

  /// Whether a row other than `present` has the key, or the values of a unique set. Nulls never clash.
  bool is_taken(const Schema& schema, const Record& record, const Row* present) {
    std::vector<lms::Condition> clashes{lms::equal(schema.key().name, record[schema.key_index()])};
    for (const std::vector<std::string>& unique : schema.uniques()) {
      std::vector<lms::Condition> same;
      for (const std::string& field : unique) same.push_back(lms::equal(field, record[schema.index_of(field)]));
      clashes.push_back(lms::all_of(same));
    }
    for (const Row* row : matching(schema, lms::any_of(clashes)))
      if (row != present) return true;
    return false;
  }

  bool is_referred_to(const Schema& schema, const std::set<Value, lms::ByValue>& keys) const {
    for (const auto& [name, table] : tables_)
      for (std::size_t i = 0; i < table.schema->fields().size(); ++i)
        if (table.schema->fields()[i].references == schema.table())
          for (const auto& [key, row] : table.rows)
            if (keys.contains(row.record[i])) return true;
    return false;
  }

  Tables& tables_;
};

/// The file as it was, or as it shall be: never half of it.
void write_durably(const std::string& path, const std::string& text) {
  const auto require = [&](bool success) {
    if (!success) throw lms::unavailable("storage_unavailable", "cannot write " + path + ": " + std::strerror(errno));
  };
  struct Descriptor {
    int number;
    ~Descriptor() { close(number); }
  };
  const std::string draft = path + ".new";
  {
    const Descriptor file{open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    require(file.number >= 0);
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t written = write(file.number, text.data() + done, text.size() - done);
      require(written > 0);
      done += static_cast<std::size_t>(written);
    }
    require(fsync(file.number) == 0);
  }
  require(rename(draft.c_str(), path.c_str()) == 0);
  const std::string folder = std::filesystem::absolute(path).parent_path().string();
  const Descriptor directory{open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  require(directory.number >= 0 && fsync(directory.number) == 0);
}

/// Thread-safe: one writer at a time; readers see the tables as the last commit left them and never wait for it.
class FileStorage final : public lms::Storage {
 public:
  /// Opens the file, or begins a new one with the first write.
  FileStorage(std::string path, const std::vector<const Schema*>& schemas)
      : path_(std::move(path)), tables_(std::make_shared<Tables>()) {
    for (const Schema* schema : schemas) tables_->emplace(schema->table(), Table{schema, {}});
    if (std::filesystem::exists(path_)) load();
  }

  void migrate() override {}  // a field that the file lacks gets its initial value when it is read
  lms::MigrationStatus migration_status() override { return {}; }
  bool reads_wait() const noexcept override { return false; }
  std::string kind() const override { return "file"; }
  void ping() override {}

 protected:
  void do_write(const Function& function, lms::Isolation) override {
    const std::lock_guard turn(writing_);
    const auto changed = std::make_shared<Tables>(*committed());
    FileUnit unit(*changed, true);
    function(unit);
    save(*changed);
    const std::lock_guard lock(mutex_);
    tables_ = changed;
  }
  void do_read(const Function& function) override {
    const std::shared_ptr<Tables> tables = committed();
    FileUnit unit(*tables, false);
    function(unit);
  }

 private:
  std::shared_ptr<Tables> committed() {
    const std::lock_guard lock(mutex_);
    return tables_;
  }

  void load() {
    std::ifstream file(path_, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const Value document = lms::parse_json(text, {.max_depth = 64});
    for (auto& [name, table] : *tables_) {
      const Schema& schema = *table.schema;
      if (document[name].is_null()) continue;
      for (const Value& object : document[name].as_array()) {
        Record record;
        for (const lms::Field& field : schema.fields()) {
          const Value* value = object.as_object().find(field.name);
          record.push_back(value ? *value : field.initial);
        }
        const Value key = record[schema.key_index()];
        table.rows.emplace(key, Row(schema, std::move(record)));
      }
    }
  }

  void save(const Tables& tables) const {
    lms::Object document;
    for (const auto& [name, table] : tables) {
      lms::Array rows;
      for (const auto& [key, row] : table.rows) {
        lms::Object object;
        for (std::size_t i = 0; i < row.record.size(); ++i)
          object.append(table.schema->fields()[i].name, row.record[i]);
        rows.emplace_back(std::move(object));
      }
      document.append(name, std::move(rows));
    }
    write_durably(path_, lms::to_json(document));
  }

  const std::string path_;
  std::mutex writing_;  // held during a write
  std::mutex mutex_;    // of the pointer
  std::shared_ptr<Tables> tables_;
};

/// Holds the backend to its contract, clause by clause; returns how many are broken.
int check_contract(const std::string& folder) {
  int files = 0;
  int broken = 0;
  const auto open = [&](const std::vector<const Schema*>& schemas) {
    return std::make_unique<FileStorage>(folder + "/contract-" + std::to_string(++files) + ".json", schemas);
  };
  for (const lms::testing::Clause& clause : lms::testing::storage_contract()) {
    const auto breach = lms::testing::breach_of(clause, open);
    if (breach) std::printf("BROKEN: %s\n  %s\n", clause.says, breach->c_str());
    broken += breach ? 1 : 0;
  }
  std::printf("%d clauses of the contract, %d broken\n", files, broken);
  return broken;
}

/// Who registers today can sign in tomorrow.
bool live(const std::string& path) {
  const auto open_school = [&] {
    lms::Settings settings;
    settings.argon2_memory_kib = 64;  // quick, for an example; leave it out for people
    settings.argon2_iterations = 1;
    return std::make_unique<lms::Lms>(
        settings, lms::Backends{.storage = std::make_shared<FileStorage>(path, lms::stored_schemas())});
  };
  open_school()->auth().register_student({"ada@example.org", "correct horse battery", "Ada Byron"});
  const auto login = std::get<lms::Login>(open_school()->auth().login({"ada@example.org", "correct horse battery"}));
  std::printf("%s signed in from %s\n", login.user.full_name.c_str(), path.c_str());
  return login.user.full_name == "Ada Byron";
}

}  // namespace

int main() {
  std::string folder = (std::filesystem::temp_directory_path() / "own-storage-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  const bool good = check_contract(folder) == 0 && live(folder + "/school.json");
  std::filesystem::remove_all(folder);
  return good ? 0 : 1;
}
