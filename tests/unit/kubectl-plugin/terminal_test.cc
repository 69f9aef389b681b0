#include "kubectl-plugin/terminal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "kubectl-plugin/cluster/html.h"

namespace plimsoll::plugin {
namespace {

TEST(Terminal, ShowsControlsAndDirectionMarksByTheirNumbers) {
  EXPECT_EQ(Shown("worker-1 \xC3\xA9 \xE4\xB8\xAD \xF0\x9F\x9A\xA2"),
            "worker-1 \xC3\xA9 \xE4\xB8\xAD \xF0\x9F\x9A\xA2");
  EXPECT_EQ(Shown("a\x1b[31mb\nc\td\x7f"), "a\\x1b[31mb\\x0ac\\x09d\\x7f");
  EXPECT_EQ(Shown("\xC2\x9b"
                  "31m"),
            "\\x9b31m")
      << "CSI of C1";
  EXPECT_EQ(Shown("\xE2\x80\xAE"
                  "txt"),
            "\\u{202e}txt")
      << "right-to-left override";
  EXPECT_EQ(Shown("\xE2\x80\xA8"
                  "x\xEF\xBB\xBF"),
            "\\u{2028}x\\u{feff}");
  EXPECT_EQ(Shown(std::string("a\0b", 3)), "a\\x00b");
}

TEST(Terminal, ShowsWhatIsNotUtf8ByItsBytes) {
  EXPECT_EQ(Shown("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(Shown("\xC0\xAF"), "\\xc0\\xaf") << "over-long";
  EXPECT_EQ(Shown("\xED\xA0\x80"), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(Shown("\xF4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "above U+10FFFF";
  EXPECT_EQ(Shown("\xE2\x80"), "\\xe2\\x80") << "cut off";
}

TEST(Terminal, TablesKeepTheirColumnsWhateverIsInThem) {
  Table table({"NODE", "REASON"});
  table.Add({"a\nb", "x"});
  table.Add({"\xC3\xA9", ""});
  std::ostringstream out;
  table.Print(out, "  ");
  EXPECT_EQ(out.str(),
            "  NODE     REASON\n"
            "  a\\x0ab   x\n"
            "  \xC3\xA9\n");
}

TEST(Terminal, AgesAreShort) {
  const WallTime now{std::chrono::hours(500000)};
  EXPECT_EQ(Age(now - std::chrono::seconds(119), now), "119s");
  EXPECT_EQ(Age(now - std::chrono::minutes(2), now), "2m");
  EXPECT_EQ(Age(now - std::chrono::hours(3), now), "3h");
  EXPECT_EQ(Age(now - std::chrono::hours(72), now), "3d");
  EXPECT_EQ(Age(now + std::chrono::hours(1), now), "0s");
  EXPECT_EQ(Until(now + std::chrono::hours(3), now), "in 3h");
  EXPECT_EQ(Until(now - std::chrono::hours(3), now), "3h ago");
}

TEST(Html, EscapesMarkupEverywhere) {
  EXPECT_EQ(HtmlText("<script>\"&'\x1b"), "&lt;script&gt;&quot;&amp;&#39;\\x1b");
  Html html;
  html.Element("td", "</td><img src=x onerror=alert(1)>", "name");
  EXPECT_EQ(html.str(), "<td class=\"name\">&lt;/td&gt;&lt;img src=x onerror=alert(1)&gt;</td>\n");
}

}  // namespace
}  // namespace plimsoll::plugin
