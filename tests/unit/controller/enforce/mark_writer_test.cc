#include "controller/enforce/mark_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "controller/enforce/node_patches.h"
#include "fakes/api_objects.h"
#include "fakes/fake_api_server.h"
#include "fakes/fake_clock.h"
#include "unit/controller/enforce/recording.h"

namespace plimsoll::controller::enforce {
namespace {

using fakes::json;

class MarkWriterTest : public testing::Test {
 protected:
  MarkWriterTest() {
    server_.Put({kube::kNode, "n"},
                fakes::NodeObject(json::object(),
                                  json::array({fakes::TaintObject("a", "1", "NoSchedule"),
                                               fakes::TaintObject("b", "2", "PreferNoSchedule")})));
  }

  json NodeJson() { return server_.Find({kube::kNode, "n"}); }
  Node Cached() { return *Node::Parse(NodeJson().dump()); }
  EventNode About() { return {"n", Cached().meta.uid, "natt-uid"}; }

  static DesiredMarks Marks(Row row, std::vector<Taint> taints = {}) {
    DesiredMarks marks;
    marks.row = row;
    marks.label = row == Row::kTrusted ? "true" : row == Row::kUntrusted ? "false" : "unknown";
    marks.taints = std::move(taints);
    marks.condition = {.type = MarkNames().condition,
                       .status = row == Row::kTrusted     ? ConditionStatus::kTrue
                                 : row == Row::kUntrusted ? ConditionStatus::kFalse
                                                          : ConditionStatus::kUnknown,
                       .reason = "Because",
                       .message = "of this"};
    return marks;
  }
  static DesiredMarks Untrusted() {
    return Marks(Row::kUntrusted, {{MarkNames().taint, "PCRMismatch", "NoSchedule", ""}});
  }

  Result<MarkWriter::Outcome> Apply(const DesiredMarks& marks) {
    return writer_.Apply(Cached(), About(), {}, [&](const Node&) { return marks; });
  }

  static std::vector<std::string> Writes(const std::vector<std::string>& log) {
    std::vector<std::string> writes;
    std::copy_if(log.begin(), log.end(), std::back_inserter(writes),
                 [](const std::string& line) { return line.starts_with("PATCH /api/v1/nodes"); });
    return writes;
  }

