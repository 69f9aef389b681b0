#include "base/clock.h"

#include <fmt/format.h>

#include <cstdint>
#include <optional>

namespace plimsoll {
namespace {

using std::chrono::microseconds;

struct Civil {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<microseconds> time;
};

Civil ToCivil(std::chrono::sys_time<microseconds> whole) {
  const auto day = std::chrono::floor<std::chrono::days>(whole);
  return {std::chrono::year_month_day(day), std::chrono::hh_mm_ss<microseconds>(whole - day)};
}

std::string FormatSeconds(const Civil& civil) {
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(civil.date.year()),
                     static_cast<unsigned>(civil.date.month()),
                     static_cast<unsigned>(civil.date.day()), civil.time.hours().count(),
                     civil.time.minutes().count(), civil.time.seconds().count());
}

// Takes `digits` decimal digits from the front of `text`.
std::optional<int> TakeNumber(std::string_view& text, size_t digits) {
  if (text.size() < digits) {
    return std::nullopt;
  }
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool TakeMark(std::string_view& text, char mark) {
  if (text.empty() || text.front() != mark) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

struct Instant {
  std::chrono::sys_seconds seconds;
  microseconds fraction{0};
};

Result<Instant> ParseInstant(std::string_view text) {
  const auto malformed = [] { return Fail(ErrorCode::kMalformed, "not a time in RFC 3339 form"); };
  const auto year = TakeNumber(text, 4);
  const bool dash1 = TakeMark(text, '-');
  const auto month = TakeNumber(text, 2);
  const bool dash2 = TakeMark(text, '-');
  const auto day = TakeNumber(text, 2);
  const bool separator = TakeMark(text, 'T');
  const auto hour = TakeNumber(text, 2);
  const bool colon1 = TakeMark(text, ':');
  const auto minute = TakeNumber(text, 2);
  const bool colon2 = TakeMark(text, ':');
  const auto second = TakeNumber(text, 2);
  if (!year || !month || !day || !hour || !minute || !second || !dash1 || !dash2 || !separator ||
      !colon1 || !colon2) {
    return malformed();
  }
  microseconds fraction{0};
  if (TakeMark(text, '.')) {
    int64_t scale = 100'000;
    size_t digits = 0;
    for (; digits < 9 && !text.empty() && text.front() >= '0' && text.front() <= '9';
         ++digits, scale /= 10) {
      fraction += microseconds((text.front() - '0') * scale);
      text.remove_prefix(1);
    }
    if (digits == 0) {
      return malformed();
    }
  }
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (text != "Z" || !date.ok() || *hour > 23 || *minute > 59 || *second > 59) {
    return malformed();
  }
  return Instant{std::chrono::sys_days(date) + std::chrono::hours(*hour) +
                     std::chrono::minutes(*minute) + std::chrono::seconds(*second),
                 fraction};
}

}  // namespace

std::string FormatTime(WallTime time) {
  return FormatSeconds(ToCivil(std::chrono::floor<microseconds>(time))) + "Z";
}

std::string FormatTime(std::chrono::sys_seconds time) { return FormatSeconds(ToCivil(time)) + "Z"; }

std::string FormatMicroTime(WallTime time) {
  const Civil civil = ToCivil(std::chrono::floor<microseconds>(time));
  return fmt::format("{}.{:06}Z", FormatSeconds(civil), civil.time.subseconds().count());
}

Result<std::chrono::sys_seconds> ParseSeconds(std::string_view text) {
  PLIMSOLL_ASSIGN_OR_RETURN(const Instant instant, ParseInstant(text));
  return instant.seconds;
}

Result<WallTime> ParseTime(std::string_view text) {
  PLIMSOLL_ASSIGN_OR_RETURN(const Instant instant, ParseInstant(text));
  // With the second that the fraction may fill.
  constexpr auto kFirst = std::chrono::ceil<std::chrono::seconds>(WallTime::min());
  constexpr auto kLast =
      std::chrono::floor<std::chrono::seconds>(WallTime::max()) - std::chrono::seconds(1);
  if (instant.seconds < kFirst || instant.seconds > kLast) {
    return Fail(ErrorCode::kMalformed,
                "a time that the clock cannot hold: before 1678 or after 2261");
  }
  return WallTime(instant.seconds) + instant.fraction;
}

}  // namespace plimsoll
