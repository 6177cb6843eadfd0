#include "backend/log/line.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "base/utf8.hpp"

namespace lms {

namespace {

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "DEBUG";
    case LogLevel::info:
      return "INFO";
    case LogLevel::warning:
      return "WARNING";
    case LogLevel::error:
      return "ERROR";
  }
  return {};
}

/// What most text is made of, and what may stand on a line as it is.
bool is_plain(char c) {
  return c >= 0x20 && c < 0x7F;
}

/// Characters that end a line or command a terminal: those below space, DEL, C1, and Unicode's line separators.
bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029;
}

void append_escape(std::string& out, char32_t c) {
  std::array<char, 8> escape{};
  std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
  out += escape.data();
}

/// Appends `text` with controls escaped and malformed UTF-8 replaced, so that whatever it says stays on its line.
void append_tame(std::string& out, std::string_view text) {
  std::size_t position = 0;
  while (position < text.size()) {
    const std::size_t start = position;
    while (position < text.size() && is_plain(text[position])) ++position;
    if (position > start) {
      out += text.substr(start, position - start);
      continue;
    }
    const auto c = next_code_point(text, position);
    if (!c) {
      out += "\uFFFD";
      ++position;
    } else if (is_control(*c)) {
      append_escape(out, *c);
    } else {
      out += text.substr(start, position - start);
    }
  }
}

void append_text(std::string& out, std::string_view text) {
  if (!text.empty() && text.find_first_of(" =\"") == std::string_view::npos) return append_tame(out, text);
  std::string quoted;
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  out += '"';
  append_tame(out, quoted);
  out += '"';
}

void append_field(std::string& out, std::string_view name, const Value& value) {
  if (value.is_null()) return;
  out += ' ';
  append_tame(out, name);
  out += '=';
  if (value.is_string())
    append_text(out, value.as_string());
  else
    append_tame(out, to_json(value));
}

/// `0.012s`
std::string seconds_text(double milliseconds) {
  const auto rounded = std::llround(milliseconds);
  std::string text = std::to_string(rounded / 1'000) + '.';
  const std::string rest = std::to_string(rounded % 1'000);
  text.append(3 - rest.size(), '0').append(rest) += 's';
  return text;
}

/// The end of a request is said in the words of an access log. What only machines evaluate is left to JSON lines.
void append_request(std::string& out, const Object& fields) {
  for (const auto& [name, value] : fields) {
    if (name == "status_code")
      append_field(out, "status", value);
    else if (name == "duration_ms" && value.is_number())
      append_field(out, "duration", seconds_text(value.as_real()));
    else if (name != "method" && name != "path" && name != "route" && name != "user_agent")
      append_field(out, name, value);
  }
}

const std::string* text_of(const Object& fields, std::string_view name) {
  const Value* value = fields.find(name);
  return value && value->is_string() ? &value->as_string() : nullptr;
}

/// `2024-01-15 10:30:00`
void append_time(std::string& out, Time time) {
  std::string text = to_iso8601(std::chrono::floor<std::chrono::seconds>(time));
  text.pop_back();  // the Z
  *std::find(text.begin(), text.end(), 'T') = ' ';
  out += text;
}

}  // namespace

std::string text_line(const LogEntry& entry) {
  std::string out;
  append_time(out, entry.time);
  out += ' ';
  out += level_name(entry.level);
  out.append(out.size() < 26 ? 26 - out.size() : 1, ' ');

  const std::string* method = text_of(entry.fields, "method");
  const std::string* path = text_of(entry.fields, "path");
  if (entry.category == "api.access" && method && path && entry.fields.contains("status_code")) {
    append_tame(out, *method);
    out += ' ';
    append_tame(out, *path);
    append_request(out, entry.fields);
    return out;
  }
  if (entry.category != "app" && entry.category != "api.access") {
    append_tame(out, entry.category);
    out += ": ";
  }
  append_tame(out, entry.message);
  for (const auto& [name, value] : entry.fields) append_field(out, name, value);
  return out;
}

std::string json_line(const LogEntry& entry) {
  Object line{{"time", to_iso8601(entry.time)},
              {"level", level_name(entry.level)},
              {"logger", entry.category},
              {"message", entry.message}};
  for (const auto& [name, value] : entry.fields) {
    const bool taken = name == "time" || name == "level" || name == "logger" || name == "message";
    line.append(taken ? "field_" + name : name, value);
  }
  const std::string json = to_json(line);
  std::string out;
  append_tame(out, json);
  return out;
}

}  // namespace lms
