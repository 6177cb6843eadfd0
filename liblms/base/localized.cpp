#include "base/localized.hpp"

#include <memory>

#include <unicode/datefmt.h>
#include <unicode/locid.h>
#include <unicode/measfmt.h>
#include <unicode/measunit.h>
#include <unicode/measure.h>
#include <unicode/timezone.h>
#include <unicode/unistr.h>

#include <lms/error.hpp>

namespace lms {

namespace {

icu::UnicodeString to_icu(std::string_view text) {
  return icu::UnicodeString::fromUTF8({text.data(), static_cast<std::int32_t>(text.size())});
}

/// Narrow blanks become ordinary ones: many a font of a mail program has none.
std::string to_utf8(icu::UnicodeString text) {
  constexpr char16_t narrow_no_break_space = 0x202F;
  text.findAndReplace(icu::UnicodeString(narrow_no_break_space), icu::UnicodeString(u' '));
  std::string out;
  text.toUTF8String(out);
  return out;
}

icu::Locale locale_of(std::string_view language) {
  UErrorCode status = U_ZERO_ERROR;
  icu::Locale locale =
      icu::Locale::forLanguageTag({language.data(), static_cast<std::int32_t>(language.size())}, status);
  return U_SUCCESS(status) ? locale : icu::Locale::getEnglish();
}

void require(UErrorCode status, const char* what) {
  if (U_FAILURE(status)) throw internal(std::string("ICU cannot write ") + what + ": " + u_errorName(status));
}

}  // namespace

std::string localized(Time time, std::string_view timezone, std::string_view language) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<icu::DateFormat> format(
      icu::DateFormat::createInstanceForSkeleton(icu::UnicodeString(u"yMMMMdjmmz"), locale_of(language), status));
  require(status, "a time");
  std::unique_ptr<icu::TimeZone> zone(icu::TimeZone::createTimeZone(to_icu(timezone)));
  if (*zone == icu::TimeZone::getUnknown()) zone.reset(icu::TimeZone::createTimeZone(icu::UnicodeString(u"UTC")));
  format->adoptTimeZone(zone.release());
  icu::UnicodeString text;
  format->format(static_cast<UDate>(std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count()),
                 text);
  return to_utf8(std::move(text));
}

std::string localized(std::chrono::minutes duration, std::string_view language) {
  constexpr std::int64_t hour = 60, day = 24 * hour;
  std::int64_t amount = duration.count();
  UErrorCode status = U_ZERO_ERROR;
  std::unique_ptr<icu::MeasureUnit> unit;
  if (amount != 0 && amount % day == 0) {
    amount /= day;
    unit.reset(icu::MeasureUnit::createDay(status));
  } else if (amount != 0 && amount % hour == 0) {
    amount /= hour;
    unit.reset(icu::MeasureUnit::createHour(status));
  } else {
    unit.reset(icu::MeasureUnit::createMinute(status));
  }
  require(status, "a duration");
  const icu::MeasureFormat format(locale_of(language), UMEASFMT_WIDTH_WIDE, status);
  require(status, "a duration");
  const icu::Measure measure(icu::Formattable(amount), unit.release(), status);
  icu::FieldPosition nowhere(icu::FieldPosition::DONT_CARE);
  icu::UnicodeString text;
  format.formatMeasures(&measure, 1, text, nowhere, status);
  require(status, "a duration");
  return to_utf8(std::move(text));
}

}  // namespace lms
