#include "telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

namespace plimsoll::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

enum class Metric : uint8_t { kNodes, kVerdict, kVerifications, kSeconds, kBytes, kLeader };

constexpr std::array kTable = {
    MetricFamily{.name = "plimsoll_nodes",
                 .help = "Nodes by verdict.",
                 .type = MetricType::kGauge,
                 .labels = {"verdict"}},
    MetricFamily{.name = "plimsoll_node_verdict",
                 .help = "Verdict of a node.",
                 .type = MetricType::kGauge,
                 .labels = {"node", "verdict"}},
    MetricFamily{.name = "plimsoll_verifications_total",
                 .help = "Appraisals by result.",
                 .type = MetricType::kCounter,
                 .labels = {"result", "reason"}},
    MetricFamily{.name = "plimsoll_verification_duration_seconds",
                 .help = "Time of an appraisal.",
                 .type = MetricType::kHistogram,
                 .labels = {"stage"}},
    MetricFamily{.name = "plimsoll_evidence_size_bytes",
                 .help = "Size of evidence.",
                 .type = MetricType::kHistogram,
                 .buckets = kBytesBuckets},
    MetricFamily{.name = "plimsoll_controller_leader",
                 .help = "Whether this replica leads.",
                 .type = MetricType::kGauge},
};

std::unique_ptr<Metrics> Make() {
  auto metrics = Metrics::Create(kTable);
  EXPECT_TRUE(metrics) << metrics.error().message;
  return *std::move(metrics);
}

// What promtool says; empty when it is content.
std::string Promtool(const std::string& text) {
  const auto file = std::filesystem::temp_directory_path() /
                    ("plimsoll-metrics-" + std::to_string(getpid()) + ".txt");
  std::ofstream(file) << text;
  FILE* const pipe = popen(("promtool check metrics < " + file.string() + " 2>&1").c_str(), "r");
  std::string said;
  std::array<char, 4096> buffer;
  for (size_t got = 0; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    said.append(buffer.data(), got);
  }
  const int status = pclose(pipe);
  std::filesystem::remove(file);
  return status == 0 && said.empty() ? "" : said + "status " + std::to_string(status);
}

