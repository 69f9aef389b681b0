#include "base/clock.h"

#include <gtest/gtest.h>

namespace plimsoll {
namespace {

using std::chrono::microseconds;
using std::chrono::sys_days;
using namespace std::chrono_literals;

const WallTime kTime = sys_days(2026y / 11 / 24) + 8h + 5min + 9s;

TEST(Time, IsWrittenAsKubernetesWritesIt) {
  EXPECT_EQ(FormatTime(kTime + 999ms), "2026-11-24T08:05:09Z");
  EXPECT_EQ(FormatMicroTime(kTime + 42us), "2026-11-24T08:05:09.000042Z");
  EXPECT_EQ(FormatTime(WallTime()), "1970-01-01T00:00:00Z");
}

TEST(Time, IsReadInBothForms) {
  EXPECT_EQ(ParseTime("2026-11-24T08:05:09Z").value(), kTime);
  EXPECT_EQ(ParseTime("2026-11-24T08:05:09.000042Z").value(), kTime + 42us);
  EXPECT_EQ(ParseTime("2026-11-24T08:05:09.5Z").value(), kTime + 500ms);
  EXPECT_EQ(ParseTime("2028-02-29T00:00:00Z").value(), sys_days(2028y / 2 / 29));
}

TEST(Time, RefusesWhatIsNotOne) {
  for (const char* text :
       {"", "2026-11-24", "2026-11-24T08:05:09", "2026-11-24t08:05:09Z",
        "2026-11-24T08:05:09+00:00", "2026-11-24T08:05:60Z", "2026-11-24T24:00:00Z",
        "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-10T00:00:00Z",
        "2026-11-24T08:05:09.Z", "2026-11-24T08:05:09Z ", " 2026-11-24T08:05:09Z",
        "2026-11-24T08:05:09.1234567890Z", "-026-11-24T08:05:09Z"}) {
    EXPECT_EQ(ParseTime(text).error().code, ErrorCode::kMalformed) << text;
  }
}

TEST(Time, RefusesYearsThatTheClockCannotHold) {
  EXPECT_FALSE(ParseTime("9999-12-31T23:59:59Z"));
  EXPECT_FALSE(ParseTime("0001-01-01T00:00:00Z"));
  EXPECT_TRUE(ParseTime("2261-12-31T23:59:59Z"));
  EXPECT_FALSE(ParseTime("2262-04-11T23:47:16Z"));
}

TEST(Time, WritesWhatItCanRead) {
  const WallTime last = WallTime::max() - std::chrono::seconds(2);
  EXPECT_TRUE(ParseTime(FormatTime(last))) << FormatTime(last);
}

TEST(Time, HoldsTheYearInWhichCertificatesNeverEnd) {
  const auto never = ParseSeconds("9999-12-31T23:59:59Z");
  ASSERT_TRUE(never);
  EXPECT_EQ(FormatTime(*never), "9999-12-31T23:59:59Z");
}

}  // namespace
}  // namespace plimsoll
