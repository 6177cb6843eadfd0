#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <lms/error.hpp>

namespace lms {

class Value;
using Array = std::vector<Value>;

/// A JSON object that keeps the order in which its members were added.
/// Lookup is linear: the objects of an API are small.
class LMS_API Object {
 public:
  using Member = std::pair<std::string, Value>;

  Object();
  Object(std::initializer_list<Member> members);
  Object(const Object&);
  Object(Object&&) noexcept;
  Object& operator=(const Object&);
  Object& operator=(Object&&) noexcept;
  ~Object();

  /// The member's value, or null when there is none.
  const Value* find(std::string_view key) const noexcept;
  bool contains(std::string_view key) const noexcept { return find(key) != nullptr; }
  /// Adds the member at the end, or replaces its value in place.
  void set(std::string_view key, Value value);
  /// Adds without looking for the key; the caller knows that it is new.
  void append(std::string key, Value value);
  bool erase(std::string_view key);
  /// Room for that many members.
  void reserve(std::size_t count);
  /// Gives its members away.
  std::vector<Member> release() &&;

  bool empty() const noexcept;
  std::size_t size() const noexcept;
  std::vector<Member>::const_iterator begin() const noexcept;
  std::vector<Member>::const_iterator end() const noexcept;

  bool operator==(const Object& other) const;

 private:
  std::vector<Member> members_;
};

/// A JSON value, and the value of one column of a record.
/// Integers keep 64 bits; a time is an integer of microseconds since 1970 (UTC).
class LMS_API Value {
 public:
  Value() noexcept = default;
  Value(std::nullptr_t) noexcept {}
  /// Only of a bool: a pointer would become one as well.
  template <std::same_as<bool> Bool>
  Value(Bool value) : data_(value) {}
  Value(int value) : data_(std::int64_t{value}) {}
  Value(std::int64_t value) : data_(value) {}
  Value(double value) : data_(value) {}
  Value(const char* value) : data_(std::string(value)) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(std::string_view value) : data_(std::string(value)) {}
  Value(Array value) : data_(std::move(value)) {}
  Value(Object value) : data_(std::move(value)) {}

  bool is_null() const noexcept { return std::holds_alternative<std::monostate>(data_); }
  bool is_bool() const noexcept { return std::holds_alternative<bool>(data_); }
  bool is_integer() const noexcept { return std::holds_alternative<std::int64_t>(data_); }
  bool is_real() const noexcept { return std::holds_alternative<double>(data_); }
  bool is_number() const noexcept { return is_integer() || is_real(); }
  bool is_string() const noexcept { return std::holds_alternative<std::string>(data_); }
  bool is_array() const noexcept { return std::holds_alternative<Array>(data_); }
  bool is_object() const noexcept { return std::holds_alternative<Object>(data_); }

  /// @throws Error internal if the value is of another kind: check first where the value comes from outside.
  bool as_bool() const;
  std::int64_t as_integer() const;
  double as_real() const;  ///< integers convert
  const std::string& as_string() const;
  const Array& as_array() const;
  const Object& as_object() const;
  std::string& as_string();
  Array& as_array();
  Object& as_object();

  /// The member of an object, or a shared null if this is no object or has no such member.
  const Value& operator[](std::string_view key) const noexcept;

  bool operator==(const Value& other) const;
  /// Orders null < false < true < numbers < strings (by bytes) < the rest (by JSON text); the order of every backend.
  static int compare(const Value& a, const Value& b);

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> data_;
};

struct JsonLimits {
  std::size_t max_depth = 32;
};

/// Reads one JSON text (RFC 8259, UTF-8).
/// @throws Error invalid with the position of what is wrong: type `value_error.jsondecode` for malformed text
///   or a repeated key, `value_error.depth` for too deep nesting.
LMS_API Value parse_json(std::string_view text, const JsonLimits& limits = {});

/// Writes compact JSON; `indent` > 0 breaks lines.
LMS_API std::string to_json(const Value& value, int indent = 0);
LMS_API void append_json(std::string& out, const Value& value);
/// The same without a Value. Each byte that is no UTF-8 becomes U+FFFD, so that what is written can be read; a number
/// that is not finite becomes null, a whole real keeps its `.0`.
LMS_API void append_json_text(std::string& out, std::string_view text);
LMS_API void append_json_number(std::string& out, std::int64_t number);
LMS_API void append_json_number(std::string& out, double number);

}  // namespace lms
