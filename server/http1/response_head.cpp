#include "http1/response_head.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "http1/ascii.hpp"

namespace lms::http1 {

namespace {

bool belongs_to_front(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 5> names{"Connection", "Content-Length", "Date", "Keep-Alive",
                                                  "Transfer-Encoding"};
  return std::any_of(names.begin(), names.end(), [&](std::string_view ours) { return same_word(name, ours); });
}

}  // namespace

bool is_sendable(const http::Response& response) noexcept {
  const auto ends_line = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  return response.status >= 200 && response.status <= 999 &&
         std::all_of(response.headers.begin(), response.headers.end(), [&](const http::Headers::Field& field) {
           return is_token(field.first) && std::none_of(field.second.begin(), field.second.end(), ends_line);
         });
}

std::string render_head(const http::Response& response, const Delivery& delivery, std::string_view date_line) {
  std::string head;
  head.reserve(512);
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  head.append(http::reason_phrase(response.status)).append("\r\n").append(date_line);
  for (const auto& [name, value] : response.headers) {
    if (!belongs_to_front(name)) head.append(name).append(": ").append(value).append("\r\n");
  }
  if (delivery.framing == Framing::length) {
    head.append("Content-Length: ").append(std::to_string(delivery.length)).append("\r\n");
  } else if (delivery.framing == Framing::chunked) {
    head.append("Transfer-Encoding: chunked\r\n");
  }
  if (delivery.close) {
    head.append("Connection: close\r\n");
  } else if (delivery.keep_alive) {
    head.append("Connection: keep-alive\r\n");
  }
  return head.append("\r\n");
}

std::string_view DateLine::at(std::time_t time) {
  if (time == time_) return line_;
  constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                                   days.at(static_cast<std::size_t>(utc.tm_wday)), utc.tm_mday,
                                   months.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + 1900, utc.tm_hour,
                                   utc.tm_min, utc.tm_sec);
  line_.assign(text.data(), static_cast<std::size_t>(length));
  time_ = time;
  return line_;
}

}  // namespace lms::http1
