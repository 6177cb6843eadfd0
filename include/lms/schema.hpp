#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <lms/error.hpp>
#include <lms/export.hpp>
#include <lms/id.hpp>
#include <lms/time.hpp>
#include <lms/value.hpp>

/// A schema says once what the fields of a struct are. JSON in and out, validation, columns and OpenAPI are loops over
/// it.
///
/// A field's value has two forms. *Stored*: what records hold; a time is an integer of microseconds, an id and an
/// enumerator are text. *Wire*: what clients see; a time is ISO 8601 text, the rest is the same.
namespace lms {

class Schema;

enum class FieldType { boolean, integer, real, text, uuid, time, list, object };

/// What a client may do with a field.
enum class Access {
  normal,       ///< read, given on creation, changed later
  create_only,  ///< read, given on creation, fixed afterwards
  read_only,    ///< read; to send it is a fault
  write_only,   ///< given, never shown (a password)
  hidden        ///< neither; for storage alone (a password's hash)
};

/// Rules for text beyond its length. Text that must have a length must also have something to see, passwords apart.
enum class Format {
  none,
  name,      ///< one line that people read: blanks around it are taken off; nothing in it hides or reorders the rest
  email,     ///< ASCII before the `@`; the domain is kept in its ASCII form, in lower case
  timezone,  ///< a name of the IANA time zone database
  slug,
  url,
  language,
  currency,
  markdown,
  password
};

/// What a field's declaration may say besides its name and member; the defaults suit most.
struct FieldOptions {
  std::string doc;
  Access access = Access::normal;
  bool required = false;  ///< on creation; otherwise the member keeps the value of a default-constructed struct
  std::size_t min_length = 0;
  std::size_t max_length = 255;  ///< of text in code points, of a list in elements
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  Format format = Format::none;
  Value example;
  std::string references = {};  ///< the table whose key this field holds; storage refuses strangers
  int search_weight = 0;        ///< > 0: found by full text search, ranked by this weight
  /// Of text: storage holds a Fernet token in its place, which nobody reads without ENCRYPTION_KEY. Such a field can be
  /// written and read, and asked whether it is null; nothing else can be asked of it, nor sought or ordered by it.
  bool encrypted = false;
  /// In the data of an event: says who the person is that the event is about, and goes when that person is erased.
  bool personal = false;
};

struct Field : FieldOptions {
  std::string name;
  FieldType type = FieldType::text;
  bool nullable = false;
  FieldType element = FieldType::text;  ///< of a list
  std::vector<std::string> choices;     ///< of an enumeration: the names allowed
  const Schema* object = nullptr;       ///< of an object, or of a list's elements; null: any JSON
  Value initial;                        ///< what a default-constructed struct has, in stored form

  /// Read and write the member of a struct in stored form.
  std::function<Value(const void*)> get;
  std::function<void(void*, Value&&)> set;
  /// Appends the member in wire form.
  std::function<void(std::string& json, const void*)> show;
};

/// The values of one row, in the order of the schema's fields, in stored form.
using Record = std::vector<Value>;

/// Thread-safe after construction. Lives as long as the program: `T::schema()` keeps it in a function-local constant.
class LMS_API Schema {
 public:
  Schema(std::string name, std::string doc);

  const std::string& name() const noexcept { return name_; }    ///< `Course`: its name in OpenAPI
  const std::string& table() const noexcept { return table_; }  ///< `courses`; empty: never stored
  const std::string& doc() const noexcept { return doc_; }
  const std::vector<Field>& fields() const noexcept { return fields_; }
  /// The field that identifies a record. @throws Error internal if the schema is not stored.
  const Field& key() const;
  std::size_t key_index() const;
  /// Sets of fields whose values no two records share; the key is not among them. Nulls never clash.
  const std::vector<std::vector<std::string>>& uniques() const noexcept { return uniques_; }
  /// Fields that queries filter and order by together, in that order.
  const std::vector<std::vector<std::string>>& indexes() const noexcept { return indexes_; }
  bool searchable() const noexcept;
  /// The positions of fields that storage holds encrypted.
  const std::vector<std::size_t>& encrypted_fields() const noexcept { return encrypted_; }
  /// The same table as storage holds it: with tokens in place of what is encrypted. For who moves records or renews
  /// their encryption; it lives as long as this one.
  const Schema& as_stored() const;

