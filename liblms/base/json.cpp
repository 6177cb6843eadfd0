#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include <lms/value.hpp>

#include "base/utf8.hpp"

namespace lms {

namespace {

/// The text of a message never quotes the input: it may hold a password.
Error json_fault(std::string_view text, std::size_t position, const std::string& what,
                 const char* type = "value_error.jsondecode") {
  position = std::min(position, text.size());
  const std::string_view before = text.substr(0, position);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t start = before.find_last_of('\n') + 1;  // npos + 1 is 0
  const std::size_t column = count_code_points(before.substr(start)) + 1;
  return invalid({"body", position},
                 "Malformed JSON at line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + what,
                 type);
}

/// What the parser says it expected, in words. Its message quotes the input between the parts that are used here.
std::string expectation(std::string_view message) {
  constexpr std::string_view dash = " - ", lexical = "invalid string: ", quote = "; last read: '",
                             expected = "; expected ";
  const std::string_view fault =
      message.substr(std::min(message.find(dash), message.size() - dash.size()) + dash.size());
  if (fault.starts_with(lexical)) return std::string(fault.substr(0, fault.find(quote)));
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> words{
      {{"string literal", "expected a key in double quotes"},
       {"':'", "expected a colon"},
       {"'}'", "expected a comma or }"},
       {"']'", "expected a comma or ]"},
       {"end of input", "expected nothing more"},
       {"'[', '{', or a literal", "expected a value"}}};
  const std::size_t last = message.rfind(expected);
  for (const auto& [token, said] : words)
    if (last != std::string_view::npos && message.substr(last + expected.size()) == token) return std::string(said);
  return "expected a value";
}

/// Feeds the parser and knows how far it has read.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** reached) : at_(at), reached_(reached) {}

  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *reached_ = ++at_;
    return *this;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** reached_;
};

class Builder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Builder(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits), reached_(text.data()) {}

  CountingIterator begin() { return {text_.data(), &reached_}; }
  CountingIterator end() { return {text_.data() + text_.size(), &reached_}; }
  Value take() { return std::move(root_); }

  bool null() override { return add({}); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(std::int64_t{value}); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) integer_too_large();
    return add(static_cast<std::int64_t>(value));
  }
  bool number_float(number_float_t value, const string_t& token) override {
    if (token.find_first_of(".eE") == std::string::npos) integer_too_large();
    return add(value);
  }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(Object()); }
  bool key(string_t& key) override {
    Level& level = levels_.back();
    if (level.has(key)) fail("an object has the same key twice");
    level.key = std::move(key);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Array()); }
  bool end_array() override { return close(); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    constexpr int number_out_of_range = 406;
    if (error.id == number_out_of_range) fail("a number is out of range");
    if (text_.find_first_not_of(" \t\r\n") == std::string_view::npos)
      throw json_fault(text_, 0, "expected a value, but the text is empty");
    const std::string what = expectation(error.what());
    if (position > text_.size()) throw json_fault(text_, text_.size(), "the text ends too early; " + what);
    throw json_fault(text_, position == 0 ? 0 : position - 1, what);
  }

 private:
  struct Level {
    Value container;
    std::string key;             // of the member that is read next
    std::set<std::string> keys;  // of a large object; ordered: no hash for an attacker to collide

    /// Whether the object has that key; if not, it gets it next.
    bool has(const std::string& next) {
      constexpr std::size_t few = 16;
      const Object& object = container.as_object();
      if (object.size() < few) return object.contains(next);
      if (keys.empty())
        for (const auto& [name, value] : object) keys.insert(name);
      return !keys.insert(next).second;
    }
  };

  std::size_t reached() const { return static_cast<std::size_t>(reached_ - text_.data()); }
  [[noreturn]] void fail(const std::string& what) const { throw json_fault(text_, reached(), what); }
  [[noreturn]] void integer_too_large() const { fail("an integer does not fit into 64 bits"); }

  bool add(Value value) {
    if (levels_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Level& level = levels_.back();
    if (level.container.is_array())
      level.container.as_array().push_back(std::move(value));
    else
      level.container.as_object().append(std::move(level.key), std::move(value));
    return true;
  }

  bool open(Value container) {
    if (levels_.size() >= limits_.max_depth)
      throw json_fault(text_, reached(), "it is nested deeper than " + std::to_string(limits_.max_depth) + " levels",
                       "value_error.depth");
    levels_.push_back({std::move(container), {}, {}});
    return true;
  }

  bool close() {
    Value value = std::move(levels_.back().container);
    levels_.pop_back();
    return add(std::move(value));
  }

  std::string_view text_;
  const JsonLimits& limits_;
  const char* reached_;
  std::vector<Level> levels_;
  Value root_;
};

