#include <lms/schema.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>
#include <variant>

#include <lms/repository.hpp>

#include "base/formats.hpp"
#include "base/nearest.hpp"
#include "base/utf8.hpp"

namespace lms {

namespace {

// --- wire to stored ---

constexpr std::size_t most_faults = 100;           // an answer must not outgrow its question
constexpr std::size_t longest_text_in_list = 255;  // code points; a list's own limits count its elements
constexpr std::size_t longest_name_shown = 100;    // bytes of an unknown field's name

enum class Purpose { create, change };
enum class Form { wire, stored };  ///< of the values that are read

bool accepts(const Field& field, Purpose purpose) {
  switch (field.access) {
    case Access::normal:
    case Access::write_only:
      return true;
    case Access::create_only:
      return purpose == Purpose::create;
    case Access::read_only:
    case Access::hidden:
      break;
  }
  return false;
}

std::string number_text(double number) {
  char text[400];  // the largest double has 309 digits
  const auto end = std::to_chars(text, text + sizeof text, number, std::chars_format::fixed).ptr;
  return {text, end};
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string counted(std::size_t number, const char* thing) {
  return std::to_string(number) + ' ' + thing + (number == 1 ? "" : "s");
}

/// The rules of one value: a field, or an element of its list.
struct Rules {
  FieldType type;
  const Field& field;
  bool nullable;
  std::size_t min_length, max_length;
};

Rules rules_of(const Field& field) {
  const bool any_json = field.type == FieldType::object && !field.object;
  return {field.type, field, field.nullable || any_json, field.min_length, field.max_length};
}

Rules element_rules(const Field& field) {
  const bool any_json = field.element == FieldType::object && !field.object;
  const std::size_t shortest = field.format == Format::name ? 1 : 0;
  return {field.element, field, any_json, shortest, longest_text_in_list};
}

/// Reads what a client sent, checks it, and collects what is wrong.
class Reader {
 public:
  explicit Reader(std::string_view part, Form form = Form::wire) : form_(form), path_{part} {}

  /// The stored values of the fields that were sent; of use only if `finish` does not throw.
  Object read_object(const Schema& schema, const Value& wire, Purpose purpose);
  /// The same of a struct in stored form, of which it reads what a client may give.
  Object read_struct(const Schema& schema, const Object& members);

  void fail(std::string message, std::string type);
  void fail_at(std::string_view field, std::string message, std::string type) {
    const Step step(*this, field);
    fail(std::move(message), std::move(type));
  }
  void finish() {
    if (!faults_.empty()) throw invalid(std::move(faults_));
  }

 private:
  /// Longer path while it lives.
  class Step {
   public:
    Step(Reader& reader, std::variant<std::string_view, std::size_t> step) : reader_(reader) {
      reader_.path_.push_back(step);
    }
    ~Step() { reader_.path_.pop_back(); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Reader& reader_;
  };

  Value read(const Rules& rules, const Value& wire);
  Value read_boolean(const Value& wire);
  Value read_integer(const Rules& rules, const Value& wire);
  Value read_real(const Rules& rules, const Value& wire);
  Value read_text(const Rules& rules, const Value& wire);
  Value read_uuid(const Value& wire);
  Value read_time(const Value& wire);
  Value read_list(const Rules& rules, const Value& wire);
  void check_range(const Field& field, double number);
  void check_format(Format format, const std::string& text);
  std::string read_email(const std::string& text);
  bool check_characters(std::string_view text);
  void check_any(const Value& value);
  void refuse_unknown(const Schema& schema, const std::string& name, Purpose purpose);

  Form form_;
  std::vector<std::variant<std::string_view, std::size_t>> path_;  // of names that live longer
  std::vector<Fault> faults_;
};

void Reader::fail(std::string message, std::string type) {
  if (faults_.size() >= most_faults) return;
  Path loc;
  for (const auto& step : path_)
    if (const auto* name = std::get_if<std::string_view>(&step))
      loc.emplace_back(std::string(*name));
    else
      loc.emplace_back(std::get<std::size_t>(step));
  faults_.push_back({std::move(loc), std::move(message), std::move(type)});
}

Object Reader::read_object(const Schema& schema, const Value& wire, Purpose purpose) {
  Object stored;
  if (!wire.is_object()) {
    fail("must be an object", "type_error.dict");
    return stored;
  }
  const Object& members = wire.as_object();
  for (const Field& field : schema.fields()) {
    const Value* member = members.find(field.name);
    if (!accepts(field, purpose)) {
      if (member && field.access == Access::create_only)
        fail_at(field.name, "is fixed on creation and cannot be changed", "value_error.read_only");
      else if (member && field.access == Access::read_only)
        fail_at(field.name, "is read-only: leave it out", "value_error.read_only");
    } else if (member) {
      const Step step(*this, std::string_view(field.name));
      stored.append(field.name, read(rules_of(field), *member));
    } else if (field.required && purpose == Purpose::create) {
      fail_at(field.name, "field required", "value_error.missing");
    }
  }
  for (const auto& [name, value] : members) {
    const Field* field = schema.find(name);
    if (!field || field->access == Access::hidden) refuse_unknown(schema, name, purpose);
  }
  return stored;
}

Object Reader::read_struct(const Schema& schema, const Object& members) {
  Object stored;
  for (const Field& field : schema.fields()) {
    if (!accepts(field, Purpose::create)) continue;
    const Value& member = *members.find(field.name);
    const bool left_out = !field.required && member == field.initial;
    if (left_out) continue;
    const Step step(*this, std::string_view(field.name));
    stored.append(field.name, read(rules_of(field), member));
  }
  return stored;
}

void Reader::refuse_unknown(const Schema& schema, const std::string& name, Purpose purpose) {
  if (faults_.size() >= most_faults) return;
  std::vector<std::string> known;
  for (const Field& field : schema.fields())
    if (accepts(field, purpose)) known.push_back(field.name);
  std::string message = "no such field";
  if (auto meant = nearest(name, known)) message += "; did you mean " + *meant + "?";
  fail_at(cut_utf8(name, longest_name_shown), std::move(message), "value_error.extra");
}

Value Reader::read(const Rules& rules, const Value& wire) {
  if (wire.is_null()) {
    if (!rules.nullable) fail("must not be null", "type_error.none.not_allowed");
    return {};
  }
  switch (rules.type) {
    case FieldType::boolean:
      return read_boolean(wire);
    case FieldType::integer:
      return read_integer(rules, wire);
    case FieldType::real:
      return read_real(rules, wire);
    case FieldType::text:
      return read_text(rules, wire);
    case FieldType::uuid:
      return read_uuid(wire);
    case FieldType::time:
      return read_time(wire);
    case FieldType::list:
      return read_list(rules, wire);
    case FieldType::object:
      break;
  }
  if (rules.field.object && form_ == Form::stored) return read_struct(*rules.field.object, wire.as_object());
  if (rules.field.object) return read_object(*rules.field.object, wire, Purpose::create);
  check_any(wire);
  return wire;
}

Value Reader::read_boolean(const Value& wire) {
  if (!wire.is_bool()) fail("must be true or false", "type_error.bool");
  return wire;
}

Value Reader::read_integer(const Rules& rules, const Value& wire) {
  constexpr double exact = 9007199254740992.0;  // 2^53: up to here a real such as 3.0 means one integer
  const bool whole =
      wire.is_real() && std::abs(wire.as_real()) <= exact && std::trunc(wire.as_real()) == wire.as_real();
  if (!wire.is_integer() && !whole) {
    fail("must be a whole number", "type_error.integer");
    return {};
  }
  const std::int64_t number = whole ? static_cast<std::int64_t>(wire.as_real()) : wire.as_integer();
  check_range(rules.field, static_cast<double>(number));
  return number;
}

Value Reader::read_real(const Rules& rules, const Value& wire) {
  if (!wire.is_number() || !std::isfinite(wire.as_real())) {
    fail("must be a number", "type_error.float");
    return {};
  }
  check_range(rules.field, wire.as_real());
  return wire.as_real();
}

void Reader::check_range(const Field& field, double number) {
  if (number < field.minimum) fail("must be at least " + number_text(field.minimum), "value_error.number.not_ge");
  if (number > field.maximum) fail("must be at most " + number_text(field.maximum), "value_error.number.not_le");
}

Value Reader::read_text(const Rules& rules, const Value& wire) {
  const auto& choices = rules.field.choices;
  if (!choices.empty()) {
    if (!wire.is_string() || std::find(choices.begin(), choices.end(), wire.as_string()) == choices.end())
      fail("must be one of: " + joined(choices), "type_error.enum");
    return wire;
  }
  if (!wire.is_string()) {
    fail("must be text", "type_error.str");
    return {};
  }
  if (!check_characters(wire.as_string())) return {};
  const Format format = rules.field.format;
  const std::string text(format == Format::name ? without_blanks_around(wire.as_string()) : wire.as_string());
  const std::size_t length = count_code_points(text);
  const bool shows_nothing = !wire.as_string().empty() && !is_visible(text);
  const bool must_show = format == Format::name ? rules.min_length > 0 || !text.empty()
                                                : rules.min_length > 0 && format != Format::password;
  if (shows_nothing && must_show)
    fail("must have something to see, not blanks alone", "value_error.blank");
  else if (length < rules.min_length)
    fail("must have at least " + counted(rules.min_length, "character"), "value_error.any_str.min_length");
  else if (length > rules.max_length)
    fail("must have at most " + counted(rules.max_length, "character"), "value_error.any_str.max_length");
  else if (format == Format::email)
    return read_email(text);
  else
    check_format(format, text);
  return text;
}

std::string Reader::read_email(const std::string& text) {
  if (auto email = normal_email(text)) return *std::move(email);
  const std::string_view local = std::string_view(text).substr(0, text.find('@'));
  const bool ascii =
      std::all_of(local.begin(), local.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  fail(ascii ? "must be a mail address such as ada@example.org"
             : "must have only letters without accents, digits and signs before the @, as ada@example.org",
       "value_error.email");
  return {};
}

bool Reader::check_characters(std::string_view text) {
  if (find_malformed_utf8(text)) {
    fail("must be UTF-8", "value_error.utf8");
    return false;
  }
  if (text.find('\0') != std::string_view::npos) {
    fail("must not contain the character U+0000", "value_error.nul");
    return false;
  }
  return true;
}

void Reader::check_format(Format format, const std::string& text) {
  switch (format) {
    case Format::none:
    case Format::email:
    case Format::markdown:
    case Format::password:
      break;
    case Format::name:
      if (!is_plain_line(text))
        fail("must be one line, without control characters and without those that turn the direction of writing",
             "value_error.name");
      break;
    case Format::timezone:
      if (!is_timezone(text))
        fail("must be a name of the IANA time zone database such as Europe/Madrid", "value_error.timezone");
      break;
    case Format::slug:
      if (!is_slug(text))
        fail("must be lower-case letters and digits, joined by hyphens: music-theory-1", "value_error.slug");
      break;
    case Format::url:
      if (!is_url(text)) fail("must be an address that begins with https:// or http://", "value_error.url");
      break;
    case Format::language:
      if (!is_language(text)) fail("must be a language such as en or pt-BR", "value_error.language");
      break;
    case Format::currency:
      if (!is_currency(text)) fail("must be a currency such as EUR", "value_error.currency");
      break;
  }
}

Value Reader::read_uuid(const Value& wire) {
  const auto id = wire.is_string() ? Uuid::parse(wire.as_string()) : std::nullopt;
  if (id) return id->text();
  fail("must be an id such as 0197a3c2-8f4e-7b11-9c55-3d2a6f1e8b40", "type_error.uuid");
  return {};
}

Value Reader::read_time(const Value& wire) {
  if (form_ == Form::stored) return wire;
  const auto time = wire.is_string() ? parse_iso8601(wire.as_string()) : std::nullopt;
  if (time) return Codec<Time>::store(*time);
  fail("must be a time such as 2026-11-21T08:30:00Z", "type_error.datetime");
  return {};
}

Value Reader::read_list(const Rules& rules, const Value& wire) {
  if (!wire.is_array()) {
    fail("must be a list", "type_error.list");
    return {};
  }
  const Array& elements = wire.as_array();
  if (elements.size() < rules.min_length)
    fail("must have at least " + counted(rules.min_length, "element"), "value_error.list.min_items");
  if (elements.size() > rules.max_length) {
    fail("must have at most " + counted(rules.max_length, "element"), "value_error.list.max_items");
    return {};
  }
  Array stored;
  stored.reserve(elements.size());
  for (const Value& element : elements) {
    const Step step(*this, stored.size());
    stored.push_back(read(element_rules(rules.field), element));
  }
  return stored;
}

void Reader::check_any(const Value& value) {
  if (value.is_string()) check_characters(value.as_string());
  if (value.is_array()) {
    std::size_t index = 0;
    for (const Value& element : value.as_array()) {
      const Step step(*this, index++);
      check_any(element);
    }
  }
  if (value.is_object()) {
    for (const auto& [name, member] : value.as_object()) {
      const Step step(*this, cut_utf8(name, longest_name_shown));
      check_characters(name);
      check_any(member);
    }
  }
}

// --- query strings ---

/// The text as the JSON value it stands for; one that stands for none is left as it is, for the reader to refuse.
Value typed(FieldType type, const std::string& text) {
  const char* const end = text.data() + text.size();
  if (type == FieldType::boolean) {
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
  } else if (type == FieldType::integer) {
    std::int64_t number = 0;
    if (const auto result = std::from_chars(text.data(), end, number); result.ec == std::errc() && result.ptr == end)
      return number;
  } else if (type == FieldType::real) {
    double number = 0;
    if (const auto result = std::from_chars(text.data(), end, number); result.ec == std::errc() && result.ptr == end)
      return number;
  }
  return text;
}

void append_elements(Array& list, FieldType element, std::string_view text) {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    list.push_back(typed(element, std::string(text.substr(0, comma))));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
}

// --- stored to wire ---

Object wire_object(const Schema& schema, Object stored);

Value wire_value(FieldType type, const Schema* object, Value stored) {
  if (stored.is_null()) return {};
  if (type == FieldType::time) return to_iso8601(Codec<Time>::load(stored));
  if (type == FieldType::object && object) return wire_object(*object, std::move(stored.as_object()));
  return stored;
}

Value wire_field(const Field& field, Value stored) {
  const bool converts = field.element == FieldType::time || (field.element == FieldType::object && field.object);
  if (field.type != FieldType::list || !converts || stored.is_null())
    return wire_value(field.type, field.object, std::move(stored));
  for (Value& element : stored.as_array()) element = wire_value(field.element, field.object, std::move(element));
  return stored;
}

bool shown(const Field& field) {
  return field.access != Access::hidden && field.access != Access::write_only;
}

/// The members usually come in the order of the fields.
Object wire_object(const Schema& schema, Object stored) {
  const auto& fields = schema.fields();
  Object wire;
  wire.reserve(stored.size());
  std::size_t next = 0;
  for (auto& [name, value] : std::move(stored).release()) {
    const bool in_order = next < fields.size() && fields[next].name == name;
    const Field* field = in_order ? &fields[next] : schema.find(name);
    ++next;
    if (field && shown(*field)) wire.append(std::move(name), wire_field(*field, std::move(value)));
  }
  return wire;
}

/// Whether something in an object of this schema is to be encrypted.
bool holds_encrypted(const Schema& schema) {
  const auto is_or_holds = [](const Field& field) {
    return field.encrypted || (field.object && holds_encrypted(*field.object));
  };
  return std::any_of(schema.fields().begin(), schema.fields().end(), is_or_holds);
}

}  // namespace

Schema::Schema(std::string name, std::string doc) : name_(std::move(name)), doc_(std::move(doc)) {}

std::size_t Schema::key_index() const {
  if (!key_ || table_.empty()) throw internal(name_ + " is not stored");
  return *key_;
}

const Field& Schema::key() const {
  return fields_[key_index()];
}

bool Schema::searchable() const noexcept {
  return std::any_of(fields_.begin(), fields_.end(), [](const Field& field) { return field.search_weight > 0; });
}

void Schema::check_encrypted(const Field& field) const {
  const auto among = [&](const std::vector<std::string>& fields) {
    return std::find(fields.begin(), fields.end(), field.name) != fields.end();
  };
  const auto named = [&](const std::vector<std::vector<std::string>>& sets) {
    return std::any_of(sets.begin(), sets.end(), among);
  };
  const auto refuse = [&](const char* why) {
    throw internal(name_ + '.' + field.name + " cannot be encrypted: " + why);
  };
  if (field.type != FieldType::text || !field.choices.empty()) refuse("only free text can");
  if (key_ == static_cast<std::size_t>(&field - fields_.data())) refuse("it is the key");
  if (!field.references.empty()) refuse("it refers to another record");
  if (field.search_weight > 0) refuse("it is searched");
  if (named(uniques_) || named(indexes_)) refuse("it is in a unique set or an index");
}

void Schema::complete() {
  for (const Field& field : fields_) {
    if (field.encrypted) check_encrypted(field);
    // Of an object only the whole is stored, as JSON.
    if (!table_.empty() && field.object && holds_encrypted(*field.object))
      throw internal(name_ + '.' + field.name + " cannot be stored: something in it is to be encrypted");
  }
  if (encrypted_.empty()) return;
  auto twin = std::make_shared<Schema>(*this);
  for (Field& field : twin->fields_) field.encrypted = false;
  twin->encrypted_.clear();
  as_stored_ = std::move(twin);
}

const Schema& Schema::as_stored() const {
  if (encrypted_.empty()) return *this;
  if (!as_stored_) throw internal("the definition of " + name_ + " is not complete");
  return *as_stored_;
}

const Field* Schema::find(std::string_view field) const noexcept {
  for (const Field& candidate : fields_)
    if (candidate.name == field) return &candidate;
  return nullptr;
}

std::size_t Schema::index_of(std::string_view field) const {
  const Field* found = find(field);
  if (!found) throw internal(name_ + " has no field " + std::string(field));
  return static_cast<std::size_t>(found - fields_.data());
}

void Schema::add(Field field) {
  if (find(field.name)) throw internal(name_ + " has two fields " + field.name);
  if (field.type == FieldType::list && field.element == FieldType::list)
    throw internal(name_ + '.' + field.name + ": a list of lists needs a struct between them");
  append_json_text(labels_.emplace_back(","), field.name);
  labels_.back() += ':';
  if (field.encrypted) encrypted_.push_back(fields_.size());
  fields_.push_back(std::move(field));
}

void Schema::set_key(const std::string& field) {
  const Field* known = find(field);
  key_ = known ? static_cast<std::size_t>(known - fields_.data()) : fields_.size();  // else it is added next
}

Record Schema::to_record(const void* object) const {
  Record record;
  record.reserve(fields_.size());
  for (const Field& field : fields_) record.push_back(field.get(object));
  return record;
}

void Schema::from_record(void* object, Record&& record) const {
  if (record.size() != fields_.size()) throw internal("a record of " + name_ + " has a wrong number of values");
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const bool left_out = record[i].is_null() && !fields_[i].nullable;  // by the query's projection
    if (!left_out) fields_[i].set(object, std::move(record[i]));
  }
}

Object Schema::to_wire(const void* object) const {
  Object wire;
  wire.reserve(fields_.size());
  for (const Field& field : fields_)
    if (shown(field)) wire.append(field.name, wire_field(field, field.get(object)));
  return wire;
}

void Schema::append_wire(std::string& json, const void* object) const {
  json += '{';
  bool first = true;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (!shown(fields_[i])) continue;
    json += std::string_view(labels_[i]).substr(std::exchange(first, false) ? 1 : 0);
    fields_[i].show(json, object);
  }
  json += '}';
}

void Schema::parse(void* object, const Value& body, std::string_view part) const {
  Reader reader(part);
  Object values = reader.read_object(*this, body, Purpose::create);
  reader.finish();
  apply_changes(object, std::move(values));
}

void Schema::check(void* object, std::string_view part) const {
  Object given;
  for (const Field& field : fields_)
    if (accepts(field, Purpose::create))
      given.append(field.name, field.get(object));
    else
      field.set(object, Value(field.initial));
  Reader reader(part, Form::stored);
  Object values = reader.read_struct(*this, given);
  reader.finish();
  apply_changes(object, std::move(values));
}

Object Schema::parse_changes(const Value& body, std::string_view part) const {
  Reader reader(part);
  Object changes = reader.read_object(*this, body, Purpose::change);
  reader.finish();
  return changes;
}

void Schema::apply_changes(void* object, Object changes) const {
  for (auto& [name, value] : std::move(changes).release()) fields_[index_of(name)].set(object, std::move(value));
}

void Schema::parse_texts(void* object, const std::vector<std::pair<std::string, std::string>>& texts,
                         std::string_view part) const {
  Reader reader(part);
  Object wire;
  for (const auto& [name, text] : texts) {
    const Field* field = find(name);
    if (field && field->type == FieldType::list) {
      const Value* before = wire.find(name);
      Array list = before ? before->as_array() : Array();
      append_elements(list, field->element, text);
      wire.set(name, std::move(list));
    } else if (wire.contains(name)) {
      reader.fail_at(cut_utf8(name, longest_name_shown), "is given twice", "value_error.duplicate");
    } else if (field && field->nullable && text.empty()) {
      wire.append(name, nullptr);
    } else {
      wire.append(name, field ? typed(field->type, text) : Value(text));
    }
  }
  Object values = reader.read_object(*this, std::move(wire), Purpose::create);
  reader.finish();
  apply_changes(object, std::move(values));
}

std::string reason_name(const Schema& schema) {
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const std::string& name = schema.name();
  std::string reason;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool word_begins =
        upper(name[i]) && i > 0 && (!upper(name[i - 1]) || (i + 1 < name.size() && !upper(name[i + 1])));
    if (word_begins) reason += '_';
    reason += upper(name[i]) ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
  }
  return reason;
}

}  // namespace lms