  const Field* find(std::string_view field) const noexcept;
  /// @throws Error internal for an unknown name: a defect in the caller's code.
  std::size_t index_of(std::string_view field) const;

  Record to_record(const void* object) const;
  /// Takes the values out of the record.
  void from_record(void* object, Record&& record) const;

  /// What a client sees of the struct: without hidden and write-only fields.
  Object to_wire(const void* object) const;
  /// Appends the same as JSON.
  void append_wire(std::string& json, const void* object) const;

  /// Checks `body` and writes its values into the struct.
  /// @throws Error invalid with every fault found, each at `part`/field/….
  void parse(void* object, const Value& body, std::string_view part = "body") const;

  /// Holds a struct that a program filled to the same rules: fields that no client gives get their initial values, the
  /// others are checked and brought into form as by `parse`. An optional field with its initial value counts as left
  /// out. @throws Error invalid as parse.
  void check(void* object, std::string_view part = "body") const;

  /// The same for a change: nothing is required, create-only fields are refused. Returns stored values by field.
  Object parse_changes(const Value& body, std::string_view part = "body") const;
  void apply_changes(void* object, Object changes) const;

  /// Reads names and texts (a query string) as typed values; a list is comma-separated or repeated.
  void parse_texts(void* object, const std::vector<std::pair<std::string, std::string>>& texts,
                   std::string_view part = "query") const;

  // --- used by define() ---
  void set_table(std::string table) { table_ = std::move(table); }
  void add(Field field);
  void set_key(const std::string& field);
  void add_unique(std::vector<std::string> fields) { uniques_.push_back(std::move(fields)); }
  void add_index(std::vector<std::string> fields) { indexes_.push_back(std::move(fields)); }
  /// At last. @throws Error internal if a field is called encrypted that cannot be.
  void complete();

 private:
  void check_encrypted(const Field& field) const;

  std::string name_, table_, doc_;
  std::vector<Field> fields_;
  std::vector<std::string> labels_;  // of the fields in JSON: `,"name":`
  std::optional<std::size_t> key_;
  std::vector<std::vector<std::string>> uniques_, indexes_;
  std::vector<std::size_t> encrypted_;
  std::shared_ptr<const Schema> as_stored_;  // null: as this one
};

/// Names of an enumeration whose enumerators count from 0: found by argument-dependent lookup of
/// `constexpr auto names_of(E) { return std::array<std::string_view, N>{…}; }` beside the enumeration.
template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) {
  names_of(e)[0];
};

template <NamedEnum E>
constexpr std::string_view name_of(E value) {
  return names_of(value)[static_cast<std::size_t>(value)];
}

template <NamedEnum E>
std::optional<E> enum_from(std::string_view name) {
  const auto names = names_of(E{});
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<E>(i);
  return std::nullopt;
}

template <class T>
concept HasSchema = requires {
  { T::schema() } -> std::convertible_to<const Schema&>;
};

/// How a member's type is stored and shown: `describe` completes its field, `store` and `load` convert to and from
/// stored form, `show` appends its wire form as JSON, the same that `Schema::to_wire` makes of what is stored.
/// Specialise for types of your own.
template <class T>
struct Codec;

