#include <lms/time.hpp>

#include <cstdint>
#include <string>

#include <lms/spi/clock.hpp>

namespace lms {

Clock::~Clock() = default;

Time SystemClock::now() const {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

std::string to_iso8601(Time time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  std::string text;
  text.reserve(sizeof "2026-01-02T03:04:05.678901Z");
  const auto append = [&](std::int64_t number, std::size_t digits, char before = 0) {
    if (before != 0) text += before;
    const std::size_t start = text.size();
    text.append(digits, '0');
    for (std::size_t place = start + digits; place > start; number /= 10)
      text[--place] = static_cast<char>('0' + number % 10);
  };
  const int year = static_cast<int>(date.year());
  if (year < 0 || year > 9999)
    text += std::to_string(year);
  else
    append(year, 4);
  append(static_cast<unsigned>(date.month()), 2, '-');
  append(static_cast<unsigned>(date.day()), 2, '-');
  append(clock.hours().count(), 2, 'T');
  append(clock.minutes().count(), 2, ':');
  append(clock.seconds().count(), 2, ':');
  if (const auto fraction = clock.subseconds().count(); fraction != 0) append(fraction, 6, '.');
  return text + 'Z';
}

namespace {

/// Takes a text apart from left to right; once something did not fit, everything after fails.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) value = value * 10 + digit();
    return value;
  }
  void expect(char c) { fits_ = take(c) && fits_; }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool at_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }
  bool complete() const { return fits_ && rest_.empty(); }

 private:
  int digit() {
    if (!at_digit()) {
      fits_ = false;
      return 0;
    }
    const int value = rest_.front() - '0';
    rest_.remove_prefix(1);
    return value;
  }

  std::string_view rest_;
  bool fits_ = true;
};

/// Microseconds from one to nine digits; -1 if there are none or more.
int fraction(Scanner& scanner) {
  int microseconds = 0;
  int digits = 0;
  for (; scanner.at_digit(); ++digits) {
    const int digit = scanner.number(1);
    if (digits < 6) microseconds = microseconds * 10 + digit;
  }
  for (int i = digits; i < 6; ++i) microseconds *= 10;
  return digits >= 1 && digits <= 9 ? microseconds : -1;
}

}  // namespace

std::optional<Time> parse_iso8601(std::string_view text) {
  using namespace std::chrono;
  Scanner scanner(text);
  const int y = scanner.number(4);
  scanner.expect('-');
  const int m = scanner.number(2);
  scanner.expect('-');
  const int d = scanner.number(2);
  if (!scanner.take('t')) scanner.expect('T');
  const int hour = scanner.number(2);
  scanner.expect(':');
  const int minute = scanner.number(2);
  scanner.expect(':');
  const int second = scanner.number(2);
  const int micro = scanner.take('.') ? fraction(scanner) : 0;

  minutes offset{0};
  if (!scanner.take('Z') && !scanner.take('z')) {
    const int sign = scanner.take('-') ? -1 : 1;
    if (sign > 0) scanner.expect('+');
    const int offset_hours = scanner.number(2);
    scanner.expect(':');
    const int offset_minutes = scanner.number(2);
    if (offset_hours > 23 || offset_minutes > 59) return std::nullopt;
    offset = sign * (hours(offset_hours) + minutes(offset_minutes));
  }

  const year_month_day date{year(y), month(static_cast<unsigned>(m)), day(static_cast<unsigned>(d))};
  if (!scanner.complete() || !date.ok() || hour > 23 || minute > 59 || second > 60 || micro < 0) return std::nullopt;
  const auto whole_minute = sys_days(date) + hours(hour) + minutes(minute) - offset;
  const bool last_of_day = whole_minute - floor<days>(whole_minute) == hours(23) + minutes(59);
  if (second == 60 && !last_of_day) return std::nullopt;  // leap seconds end a day
  const Time time = Time(whole_minute + seconds(second)) + microseconds(micro);
  const year utc_year = year_month_day(floor<days>(time)).year();  // the offset may have led past what can be written
  if (utc_year < year(0) || utc_year > year(9999)) return std::nullopt;
  return time;
}

}  // namespace lms
