#include "http/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <string_view>

namespace plimsoll::http {
namespace {

void AddHeader(std::string& head, std::string_view name, std::string_view value) {
  const bool printable =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
  if (printable && !value.empty()) {
    fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
  }
}

// IMF-fixdate (RFC 9110, 5.6.7). Not by strftime, whose names follow the locale.
std::string FormatDate(WallTime now) {
  constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                     "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm date{};
  gmtime_r(&seconds, &date);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     kDays[static_cast<size_t>(date.tm_wday)], date.tm_mday,
                     kMonths[static_cast<size_t>(date.tm_mon)], date.tm_year + 1900, date.tm_hour,
                     date.tm_min, date.tm_sec);
}

}  // namespace

std::string FormatAnswerHead(const Response& response, bool close, WallTime now) {
  std::string head =
      fmt::format("HTTP/1.1 {} {}\r\n", response.status, StatusPhrase(response.status));
  AddHeader(head, "Date", FormatDate(now));
  AddHeader(head, "Content-Type", response.content_type);
  // RFC 9110, 8.6: a 204 has none.
  if (response.status != 204) {
    AddHeader(head, "Content-Length", fmt::format("{}", response.body.size()));
  }
  AddHeader(head, "Cache-Control", "no-store");
  AddHeader(head, "X-Content-Type-Options", "nosniff");
  AddHeader(head, "Allow", response.allow);
  if (response.status == 401) {
    AddHeader(head, "WWW-Authenticate", "Bearer");
  }
  if (response.retry_after) {
    AddHeader(head, "Retry-After", fmt::format("{}", response.retry_after->count()));
  }
  if (close) {
    AddHeader(head, "Connection", "close");
  }
  head += "\r\n";
  return head;
}

}  // namespace plimsoll::http