/// What stands in a JSON text as it is.
constexpr bool is_plain(char c) noexcept {
  return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\' && c != '\x7F';
}

constexpr auto plain_characters = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0; c < plain.size(); ++c) plain[c] = is_plain(static_cast<char>(c));
  return plain;
}();

/// How many characters at the beginning are plain.
std::size_t count_plain(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) -> std::size_t { return plain_characters[static_cast<unsigned char>(text[i])]; };
  std::size_t count = 0;
  while (count + 8 <= text.size() && (at(count) & at(count + 1) & at(count + 2) & at(count + 3) & at(count + 4) &
                                      at(count + 5) & at(count + 6) & at(count + 7)) != 0)
    count += 8;
  while (count < text.size() && at(count) != 0) ++count;
  return count;
}

void append_escaped(std::string& out, char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  switch (c) {
    case '"':
    case '\\':
      (out += '\\') += c;
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += hex[static_cast<unsigned char>(c) >> 4U];
      out += hex[static_cast<unsigned char>(c) & 0xFU];
  }
}

template <class Number>
std::string_view digits(std::array<char, 32>& buffer, Number number) {
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  return {buffer.data(), static_cast<std::size_t>(result.ptr - buffer.data())};
}

void break_line(std::string& out, int indent, int level) {
  if (indent <= 0) return;
  out += '\n';
  out.append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(level), ' ');
}

/// What stands between the quotes.
void append_inner(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t plain = count_plain(text);
    out += text.substr(0, plain);
    if (plain == text.size()) return;
    append_escaped(out, text[plain]);
    text.remove_prefix(plain + 1);
  }
}

void write(std::string& out, const Value& value, int indent, int level);

void write_array(std::string& out, const Array& array, int indent, int level) {
  out += '[';
  bool first = true;
  for (const Value& element : array) {
    if (!std::exchange(first, false)) out += ',';
    break_line(out, indent, level + 1);
    write(out, element, indent, level + 1);
  }
  if (!array.empty()) break_line(out, indent, level);
  out += ']';
}

void write_object(std::string& out, const Object& object, int indent, int level) {
  out += '{';
  bool first = true;
  for (const auto& [key, member] : object) {
    if (!std::exchange(first, false)) out += ',';
    break_line(out, indent, level + 1);
    append_json_text(out, key);
    out += indent > 0 ? ": " : ":";
    write(out, member, indent, level + 1);
  }
  if (!object.empty()) break_line(out, indent, level);
  out += '}';
}

void write(std::string& out, const Value& value, int indent, int level) {
  if (value.is_null()) out += "null";
  if (value.is_bool()) out += value.as_bool() ? "true" : "false";
  if (value.is_integer()) append_json_number(out, value.as_integer());
  if (value.is_real()) append_json_number(out, value.as_real());
  if (value.is_string()) append_json_text(out, value.as_string());
  if (value.is_array()) write_array(out, value.as_array(), indent, level);
  if (value.is_object()) write_object(out, value.as_object(), indent, level);
}

}  // namespace

Value parse_json(std::string_view text, const JsonLimits& limits) {
  if (auto position = find_malformed_utf8(text)) throw json_fault(text, *position, "expected UTF-8");
  // The parser takes NUL for the end, and would not look at what follows.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) throw json_fault(text, nul, "expected no NUL");
  Builder builder(text, limits);
  nlohmann::json::sax_parse(builder.begin(), builder.end(), &builder);
  return builder.take();
}

std::string to_json(const Value& value, int indent) {
  std::string out;
  write(out, value, indent, 0);
  return out;
}

void append_json(std::string& out, const Value& value) {
  write(out, value, 0, 0);
}

void append_json_text(std::string& out, std::string_view text) {
  constexpr std::string_view replacement = "\uFFFD";
  out += '"';
  while (const auto malformed = find_malformed_utf8(text)) {
    append_inner(out, text.substr(0, *malformed));
    out += replacement;
    text.remove_prefix(*malformed + 1);
  }
  append_inner(out, text);
  out += '"';
}

void append_json_number(std::string& out, std::int64_t number) {
  std::array<char, 32> buffer;
  out += digits(buffer, number);
}

void append_json_number(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  std::array<char, 32> buffer;
  // Most are whole and small: the shortest text is then that of the integer, and much cheaper.
  constexpr double small = 100'000;
  if (std::abs(number) < small && number == std::trunc(number) && !std::signbit(number)) {
    (out += digits(buffer, static_cast<std::int64_t>(number))) += ".0";
    return;
  }
  const std::string_view text = digits(buffer, number);
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";  // so that it is read back as a real
}

}  // namespace lms