TEST(Metrics, CountSetAndObserve) {
  const auto metrics = Make();
  metrics->Counter(Metric::kVerifications, {"Trusted", "AllPoliciesPassed"}).Increment();
  metrics->Counter(Metric::kVerifications, {"Trusted", "AllPoliciesPassed"}).Increment(2);
  metrics->Counter(Metric::kVerifications, {"Trusted", "AllPoliciesPassed"}).Increment(-5);
  metrics->Gauge(Metric::kNodes, {"trusted"}).Set(7);
  metrics->Gauge(Metric::kNodes, {"trusted"}).Add(-2);
  metrics->Histogram(Metric::kSeconds, {"policy"}).Observe(0.002);
  const std::string text = metrics->Serialise();
  EXPECT_THAT(text, HasSubstr("plimsoll_verifications_total{result=\"Trusted\",reason="
                              "\"AllPoliciesPassed\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("plimsoll_nodes{verdict=\"trusted\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("plimsoll_verification_duration_seconds_bucket{stage=\"policy\",le="
                              "\"0.0025\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("plimsoll_verification_duration_seconds_bucket{stage=\"policy\",le="
                              "\"0.001\"} 0\n"));
}

TEST(Metrics, AFamilyWithoutLabelsIsThereFromTheStart) {
  const std::string text = Make()->Serialise();
  EXPECT_THAT(text, HasSubstr("plimsoll_controller_leader 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("plimsoll_nodes")));
}

TEST(Metrics, SeriesOfDeletedNodesGo) {
  const auto metrics = Make();
  for (const char* node : {"worker-1", "worker-2"}) {
    for (const char* verdict : {"trusted", "untrusted", "unknown"}) {
      metrics->Gauge(Metric::kVerdict, {node, verdict}).Set(1);
    }
  }
  metrics->RemoveWhere(Metric::kVerdict, "node", "worker-1");
  EXPECT_THAT(metrics->Serialise(), Not(HasSubstr("worker-1")));
  metrics->Remove(Metric::kVerdict, {"worker-2", "unknown"});
  EXPECT_THAT(metrics->Serialise(), Not(HasSubstr("unknown")));
  EXPECT_THAT(metrics->Serialise(), HasSubstr("worker-2"));
  metrics->Clear(Metric::kVerdict);
  EXPECT_THAT(metrics->Serialise(), Not(HasSubstr("worker-2")));
}

TEST(Metrics, AHandleOfARemovedSeriesIsHarmless) {
  const auto metrics = Make();
  Gauge gauge = metrics->Gauge(Metric::kVerdict, {"worker-1", "trusted"});
  metrics->Clear(Metric::kVerdict);
  gauge.Set(1);
  EXPECT_THAT(metrics->Serialise(), Not(HasSubstr("worker-1")));
}

TEST(Metrics, ProcessMetricsAreSane) {
  const std::string text = Make()->Serialise();
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_virtual_memory_bytes", "process_start_time_seconds",
                           "process_open_fds", "process_max_fds"}) {
    const size_t at = text.find(std::string("\n") + name + " ");
    ASSERT_NE(at, std::string::npos) << name;
    const double value = std::stod(text.substr(at + std::string_view(name).size() + 2));
    EXPECT_GE(value, 0) << name;
  }
  const size_t at = text.find("\nprocess_start_time_seconds ");
  const double start = std::stod(text.substr(at + 28));
  const auto now = static_cast<double>(time(nullptr));
  EXPECT_NEAR(start, now, 3600);
}

TEST(Metrics, E30_PromtoolIsContentWhateverTheLabelsHold) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "promtool is not installed";
  }
  const auto metrics = Make();
  for (const char* node :
       {"worker-1", "a\nb", "\"} 1\nevil 2\n", "\x1b[31m", "\\", "\xff\xfe", ""}) {
    metrics->Gauge(Metric::kVerdict, {node, "trusted"}).Set(1);
    metrics->Counter(Metric::kVerifications, {node, node}).Increment();
  }
  metrics->Histogram(Metric::kSeconds, {"policy"}).Observe(0.1);
  metrics->Histogram(Metric::kBytes).Observe(5000);
  EXPECT_EQ(Promtool(metrics->Serialise()), "");
  // And it would say so if it were not.
  EXPECT_NE(Promtool("bad metric{ 1\n"), "");
}

TEST(Metrics, ATableThatCannotBeExportedIsRefused) {
  const auto refused = [](MetricFamily family) {
    return !Metrics::Create(std::span<const MetricFamily>(&family, 1));
  };
  EXPECT_FALSE(refused({.name = "a_total", .help = "Fine.", .type = MetricType::kCounter}));
  EXPECT_TRUE(refused({.name = "a", .help = "No _total.", .type = MetricType::kCounter}));
  EXPECT_TRUE(refused({.name = "a_total", .help = "No counter.", .type = MetricType::kGauge}));
  EXPECT_TRUE(refused({.name = "A", .help = "Bad name."}));
  EXPECT_TRUE(refused({.name = "1a", .help = "Bad name."}));
  EXPECT_TRUE(refused({.name = "a", .help = ""}));
  EXPECT_TRUE(refused({.name = "a", .help = "Two\nlines."}));
  EXPECT_TRUE(refused({.name = "a", .help = "Bad label.", .labels = {"le"}}));
  EXPECT_TRUE(refused({.name = "a", .help = "Bad label.", .labels = {"a-b"}}));
  EXPECT_TRUE(refused({.name = "a", .help = "Same label.", .labels = {"b", "b"}}));
  EXPECT_TRUE(refused({.name = "process_x", .help = "Taken."}));
  static constexpr std::array<double, 2> kDescending = {2, 1};
  EXPECT_TRUE(
      refused({.name = "a", .help = "B.", .type = MetricType::kHistogram, .buckets = kDescending}));
  const std::array twice = {MetricFamily{.name = "a", .help = "A."},
                            MetricFamily{.name = "a", .help = "A."}};
  EXPECT_FALSE(Metrics::Create(twice));
}

TEST(Metrics, LabelsCannotGrowWithoutBound) {
  const auto metrics = Make();
  for (size_t i = 0; i < Metrics::kMaxSeriesPerFamily + 10; ++i) {
    metrics->Gauge(Metric::kNodes, {std::to_string(i)}).Set(1);
  }
  const std::string text = metrics->Serialise();
  EXPECT_THAT(text, HasSubstr("{verdict=\"49999\"}"));
  EXPECT_EQ(text.find("{verdict=\"50000\"}"), std::string::npos);
}

TEST(Metrics, ThreadsShareThem) {
  const auto metrics = Make();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&metrics, i] {
        const std::string node = "worker-" + std::to_string(i);
        for (int n = 0; n < 500; ++n) {
          metrics->Counter(Metric::kVerifications, {"Trusted", "x"}).Increment();
          metrics->Gauge(Metric::kVerdict, {node, "trusted"}).Set(n);
          if (n % 50 == 0) {
            metrics->RemoveWhere(Metric::kVerdict, "node", node);
            metrics->Serialise();
          }
        }
      });
    }
  }
  EXPECT_THAT(metrics->Serialise(),
              HasSubstr("plimsoll_verifications_total{result=\"Trusted\",reason=\"x\"} 2000\n"));
}

}  // namespace
}  // namespace plimsoll::telemetry