template <>
struct Codec<bool> {
  static void describe(Field& field) { field.type = FieldType::boolean; }
  static Value store(bool value) { return value; }
  static bool load(const Value& value) { return value.as_bool(); }
  static void show(std::string& json, bool value) { json += value ? "true" : "false"; }
};
template <>
struct Codec<std::int64_t> {
  static void describe(Field& field) { field.type = FieldType::integer; }
  static Value store(std::int64_t value) { return value; }
  static std::int64_t load(const Value& value) { return value.as_integer(); }
  static void show(std::string& json, std::int64_t value) { append_json_number(json, value); }
};
template <>
struct Codec<double> {
  static void describe(Field& field) { field.type = FieldType::real; }
  static Value store(double value) { return value; }
  static double load(const Value& value) { return value.as_real(); }
  static void show(std::string& json, double value) { append_json_number(json, value); }
};
template <>
struct Codec<std::string> {
  static void describe(Field& field) { field.type = FieldType::text; }
  static Value store(const std::string& value) { return value; }
  static std::string load(Value&& value) { return std::move(value.as_string()); }
  static void show(std::string& json, const std::string& value) { append_json_text(json, value); }
};
template <>
struct Codec<Time> {
  static void describe(Field& field) { field.type = FieldType::time; }
  static Value store(Time value) { return std::int64_t{value.time_since_epoch().count()}; }
  static Time load(const Value& value) { return Time(std::chrono::microseconds(value.as_integer())); }
  static void show(std::string& json, Time value) { append_json_text(json, to_iso8601(value)); }
};
template <class Entity>
struct Codec<Id<Entity>> {
  static void describe(Field& field) { field.type = FieldType::uuid; }
  static Value store(Id<Entity> value) { return value.text(); }
  static Id<Entity> load(const Value& value) {
    auto id = Id<Entity>::parse(value.as_string());
    if (!id) throw internal("a stored id is malformed");
    return *id;
  }
  static void show(std::string& json, Id<Entity> value) {
    json += '"';
    value.append_text(json);
    json += '"';
  }
};
template <NamedEnum E>
struct Codec<E> {
  static void describe(Field& field) {
    field.type = FieldType::text;
    for (auto name : names_of(E{})) field.choices.emplace_back(name);
  }
  static Value store(E value) { return name_of(value); }
  static E load(const Value& value) {
    auto e = enum_from<E>(value.as_string());
    if (!e) throw internal("a stored enumerator is unknown: " + value.as_string());
    return *e;
  }
  static void show(std::string& json, E value) { append_json_text(json, name_of(value)); }
};
/// Any JSON.
template <>
struct Codec<Value> {
  static void describe(Field& field) {
    field.type = FieldType::object;
    field.nullable = true;
  }
  static Value store(const Value& value) { return value; }
  static Value load(Value&& value) { return std::move(value); }
  static void show(std::string& json, const Value& value) { append_json(json, value); }
};
template <HasSchema T>
struct Codec<T> {
  static void describe(Field& field) {
    field.type = FieldType::object;
    field.object = &T::schema();
  }
  static Value store(const T& value) {
    const auto& fields = T::schema().fields();
    Object object;
    object.reserve(fields.size());
    for (const Field& field : fields) object.append(field.name, field.get(&value));
    return object;
  }
  static T load(Value&& value) {
    T result{};
    for (auto& [name, member] : std::move(value.as_object()).release())
      if (const Field* field = T::schema().find(name)) field->set(&result, std::move(member));
    return result;
  }
  static void show(std::string& json, const T& value) { T::schema().append_wire(json, &value); }
};
template <class T>
struct Codec<std::optional<T>> {
  static void describe(Field& field) {
    Codec<T>::describe(field);
    field.nullable = true;
  }
  static Value store(const std::optional<T>& value) { return value ? Codec<T>::store(*value) : Value(); }
  static std::optional<T> load(Value&& value) {
    if (value.is_null()) return std::nullopt;
    return Codec<T>::load(std::move(value));
  }
  static void show(std::string& json, const std::optional<T>& value) {
    if (value)
      Codec<T>::show(json, *value);
    else
      json += "null";
  }
};
template <class T>
struct Codec<std::vector<T>> {
  static void describe(Field& field) {
    Field element;
    Codec<T>::describe(element);
    field.type = FieldType::list;
    field.element = element.type;
    field.object = element.object;
    field.choices = element.choices;
  }
  static Value store(const std::vector<T>& values) {
    Array array;
    array.reserve(values.size());
    for (const T& value : values) array.push_back(Codec<T>::store(value));
    return array;
  }
  static std::vector<T> load(Value&& value) {
    std::vector<T> values;
    values.reserve(value.as_array().size());
    for (Value& element : value.as_array()) values.push_back(Codec<T>::load(std::move(element)));
    return values;
  }
  static void show(std::string& json, const std::vector<T>& values) {
    json += '[';
    for (const T& value : values) {
      if (json.back() != '[') json += ',';
      Codec<T>::show(json, value);
    }
    json += ']';
  }
};

