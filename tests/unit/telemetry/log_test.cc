#include "telemetry/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace plimsoll::telemetry {
namespace {

constexpr std::string_view kTime = "2026-11-24T08:00:00.000000Z";

std::string Json(std::string_view message, Fields fields = {}) {
  return FormatEvent(LogFormat::kJson, kTime, Level::kInfo, message, fields);
}

std::string Text(std::string_view message, Fields fields = {}) {
  return FormatEvent(LogFormat::kText, kTime, Level::kInfo, message, fields);
}

TEST(Log, JsonHasMembersInOrder) {
  EXPECT_EQ(Json("node attested", {{"node", "worker-2"},
                                   {"count", 3},
                                   {"size", size_t{7}},
                                   {"ratio", 0.5},
                                   {"leader", true}}),
            R"({"time":"2026-11-24T08:00:00.000000Z","level":"info","message":"node attested",)"
            R"("node":"worker-2","count":3,"size":7,"ratio":0.5,"leader":true})");
}

TEST(Log, TextQuotesWhatCouldBeMistaken) {
  EXPECT_EQ(
      Text("node attested", {{"node", "worker-2"}, {"reason", "a b"}, {"empty", ""}}),
      R"(2026-11-24T08:00:00.000000Z info    node attested node=worker-2 reason="a b" empty="")");
  EXPECT_EQ(Text("x node=evil", {{"a", "b=c"}, {"d", "e\"f"}}),
            R"(2026-11-24T08:00:00.000000Z info    "x node=evil" a="b=c" d="e\"f")");
}

class HostileText : public ::testing::TestWithParam<std::string> {};

TEST_P(HostileText, E30_OneEventIsOneLineThatParses) {
  const std::string json = Json(GetParam(), {{"node", GetParam()}, {GetParam(), "x"}});
  const std::string text = Text(GetParam(), {{"node", GetParam()}, {GetParam(), "x"}});
  for (const std::string& line : {json, text}) {
    EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) {
      return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
    })) << line;
    EXPECT_EQ(line.find("\xe2\x80\xa8"), std::string::npos);
    EXPECT_LT(line.size(), 20'000U);
  }
  const auto event = nlohmann::json::parse(json, nullptr, false);
  ASSERT_TRUE(event.is_object()) << json;
  EXPECT_EQ(event.value("level", ""), "info");
  EXPECT_TRUE(event.contains("node"));
}

INSTANTIATE_TEST_SUITE_P(Log, HostileText,
                         ::testing::Values("a\nb", "a\r\nlevel=error", "\x1b[31mred\x1b[0m", "\"}",
                                           "\\", "\\n", std::string("a\0b", 3), "\x7f", "\xc2\x85",
                                           "\xe2\x80\xa8", "\xe2\x80\xae", "\xff\xfe", "\xc0\xaf",
                                           "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82",
                                           std::string(10'000, 'x'),
                                           std::string(4095, 'x') + "\xe2\x82\xac",
                                           std::string(5000, '\x01').substr(0, 1000)));

TEST(Log, KeepsTextOfAllLanguages) {
  EXPECT_EQ(nlohmann::json::parse(Json("déjà vu €"))["message"], "déjà vu €");
}

TEST(Log, JsonHasNoInfinity) {
  const std::string line = Json("x", {{"value", std::numeric_limits<double>::infinity()}});
  EXPECT_TRUE(nlohmann::json::parse(line)["value"].is_null());
}

TEST(Log, NamesAreRead) {
  EXPECT_EQ(LevelFromText("warning"), Level::kWarning);
  EXPECT_FALSE(LevelFromText("loud"));
  EXPECT_EQ(LogFormatFromText("json"), LogFormat::kJson);
  EXPECT_FALSE(LogFormatFromText("xml"));
}

class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe(ends_.data()), 0); }
  ~Pipe() {
    ::close(ends_[0]);
    if (ends_[1] >= 0) {
      ::close(ends_[1]);
    }
  }
  int writer() const { return ends_[1]; }
  std::vector<std::string> Lines() {
    ::close(ends_[1]);
    ends_[1] = -1;
    std::string all;
    std::array<char, 4096> buffer;
    for (ssize_t got = 0; (got = ::read(ends_[0], buffer.data(), buffer.size())) > 0;) {
      all.append(buffer.data(), static_cast<size_t>(got));
    }
    std::vector<std::string> lines;
    for (size_t at = 0; at < all.size();) {
      const size_t end = all.find('\n', at);
      lines.push_back(all.substr(at, end - at));
      at = end == std::string::npos ? all.size() : end + 1;
    }
    return lines;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

TEST(Logger, DropsWhatIsBelowItsLevel) {
  Pipe pipe;
  const auto logger = MakeLogger({.level = Level::kWarning, .fd = pipe.writer()});
  logger->Debug("no");
  logger->Info("no");
  logger->Warning("yes", {{"a", 1}});
  logger->Error("yes");
  const auto lines = pipe.Lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(lines[0].find("warning yes a=1"), std::string::npos);
}

TEST(Logger, FormatCharactersInTextMeanNothing) {
  Pipe pipe;
  MakeLogger({.fd = pipe.writer()})->Info("{} %s {0}");
  const auto lines = pipe.Lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("{} %s {0}"), std::string::npos);
}

TEST(Logger, ThreadsDoNotMixTheirLines) {
  Pipe pipe;
  const auto logger = MakeLogger({.format = LogFormat::kJson, .fd = pipe.writer()});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&logger] {
        for (int n = 0; n < 50; ++n) {
          logger->Info("from a thread", {{"n", n}, {"filler", std::string(100, 'x')}});
        }
      });
    }
  }
  // 200 lines of about 200 bytes fit in the pipe.
  const auto lines = pipe.Lines();
  EXPECT_EQ(lines.size(), 200U);
  for (const std::string& line : lines) {
    EXPECT_FALSE(nlohmann::json::parse(line, nullptr, false).is_discarded()) << line;
  }
}

TEST(Logger, SurvivesAClosedDescriptor) {
  const auto logger = MakeLogger({.fd = 9999});
  logger->Error("nobody reads this");
}

}  // namespace
}  // namespace plimsoll::telemetry
