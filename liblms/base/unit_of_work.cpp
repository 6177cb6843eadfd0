#include <algorithm>
#include <utility>

#include <lms/spi/storage.hpp>

namespace lms {

namespace {

constexpr std::string_view relevance = "@relevance";

std::string described(const Schema& schema, std::string_view field) {
  return schema.name() + '.' + std::string(field);
}

const Field& known(const Schema& schema, std::string_view field) {
  return schema.fields()[schema.index_of(field)];
}

/// One that can be compared, and is not encrypted.
const Field& comparable(const Schema& schema, std::string_view name) {
  const Field& field = known(schema, name);
  if (field.encrypted) throw internal(described(schema, name) + " is encrypted: nothing can be found or ordered by it");
  return field;
}

void check_text(const Schema& schema, const Field& field, const Value& value) {
  if (field.encrypted && !value.is_null() && !value.is_string())
    throw internal(described(schema, field.name) + " is encrypted and no text");
}

void check(const Schema& schema, const Record& record) {
  const auto& fields = schema.fields();
  if (record.size() != fields.size()) throw internal("a record of " + schema.name() + " has a wrong number of values");
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (record[i].is_null() && !fields[i].nullable) throw internal(described(schema, fields[i].name) + " is null");
  for (const std::size_t i : schema.encrypted_fields()) check_text(schema, fields[i], record[i]);
}

void check(const Schema& schema, const Condition& condition) {
  using Kind = Condition::Kind;
  switch (condition.kind) {
    case Kind::all:
    case Kind::any:
    case Kind::none:
      for (const Condition& operand : condition.operands) check(schema, operand);
      return;
    case Kind::matches:
      if (!schema.searchable()) throw internal(schema.name() + " has no searchable field");
      if (condition.values.size() != 1 || !condition.values.front().is_string())
        throw internal("a search needs one text");
      return;
    case Kind::is_null:
      known(schema, condition.field);
      return;
    case Kind::in:
      comparable(schema, condition.field);
      return;
    case Kind::contains:
      if (known(schema, condition.field).type != FieldType::list)
        throw internal(described(schema, condition.field) + " is no list");
      break;
    case Kind::equal:
    case Kind::less:
    case Kind::less_equal:
    case Kind::greater:
    case Kind::greater_equal:
      comparable(schema, condition.field);
      break;
  }
  if (condition.values.size() != 1)
    throw internal("a condition on " + described(schema, condition.field) + " needs one value");
}

bool searches(const Condition& condition) {
  const auto matches = [](const Condition& c) { return c.kind == Condition::Kind::matches; };
  return matches(condition) || (condition.kind == Condition::Kind::all &&
                                std::any_of(condition.operands.begin(), condition.operands.end(), matches));
}

void check(const Schema& schema, const Query& query) {
  check(schema, query.where);
  for (const std::string& field : query.fields) known(schema, field);
  bool by_relevance = false;
  bool by_key = false;
  for (const Order& order : query.order) {
    by_key = by_key || order.field == schema.key().name;
    if (order.field != relevance)
      comparable(schema, order.field);
    else
      by_relevance = true;
  }
  if (by_relevance && !searches(query.where)) throw internal("an order by relevance needs a search");
  if (query.after.empty()) return;
  if (by_relevance) throw internal("a cursor excludes relevance");
  if (query.after.size() != query.order.size() + (by_key ? 0 : 1))
    throw internal("a cursor on " + schema.name() + " has a wrong number of values");
}

void check(const Schema& schema, const std::vector<Assignment>& assignments) {
  if (assignments.empty()) throw internal("an update of " + schema.name() + " assigns nothing");
  for (const Assignment& assignment : assignments) {
    const Field& field = known(schema, assignment.field);
    if (field.name == schema.key().name) throw internal(described(schema, field.name) + " is the key and stays");
    if (assignment.increment) {
      const bool number = field.type == FieldType::integer || field.type == FieldType::real;
      if (!number || !assignment.value.is_number())
        throw internal(described(schema, field.name) + " cannot be incremented");
    } else if (assignment.value.is_null() && !field.nullable) {
      throw internal(described(schema, field.name) + " cannot be null");
    }
    check_text(schema, field, assignment.value);
  }
}

void check_replaced_by(const Schema& schema, std::vector<std::string> by) {
  if (by.size() == 1 && by.front() == schema.key().name) return;
  std::sort(by.begin(), by.end());
  for (std::vector<std::string> unique : schema.uniques()) {
    std::sort(unique.begin(), unique.end());
    if (unique == by) return;
  }
  throw internal("an upsert of " + schema.name() + " needs its key or a unique set");
}

void check(const Schema& schema, const Aggregate& aggregate) {
  check(schema, aggregate.where);
  std::vector<std::string> columns;
  for (const Grouping& grouping : aggregate.groups) {
    const Field& field = comparable(schema, grouping.field);
    if (grouping.bucket < 0 || (grouping.bucket > 0 && field.type != FieldType::time))
      throw internal(described(schema, field.name) + " has no buckets of time");
    columns.push_back(grouping.field);
  }
  for (const Measure& measure : aggregate.measures) {
    columns.push_back(measure.as);
    if (measure.kind == Measure::Kind::count) continue;
    const Field& field = comparable(schema, measure.field);
    const bool adds = measure.kind == Measure::Kind::sum || measure.kind == Measure::Kind::average;
    if (adds && field.type != FieldType::integer && field.type != FieldType::real)
      throw internal(described(schema, field.name) + " cannot be added up");
  }
  if (columns.empty()) throw internal("an aggregate of " + schema.name() + " measures nothing");
  for (const Order& order : aggregate.order)
    if (order.field.empty() || std::find(columns.begin(), columns.end(), order.field) == columns.end())
      throw internal("an aggregate of " + schema.name() + " has no column " + order.field);
}

Condition key_is(const Schema& schema, const Value& key) {
  return equal(schema.key().name, key);
}

/// Sets the flag unless the operation came to its end.
class Poison {
 public:
  explicit Poison(bool& flag) : flag_(flag) {}
  ~Poison() { flag_ = flag_ || !done_; }
  Poison(const Poison&) = delete;
  Poison& operator=(const Poison&) = delete;
  void done() { done_ = true; }