/// Builds the schema of T; see any feature header's `.cpp` for its use.
template <class T>
class Definition {
 public:
  Definition(std::string name, std::string doc) : schema_(std::move(name), std::move(doc)) {}

  Definition&& table(std::string table) && {
    schema_.set_table(std::move(table));
    return std::move(*this);
  }
  template <class M>
  Definition&& field(std::string name, M T::*member, FieldOptions options = {}) && {
    Field field;
    static_cast<FieldOptions&>(field) = std::move(options);
    field.name = std::move(name);
    Codec<M>::describe(field);
    field.get = [member](const void* object) { return Codec<M>::store(static_cast<const T*>(object)->*member); };
    field.set = [member](void* object, Value&& value) {
      static_cast<T*>(object)->*member = Codec<M>::load(std::move(value));
    };
    field.show = [member](std::string& json, const void* object) {
      Codec<M>::show(json, static_cast<const T*>(object)->*member);
    };
    return std::move(*this).add(std::move(field));
  }
  /// The field that identifies a record; clients never set it.
  template <class M>
  Definition&& key(std::string name, M T::*member, FieldOptions options = {}) && {
    if (options.access == Access::normal) options.access = Access::read_only;
    schema_.set_key(name);
    return std::move(*this).field(std::move(name), member, std::move(options));
  }
  /// Takes over the fields of a member struct as if they stood here.
  template <class M>
  Definition&& flatten(M T::*member) && {
    for (Field field : M::schema().fields()) {
      field.get = [member, get = field.get](const void* object) {
        return get(&(static_cast<const T*>(object)->*member));
      };
      field.set = [member, set = field.set](void* object, Value&& value) {
        set(&(static_cast<T*>(object)->*member), std::move(value));
      };
      field.show = [member, show = field.show](std::string& json, const void* object) {
        show(json, &(static_cast<const T*>(object)->*member));
      };
      std::move(*this).add(std::move(field));
    }
    return std::move(*this);
  }
  Definition&& unique(std::vector<std::string> fields) && {
    schema_.add_unique(std::move(fields));
    return std::move(*this);
  }
  Definition&& index(std::vector<std::string> fields) && {
    schema_.add_index(std::move(fields));
    return std::move(*this);
  }
  operator Schema() && {
    schema_.complete();
    return std::move(schema_);
  }

 private:
  Definition&& add(Field field) && {
    const T fresh{};
    field.initial = field.get(&fresh);
    schema_.add(std::move(field));
    return std::move(*this);
  }

  Schema schema_;
};

template <class T>
Definition<T> define(std::string name, std::string doc) {
  return {std::move(name), std::move(doc)};
}

/// A validated change of some fields of a T: `Patch<Course>({{"title", "New title"}})`.
template <HasSchema T>
class Patch {
 public:
  /// @throws Error invalid as Schema::parse_changes.
  explicit Patch(const Value& body) : changes_(T::schema().parse_changes(body)) {}
  Patch(std::initializer_list<Object::Member> members) : Patch(Value(Object(members))) {}

  bool changes(std::string_view field) const { return changes_.contains(field); }
  bool empty() const { return changes_.empty(); }
  void apply(T& object) const { T::schema().apply_changes(&object, changes_); }

 private:
  Object changes_;
};

/// Reads a T from the JSON of a client. @throws Error invalid with every fault.
template <HasSchema T>
T parse(const Value& body) {
  T object{};
  T::schema().parse(&object, body);
  return object;
}

/// What a service makes of a T that its caller filled. @throws Error invalid as Schema::check.
template <HasSchema T>
T validated(T object) {
  T::schema().check(&object);
  return object;
}

template <HasSchema T>
Object to_wire(const T& object) {
  return T::schema().to_wire(&object);
}

}  // namespace lms
