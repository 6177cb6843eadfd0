#include "settings/dotenv.hpp"

#include <optional>
#include <utility>

namespace lms {

namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}
bool is_name_start(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}
bool is_name_part(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (rest_.starts_with(byte_order_mark)) rest_.remove_prefix(byte_order_mark.size());
  }

  Dotenv parse() && {
    while (!rest_.empty()) {
      skip_blanks();
      if (!at_line_end()) assignment();
      skip_line();
    }
    return std::move(result_);
  }

 private:
  void assignment() {
    const std::size_t line = line_;
    std::string_view name = take_name();
    if (name == "export" && !rest_.empty() && is_blank(rest_.front())) {
      skip_blanks();
      name = take_name();
    }
    skip_blanks();
    if (name.empty() || !take('=')) return fault(line, "is not of the form NAME=value");
    skip_blanks();
    if (auto found = value(line)) result_.entries.push_back({std::string(name), *std::move(found), line});
  }

  std::optional<std::string> value(std::size_t line) {
    std::optional<std::string> found;
    if (take('\''))
      found = single_quoted(line);
    else if (take('"'))
      found = double_quoted(line);
    else
      return unquoted(line);
    skip_blanks();
    if (found && !at_line_end()) {
      fault(line, "has text after the closing quote");
      return std::nullopt;
    }
    return found;
  }

  std::optional<std::string> single_quoted(std::size_t line) {
    std::string out;
    while (!rest_.empty()) {
      const char c = next();
      if (c == '\'') return out;
      out += c;
    }
    fault(line, "opens a single quote that is never closed");
    return std::nullopt;
  }

  std::optional<std::string> double_quoted(std::size_t line) {
    std::string out;
    bool good = true;
    while (!rest_.empty()) {
      const char c = next();
      if (c == '"') {
        warn_of_expansion(line, out);
        return good ? std::optional(out) : std::nullopt;
      }
      if (c != '\\') {
        out += c;
      } else if (const auto escaped = escape()) {
        out += *escaped;
      } else {
        if (good) fault(line, R"(has an unknown escape; within double quotes \n \r \t \\ \" \$ are known)");
        good = false;
      }
    }
    fault(line, "opens a double quote that is never closed");
    return std::nullopt;
  }

  std::optional<char> escape() {
    if (rest_.empty()) return std::nullopt;
    switch (next()) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case '\\':
        return '\\';
      case '"':
        return '"';
      case '$':
        return '$';
      default:
        return std::nullopt;
    }
  }

  /// To the end of the line, or to a `#` after a blank.
  std::string unquoted(std::size_t line) {
    std::string_view all = rest_.substr(0, rest_.find('\n'));
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i] == '#' && (i == 0 || is_blank(all[i - 1]))) {
        all = all.substr(0, i);
        break;
      }
    }
    rest_.remove_prefix(all.size());
    while (!all.empty() && is_blank(all.back())) all.remove_suffix(1);
    warn_of_expansion(line, all);
    return std::string(all);
  }

  void warn_of_expansion(std::size_t line, std::string_view value) {
    if (value.find("${") != std::string_view::npos || value.find("$(") != std::string_view::npos)
      result_.warnings.push_back(place(line) + " has a `$` that is taken as it stands: nothing is expanded");
  }

  std::string_view take_name() {
    std::size_t size = 0;
    if (!rest_.empty() && is_name_start(rest_.front()))
      while (size < rest_.size() && is_name_part(rest_[size])) ++size;
    const std::string_view name = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return name;
  }

  bool take(char expected) {
    if (rest_.empty() || rest_.front() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }

  char next() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    if (c == '\n') ++line_;
    return c;
  }

  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }

  void skip_line() {
    while (!rest_.empty())
      if (next() == '\n') return;
  }

  bool at_line_end() const { return rest_.empty() || rest_.front() == '\n' || rest_.front() == '#'; }

  void fault(std::size_t line, std::string_view what) {
    result_.faults.push_back(place(line) + " " + std::string(what));
  }
  static std::string place(std::size_t line) { return ".env line " + std::to_string(line); }

  std::string_view rest_;
  std::size_t line_ = 1;
  Dotenv result_;
};

}  // namespace

Dotenv parse_dotenv(std::string_view text) {
  return Parser(text).parse();
}

}  // namespace lms