 private:
  bool& flag_;
  bool done_ = false;
};

/// Tells the observer, if there is one, how long it lived.
class Stopwatch {
 public:
  Stopwatch(const OperationObserver* observer, StorageOperation operation, const Schema& schema)
      : observer_(observer), operation_(operation), schema_(schema) {
    if (observer_ != nullptr) start_ = Clock::now();
  }
  ~Stopwatch() {
    if (observer_ != nullptr) (*observer_)(operation_, schema_, Clock::now() - start_);
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  using Clock = std::chrono::steady_clock;

  const OperationObserver* observer_;
  StorageOperation operation_;
  const Schema& schema_;
  Clock::time_point start_;
};

/// Where there is no text, no key is needed.
Value token_of(const FieldCipher& cipher, const Value& text) {
  return text.is_null() ? Value() : Value(cipher.fernet()->encrypt(text.as_string()));
}

Error undecipherable(const Schema& schema, const Record& record, std::size_t field) {
  const Value& key = record[schema.key_index()];  // null if the query did not ask for it
  std::string which = described(schema, schema.fields()[field].name);
  if (!key.is_null()) which += " of " + (key.is_string() ? key.as_string() : to_json(key));
  return unavailable("encryption_key_wrong",
                     which + " cannot be decrypted: no key of ENCRYPTION_KEY is the one it was encrypted with.");
}

}  // namespace

UnitOfWork::~UnitOfWork() = default;

bool UnitOfWork::encrypts(const Schema& schema) const noexcept {
  return !schema.encrypted_fields().empty() && cipher_ != nullptr;
}

/// Hands the backend what it shall keep.
template <class Given, class Action>
auto UnitOfWork::encrypting(const Schema& schema, const Given& given, Action&& action) const {
  return encrypts(schema) ? action(encrypted(schema, given)) : action(given);
}

Record UnitOfWork::encrypted(const Schema& schema, const Record& record) const {
  Record result;
  result.reserve(record.size());
  for (std::size_t i = 0; i < record.size(); ++i)
    result.push_back(schema.fields()[i].encrypted ? token_of(*cipher_, record[i]) : record[i]);
  return result;
}

std::vector<Record> UnitOfWork::encrypted(const Schema& schema, const std::vector<Record>& records) const {
  std::vector<Record> result;
  result.reserve(records.size());
  for (const Record& record : records) result.push_back(encrypted(schema, record));
  return result;
}

std::vector<Assignment> UnitOfWork::encrypted(const Schema& schema, const std::vector<Assignment>& assignments) const {
  std::vector<Assignment> result;
  result.reserve(assignments.size());
  for (const Assignment& given : assignments)
    if (known(schema, given.field).encrypted)
      result.push_back({given.field, token_of(*cipher_, given.value)});
    else
      result.push_back(given);
  return result;
}

/// The other way round; what a query left out is null.
void UnitOfWork::decrypt(const Schema& schema, std::vector<Record>& records) const {
  std::shared_ptr<const Fernet> fernet;
  for (Record& record : records) {
    for (const std::size_t i : schema.encrypted_fields()) {
      if (record[i].is_null()) continue;
      if (!fernet) fernet = cipher_->fernet();
      auto text = fernet->decrypt(record[i].as_string());
      if (!text) throw undecipherable(schema, record, i);
      record[i] = *std::move(text);
    }
  }
}

template <class Action>
auto UnitOfWork::guarded(StorageOperation operation, const Schema& schema, Action&& action) {
  if (poisoned_) throw internal("a unit of work is used after one of its operations failed");
  Poison poison(poisoned_);
  const bool writes = operation != StorageOperation::select && operation != StorageOperation::aggregate;
  if (writes && !writable_) throw internal("a unit of work for reading was asked to write");
  const Stopwatch stopwatch(observer_, operation, schema);
  if constexpr (std::is_void_v<decltype(action())>) {
    action();
    poison.done();
  } else {
    auto result = action();
    poison.done();
    return result;
  }
}

void UnitOfWork::insert(const Schema& schema, Record record) {
  std::vector<Record> records;
  records.push_back(std::move(record));
  insert_many(schema, records);
}

void UnitOfWork::insert_many(const Schema& schema, const std::vector<Record>& records) {
  guarded(StorageOperation::insert, schema, [&] {
    schema.key_index();
    for (const Record& record : records) check(schema, record);
    if (records.empty()) return;
    encrypting(schema, records, [&](const std::vector<Record>& kept) { do_insert(schema, kept); });
    for (const Record& record : records) writes_.add(schema, record[schema.key_index()]);
  });
}

bool UnitOfWork::insert_if_absent(const Schema& schema, const Record& record) {
  return guarded(StorageOperation::insert, schema, [&] {
    schema.key_index();
    check(schema, record);
    const bool inserted =
        encrypting(schema, record, [&](const Record& kept) { return do_insert_if_absent(schema, kept); });
    if (inserted) writes_.add(schema, record[schema.key_index()]);
    return inserted;
  });
}

void UnitOfWork::upsert(const Schema& schema, const Record& record, const std::vector<std::string>& by) {
  guarded(StorageOperation::insert, schema, [&] {
    check_replaced_by(schema, by);
    check(schema, record);
    encrypting(schema, record, [&](const Record& kept) { do_upsert(schema, kept, by); });
    if (by.size() == 1 && by.front() == schema.key().name)
      writes_.add(schema, record[schema.key_index()]);
    else
      writes_.add(schema);  // the record that was there keeps a key of its own
  });
}

bool UnitOfWork::update(const Schema& schema, const Record& record) {
  return guarded(StorageOperation::update, schema, [&] {
    schema.key_index();
    check(schema, record);
    const bool updated = encrypting(schema, record, [&](const Record& kept) { return do_update(schema, kept); });
    if (updated) writes_.add(schema, record[schema.key_index()]);
    return updated;
  });
}

std::vector<Record> UnitOfWork::update_where(const Schema& schema, const Condition& where,
                                             const std::vector<Assignment>& assignments, Returning returning) {
  return guarded(StorageOperation::update, schema, [&] {
    check(schema, assignments);
    check(schema, where);
    std::vector<Record> updated = encrypting(schema, assignments, [&](const std::vector<Assignment>& kept) {
      return do_update_where(schema, where, kept, returning);
    });
    for (const Record& record : updated) writes_.add(schema, record[schema.key_index()]);
    if (!encrypts(schema)) return updated;
    if (returning == Returning::keys)
      for (Record& record : updated)
        for (const std::size_t i : schema.encrypted_fields()) record[i] = Value();
    decrypt(schema, updated);
    return updated;
  });
}

bool UnitOfWork::remove(const Schema& schema, const Value& key) {
  return guarded(StorageOperation::remove, schema, [&] {
    const bool removed = do_remove_where(schema, key_is(schema, key)) > 0;
    if (removed) writes_.add(schema, key);
    return removed;
  });
}

std::size_t UnitOfWork::remove_where(const Schema& schema, const Condition& where) {
  return guarded(StorageOperation::remove, schema, [&] {
    schema.key_index();
    check(schema, where);
    const std::size_t removed = do_remove_where(schema, where);
    if (removed > 0) note_removed(schema, where);
    return removed;
  });
}

/// The records are gone; their keys are known only where the condition names them.
void UnitOfWork::note_removed(const Schema& schema, const Condition& where) {
  const bool names_keys =
      (where.kind == Condition::Kind::equal || where.kind == Condition::Kind::in) && where.field == schema.key().name;
  if (!names_keys) return writes_.add(schema);
  for (const Value& key : where.values) writes_.add(schema, key);
}

std::optional<Record> UnitOfWork::find(const Schema& schema, const Value& key) {
  return guarded(StorageOperation::select, schema, [&]() -> std::optional<Record> {
    std::vector<Record> found = do_select(schema, {.where = key_is(schema, key), .limit = 1});
    if (found.empty()) return std::nullopt;
    if (encrypts(schema)) decrypt(schema, found);
    return std::move(found.front());
  });
}

std::vector<Record> UnitOfWork::select(const Schema& schema, const Query& query) {
  return guarded(StorageOperation::select, schema, [&] {
    schema.key_index();
    check(schema, query);
    std::vector<Record> found = do_select(schema, query);
    if (encrypts(schema)) decrypt(schema, found);
    return found;
  });
}

void UnitOfWork::for_each(const Schema& schema, const Query& query, const Use& use) {
  if (!schema.encrypted_fields().empty()) {
    for (Record& record : select(schema, query)) use(std::move(record));
    return;
  }
  guarded(StorageOperation::select, schema, [&] {
    schema.key_index();
    check(schema, query);
    do_for_each(schema, query, use);
  });
}

void UnitOfWork::do_for_each(const Schema& schema, const Query& query, const Use& use) {
  for (Record& record : do_select(schema, query)) use(std::move(record));
}

std::size_t UnitOfWork::count(const Schema& schema, const Condition& where, std::size_t limit) {
  return guarded(StorageOperation::select, schema, [&] {
    schema.key_index();
    check(schema, where);
    return do_count(schema, where, limit);
  });
}

std::vector<Record> UnitOfWork::aggregate(const Schema& schema, const Aggregate& aggregate) {
  return guarded(StorageOperation::aggregate, schema, [&] {
    schema.key_index();
    check(schema, aggregate);
    return do_aggregate(schema, aggregate);
  });
}

void UnitOfWork::after_commit(std::function<void()> action) {
  if (!writable_) throw internal("a transaction that only reads has no commit");
  after_commit_.push_back(std::move(action));
}

}  // namespace lms