  fakes::FakeApiServer server_;
  fakes::FakeClock clock_;
  QuietLogger logger_;
  CountingMetrics metrics_;
  kube::Client client_{server_, clock_};
  kube::EventRecorder recorder_{client_, clock_, {.reporting_instance = "test"}};
  bool may_write_ = true;
  MarkWriter writer_{client_,     NodeEvents(recorder_),        clock_, metrics_, logger_,
                     MarkNames(), [this] { return may_write_; }};
};

TEST_F(MarkWriterTest, LosingTrustWritesLabelThenTaintThenCondition) {
  std::vector<std::string> order;
  server_.Observe([&](const std::string&, const json& node) {
    if (node["kind"] == "Node") {
      order.push_back(
          MissingMarks(*Node::Parse(node.dump()), Untrusted(), {}).empty()
              ? "done"
              : std::string(ToString(MissingMarks(*Node::Parse(node.dump()), Untrusted(), {})[0])));
    }
  });
  ASSERT_TRUE(Apply(Untrusted()));
  EXPECT_EQ(order, (std::vector<std::string>{"taint", "condition", "done"}));
}

TEST_F(MarkWriterTest, GainingTrustWritesTheConditionThenTheLabelAndTakesTheTaintLast) {
  ASSERT_TRUE(Apply(Untrusted()));
  server_.ClearLog();
  std::vector<bool> tainted;
  server_.Observe([&](const std::string&, const json& node) {
    if (node["kind"] == "Node") {
      tainted.push_back(node["spec"]["taints"].size() == 3);
    }
  });
  ASSERT_TRUE(Apply(Marks(Row::kTrusted)));
  EXPECT_EQ(Writes(server_.log()),
            (std::vector<std::string>{"PATCH /api/v1/nodes/n/status", "PATCH /api/v1/nodes/n",
                                      "PATCH /api/v1/nodes/n"}));
  EXPECT_EQ(tainted, (std::vector<bool>{true, true, false}));
}

TEST_F(MarkWriterTest, SendsNothingWhenTheNodeCarriesWhatItShould) {
  ASSERT_TRUE(Apply(Untrusted()));
  server_.ClearLog();
  ASSERT_TRUE(Apply(Untrusted()));
  EXPECT_TRUE(Writes(server_.log()).empty());
}

TEST_F(MarkWriterTest, WritesNothingOnceTheLeaseHasRunOut) {
  may_write_ = false;
  const auto outcome = Apply(Untrusted());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kTimeout);
  EXPECT_TRUE(Writes(server_.log()).empty());
}

TEST_F(MarkWriterTest, StopsBetweenTwoWritesWhenTheLeaseRunsOut) {
  server_.Spoil(
      [&](const transport::HttpRequest& request,
          const transport::HttpResponse&) -> std::optional<Result<transport::HttpResponse>> {
        may_write_ = may_write_ && request.method != "PATCH";
        return std::nullopt;
      });
  EXPECT_FALSE(Apply(Untrusted()));
  EXPECT_EQ(Writes(server_.log()).size(), 1U);
  EXPECT_EQ(NodeJson()["metadata"]["labels"][MarkNames().label], "false");
}

TEST_F(MarkWriterTest, EveryWriteNamesUidAndResourceVersion) {
  server_.Intercept(
      [&](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
        if (request.method == "PATCH") {
          const json metadata = json::parse(request.body)["metadata"];
          EXPECT_EQ(metadata["uid"], NodeJson()["metadata"]["uid"]);
          EXPECT_EQ(metadata["resourceVersion"], NodeJson()["metadata"]["resourceVersion"]);
        }
        return std::nullopt;
      });
  ASSERT_TRUE(Apply(Untrusted()));
  EXPECT_EQ(Writes(server_.log()).size(), 3U);
}

TEST_F(MarkWriterTest, DecidesAgainForTheLiveNodeAfterAConflict) {
  int decisions = 0;
  bool meddled = false;
  server_.Intercept(
      [&](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
        if (request.method == "PATCH" && !std::exchange(meddled, true)) {
          server_.Edit({kube::kNode, "n"},
                       [](json& node) { node["metadata"]["labels"]["zone"] = "moved"; });
        }
        return std::nullopt;
      });
  const auto outcome = writer_.Apply(Cached(), About(), {}, [&](const Node& live) {
    ++decisions;
    // A decision that depends on what the other writer did.
    return live.meta.labels.count("zone") != 0 ? Untrusted() : Marks(Row::kTrusted);
  });
  ASSERT_TRUE(outcome);
  EXPECT_EQ(decisions, 3);  // cached, live, live after the conflict
  EXPECT_EQ(NodeJson()["metadata"]["labels"][MarkNames().label], "false");
  EXPECT_EQ(metrics_.actions["condition/conflict"], 1);
}

TEST_F(MarkWriterTest, GivesUpAfterSomeConflictsAndSaysSo) {
  server_.Intercept(
      [&](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
        if (request.method == "PATCH") {
          server_.Edit({kube::kNode, "n"}, [](json& node) {
            node["metadata"]["labels"]["n"] = node["metadata"]["resourceVersion"];
          });
        }
        return std::nullopt;
      });
  const auto outcome = Apply(Untrusted());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kConflict);
  EXPECT_EQ(Writes(server_.log()).size(), static_cast<size_t>(MarkWriter::kAttempts));
}

