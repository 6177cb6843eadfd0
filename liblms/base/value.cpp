#include <lms/value.hpp>

#include <algorithm>
#include <cmath>

namespace lms {

// Object

Object::Object() = default;
Object::Object(std::initializer_list<Member> members) {
  members_.reserve(members.size());
  for (const Member& member : members) set(member.first, member.second);
}
Object::Object(const Object&) = default;
Object::Object(Object&&) noexcept = default;
Object& Object::operator=(const Object&) = default;
Object& Object::operator=(Object&&) noexcept = default;
Object::~Object() = default;

const Value* Object::find(std::string_view key) const noexcept {
  for (const Member& member : members_)
    if (member.first == key) return &member.second;
  return nullptr;
}

void Object::set(std::string_view key, Value value) {
  for (Member& member : members_) {
    if (member.first == key) {
      member.second = std::move(value);
      return;
    }
  }
  append(std::string(key), std::move(value));
}

void Object::append(std::string key, Value value) {
  members_.emplace_back(std::move(key), std::move(value));
}

std::vector<Object::Member> Object::release() && {
  return std::move(members_);
}

void Object::reserve(std::size_t count) {
  members_.reserve(count);
}

bool Object::erase(std::string_view key) {
  return std::erase_if(members_, [&](const Member& member) { return member.first == key; }) > 0;
}

bool Object::empty() const noexcept {
  return members_.empty();
}
std::size_t Object::size() const noexcept {
  return members_.size();
}
std::vector<Object::Member>::const_iterator Object::begin() const noexcept {
  return members_.begin();
}
std::vector<Object::Member>::const_iterator Object::end() const noexcept {
  return members_.end();
}

bool Object::operator==(const Object& other) const {
  return size() == other.size() && std::all_of(begin(), end(), [&](const Member& member) {
           const Value* value = other.find(member.first);
           return value && *value == member.second;
         });
}

// Value

namespace {

template <class T, class Data>
auto& expect(Data& data, const char* kind) {
  auto* value = std::get_if<T>(&data);
  if (!value) throw internal(std::string("a value is not ") + kind);
  return *value;
}

template <class T>
int order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int compare_reals(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return order(!std::isnan(a), !std::isnan(b));
  return order(a, b);
}

/// Exact where a conversion of the integer to double would round.
int compare_mixed(std::int64_t integer, double real) {
  constexpr double two_to_63 = 9223372036854775808.0;
  if (std::isnan(real) || real < -two_to_63) return 1;
  if (real >= two_to_63) return -1;
  const double whole = std::trunc(real);
  if (int result = order(integer, static_cast<std::int64_t>(whole))) return result;
  return order(whole, real);
}

int compare_numbers(const Value& a, const Value& b) {
  if (a.is_integer() && b.is_integer()) return order(a.as_integer(), b.as_integer());
  if (a.is_integer()) return compare_mixed(a.as_integer(), b.as_real());
  if (b.is_integer()) return -compare_mixed(b.as_integer(), a.as_real());
  return compare_reals(a.as_real(), b.as_real());
}

int rank(const Value& value) {
  if (value.is_null()) return 0;
  if (value.is_bool()) return value.as_bool() ? 2 : 1;
  if (value.is_number()) return 3;
  if (value.is_string()) return 4;
  return 5;
}

}  // namespace

bool Value::as_bool() const {
  return expect<bool>(data_, "a boolean");
}
std::int64_t Value::as_integer() const {
  return expect<std::int64_t>(data_, "an integer");
}
double Value::as_real() const {
  return is_integer() ? static_cast<double>(as_integer()) : expect<double>(data_, "a number");
}
const std::string& Value::as_string() const {
  return expect<std::string>(data_, "a string");
}
const Array& Value::as_array() const {
  return expect<Array>(data_, "an array");
}
const Object& Value::as_object() const {
  return expect<Object>(data_, "an object");
}
std::string& Value::as_string() {
  return expect<std::string>(data_, "a string");
}
Array& Value::as_array() {
  return expect<Array>(data_, "an array");
}
Object& Value::as_object() {
  return expect<Object>(data_, "an object");
}

const Value& Value::operator[](std::string_view key) const noexcept {
  static const Value null;
  const auto* object = std::get_if<Object>(&data_);
  const Value* member = object ? object->find(key) : nullptr;
  return member ? *member : null;
}

bool Value::operator==(const Value& other) const {
  if (is_number() && other.is_number()) return compare_numbers(*this, other) == 0;
  return data_ == other.data_;
}

int Value::compare(const Value& a, const Value& b) {
  const int kind = rank(a);
  if (int result = order(kind, rank(b))) return result;
  if (kind == 3) return compare_numbers(a, b);
  if (kind == 4) return order(a.as_string(), b.as_string());
  if (kind == 5) return order(to_json(a), to_json(b));
  return 0;
}

}  // namespace lms