TEST_F(MarkWriterTest, E49_NeverMarksTheNodeThatCameAfterTheOneThatWasDecidedAbout) {
  const Node before = Cached();
  const EventNode about = About();
  server_.Remove({kube::kNode, "n"});
  server_.Put({kube::kNode, "n"}, fakes::NodeObject());
  const auto outcome =
      writer_.Apply(before, about, {}, [&](const Node&) { return Marks(Row::kTrusted); });
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->gone);
  EXPECT_FALSE(NodeJson()["metadata"]["labels"].contains(MarkNames().label));
}

TEST_F(MarkWriterTest, ANodeThatIsGoneIsNotMadeAgain) {
  const Node before = Cached();
  const EventNode about = About();
  bool removed = false;
  server_.Intercept(
      [&](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
        if (request.method == "PATCH" && !std::exchange(removed, true)) {
          server_.Remove({kube::kNode, "n"});
        }
        return std::nullopt;
      });
  const auto outcome =
      writer_.Apply(before, about, {}, [&](const Node&) { return Marks(Row::kTrusted); });
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->gone);
  EXPECT_TRUE(NodeJson().is_null());
}

TEST_F(MarkWriterTest, KeepsForeignTaintsInOrderWithFieldsThatItDoesNotKnow) {
  const json foreign = {{"key", "a"},
                        {"effect", "NoExecute"},
                        {"timeAdded", "2026-11-24T07:00:00Z"},
                        {"futureField", json::array({1, 2})}};
  server_.Edit({kube::kNode, "n"}, [&](json& node) {
    node["spec"]["taints"] =
        json::array({fakes::TaintObject(MarkNames().taint, "Pending", "NoSchedule"), foreign,
                     fakes::TaintObject("z", "", "NoSchedule")});
  });
  ASSERT_TRUE(Apply(Untrusted()));
  EXPECT_EQ(NodeJson()["spec"]["taints"],
            json::array({fakes::TaintObject(MarkNames().taint, "PCRMismatch", "NoSchedule"),
                         foreign, fakes::TaintObject("z", "", "NoSchedule")}));
  ASSERT_TRUE(Apply(Marks(Row::kTrusted)));
  EXPECT_EQ(NodeJson()["spec"]["taints"],
            json::array({foreign, fakes::TaintObject("z", "", "NoSchedule")}));
}

TEST_F(MarkWriterTest, TouchesNothingButItsOwnLabelTaintAndCondition) {
  json before = NodeJson();
  ASSERT_TRUE(Apply(Untrusted()));
  json after = NodeJson();
  after["metadata"]["labels"].erase(MarkNames().label);
  after["spec"]["taints"].erase(2);
  after["status"]["conditions"].erase(1);
  for (json* node : {&before, &after}) {
    (*node)["metadata"].erase("resourceVersion");
    (*node)["metadata"].erase("generation");
  }
  EXPECT_EQ(after, before);
}

TEST_F(MarkWriterTest, TheTransitionTimeOfTheConditionMovesWithItsStatusOnly) {
  ASSERT_TRUE(Apply(Untrusted()));
  const std::string first = NodeJson()["status"]["conditions"][1]["lastTransitionTime"];
  clock_.Advance(std::chrono::minutes(5));
  DesiredMarks reworded = Untrusted();
  reworded.condition.message = "in other words";
  ASSERT_TRUE(Apply(reworded));
  EXPECT_EQ(NodeJson()["status"]["conditions"][1]["message"], "in other words");
  EXPECT_EQ(NodeJson()["status"]["conditions"][1]["lastTransitionTime"], first);
  ASSERT_TRUE(Apply(Marks(Row::kTrusted)));
  EXPECT_NE(NodeJson()["status"]["conditions"][1]["lastTransitionTime"], first);
}

TEST_F(MarkWriterTest, E52_AnAnswerThatIsLostLeavesAStateFromWhichTheNextCallGoesOn) {
  int patches = 0;
  server_.Spoil(
      [&](const transport::HttpRequest& request,
          const transport::HttpResponse&) -> std::optional<Result<transport::HttpResponse>> {
        if (request.method == "PATCH" && ++patches == 2) {
          return Fail(ErrorCode::kTimeout, "the answer was lost", Retry::kBackoff);
        }
        return std::nullopt;
      });
  EXPECT_FALSE(Apply(Untrusted()));
  ASSERT_TRUE(Apply(Untrusted()));
  EXPECT_TRUE(MissingMarks(Cached(), Untrusted(), {}).empty());
  EXPECT_EQ(patches, 3) << "the taint whose answer was lost is not written again";
}

TEST_F(MarkWriterTest, ASendWithoutEffectIsNotRepeatedForEver) {
  server_.Spoil([&](const transport::HttpRequest& request, const transport::HttpResponse&)
                    -> std::optional<Result<transport::HttpResponse>> {
    if (request.method != "PATCH") {
      return std::nullopt;
    }
    server_.Edit({kube::kNode, "n"}, [](json& node) {  // an admission webhook that takes it away
      node["metadata"]["labels"].erase(MarkNames().label);
    });
    return transport::HttpResponse{.status = 200, .headers = {}, .body = NodeJson().dump()};
  });
  EXPECT_FALSE(Apply(Untrusted()));
  EXPECT_LE(Writes(server_.log()).size(), 4U);
}

TEST_F(MarkWriterTest, Property_TenThousandFlipsAmongForeignTaintsLoseNone) {
  std::mt19937 random(7);
  const auto below = [&](unsigned n) { return random() % n; };
  json foreign = NodeJson()["spec"]["taints"];
  // Another controller, which adds and takes its own taints whenever it likes.
  const auto meddle = [&] {
    if (!foreign.empty() && below(2) == 0) {
      foreign.erase(below(static_cast<unsigned>(foreign.size())));
    } else if (foreign.size() < 8) {
      json taint = fakes::TaintObject("key-" + std::to_string(below(1000)), "v", "NoSchedule");
      if (below(3) == 0) {
        taint["timeAdded"] = "2026-11-24T07:00:00Z";
      }
      foreign.insert(
          foreign.begin() + static_cast<long>(below(static_cast<unsigned>(foreign.size() + 1))),
          taint);
    }
    server_.Edit({kube::kNode, "n"}, [&](json& node) {
      json taints = foreign;
      for (const json& taint : node["spec"]["taints"]) {
        if (taint["key"] == MarkNames().taint) {
          taints.insert(
              taints.begin() + static_cast<long>(below(static_cast<unsigned>(taints.size() + 1))),
              taint);
        }
      }
      node["spec"]["taints"] = taints;
    });
  };
  server_.Intercept(
      [&](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
        if (request.method == "PATCH" && below(10) == 0) {
          meddle();
        }
        return std::nullopt;
      });
  const std::vector<DesiredMarks> states = {
      Marks(Row::kTrusted), Untrusted(), Marks(Row::kWasTrusted),
      Marks(Row::kWasTrusted, {{MarkNames().taint, "EvidenceExpired", "PreferNoSchedule", ""}}),
      Marks(Row::kUntrusted, {{MarkNames().taint, "NonceMismatch", "NoSchedule", ""},
                              {MarkNames().taint, "NonceMismatch", "NoExecute", ""}})};
  for (int flip = 0; flip < 10'000; ++flip) {
    const DesiredMarks& wanted = states[below(static_cast<unsigned>(states.size()))];
    const auto outcome = Apply(wanted);
    if (!outcome) {
      ASSERT_EQ(outcome.error().code, ErrorCode::kConflict);
      continue;
    }
    json left = json::array();
    const json node = NodeJson();
    for (const json& taint : node["spec"]["taints"]) {
      if (taint["key"] != MarkNames().taint) {
        left.push_back(taint);
      }
    }
    ASSERT_EQ(left, foreign) << "after flip " << flip;
    ASSERT_TRUE(MissingMarks(Cached(), wanted, {}).empty()) << "after flip " << flip;
  }
}

}  // namespace
}  // namespace plimsoll::controller::enforce
