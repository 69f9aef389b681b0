#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>

#include "cluster/kube/connected.h"
#include "kube/events.h"
#include "kube/informer.h"
#include "kube/lease.h"

namespace plimsoll::kube {
namespace {

using cluster::Cluster;
using cluster::Eventually;
using nlohmann::json;
using namespace std::chrono_literals;
using testing::HasSubstr;

struct Map {
  ObjectMeta meta;
  std::string value;
};

Result<Map> DecodeMap(std::string_view text) {
  PLIMSOLL_ASSIGN_OR_RETURN(ObjectMeta meta, ParseObjectMeta(text));
  const json object = json::parse(text);
  const json data = object.value("data", json::object());
  if (!data.contains("value")) {
    return Fail(ErrorCode::kMalformed, "no value");
  }
  return Map{std::move(meta), data["value"].get<std::string>()};
}

// ConfigMaps of a namespace of the test's own.
class Watching : public testing::Test {
 protected:
  void SetUp() override {
    static int count = 0;
    namespace_ = "watching-" + std::to_string(++count);
    Cluster().EnsureNamespace(namespace_);
    ReflectorOptions options{.resource = {kConfigMap, "", namespace_}};
    options.backoff_cap = 1s;
    informer_.emplace(*connected_.client, connected_.clock, connected_.random, options, DecodeMap);
    informer_->OnError([this](const std::string& name, const Error& error) {
      const std::lock_guard lock(mutex_);
      errors_.push_back(name + ": " + error.message);
    });
  }

  void Put(const std::string& name, const json& data) {
    json object = ApplyFrame({kConfigMap, name, namespace_}, "");
    object["data"] = data;
    const auto answer =
        connected_.client->Patch({kConfigMap, name, namespace_}, PatchType::kApply, object.dump(),
                                 {.field_manager = "test", .force = true});
    ASSERT_TRUE(answer) << answer.error().message;
  }

  void Remove(const std::string& name) {
    ASSERT_TRUE(connected_.client->Delete({kConfigMap, name, namespace_}));
  }

  std::string Key(const std::string& name) const { return namespace_ + "/" + name; }

  std::string ValueOf(const std::string& name) const {
    const auto map = informer_->Get(Key(name));
    return map ? map->value : "";
  }

  Connected connected_;
  std::string namespace_;
  std::mutex mutex_;
  std::vector<std::string> errors_;
  std::optional<Informer<Map>> informer_;
};

TEST_F(Watching, TheStoreFollowsTheCluster) {
  Put("before", {{"value", "1"}});
  informer_->Start();
  ASSERT_TRUE(informer_->WaitForSync(20s));
  EXPECT_EQ(ValueOf("before"), "1");
  Put("after", {{"value", "2"}});
  EXPECT_TRUE(Eventually([&] { return ValueOf("after") == "2"; }));
  Put("before", {{"value", "3"}});
  EXPECT_TRUE(Eventually([&] { return ValueOf("before") == "3"; }));
  Remove("before");
  EXPECT_TRUE(Eventually([&] { return informer_->Get(Key("before")) == nullptr; }));
  EXPECT_EQ(informer_->List().size(), 1u);
  EXPECT_TRUE(errors_.empty());
}

TEST_F(Watching, AnEventArrivesLongBeforeTheNext) {
  informer_->Start();
  ASSERT_TRUE(informer_->WaitForSync(20s));
  for (int i = 0; i < 5; ++i) {
    const std::string value = std::to_string(i);
    Put("single", {{"value", value}});
    EXPECT_TRUE(Eventually([&] { return ValueOf("single") == value; }, 5s)) << i;
  }
}

TEST_F(Watching, AnObjectThatCannotBeReadHidesNoOther) {
  Put("good", {{"value", "1"}});
  informer_->Start();
  ASSERT_TRUE(informer_->WaitForSync(20s));
  Put("good", {{"other", "1"}});
  EXPECT_TRUE(Eventually([&] { return informer_->Undecodable().contains(Key("good")); }));
  EXPECT_EQ(informer_->Get(Key("good")), nullptr);
  Put("next", {{"value", "2"}});
  EXPECT_TRUE(Eventually([&] { return ValueOf("next") == "2"; }));
}

TEST_F(Watching, OneNameIsFollowedAlone) {
  Put("wanted", {{"value", "1"}});
  Put("unwanted", {{"value", "1"}});
  ReflectorOptions options{.resource = {kConfigMap, "wanted", namespace_}};
  Informer<Map> one(*connected_.client, connected_.clock, connected_.random, options, DecodeMap);
  one.Start();
  ASSERT_TRUE(one.WaitForSync(20s));
  EXPECT_EQ(one.List().size(), 1u);
  Put("unwanted", {{"value", "2"}});
  Put("wanted", {{"value", "2"}});
  EXPECT_TRUE(Eventually([&] {
    const auto map = one.Get(Key("wanted"));
    return map && map->value == "2";
  }));
  EXPECT_EQ(one.List().size(), 1u);
}

TEST_F(Watching, ARestartOfTheApiServerIsSurvived) {
  Put("kept", {{"value", "1"}});
  informer_->Start();
  ASSERT_TRUE(informer_->WaitForSync(20s));
  Cluster().StopApiServer();
  EXPECT_TRUE(Eventually([&] {
    const std::lock_guard lock(mutex_);
    return !errors_.empty();
  }));
  EXPECT_EQ(ValueOf("kept"), "1");
  Cluster().StartApiServer();
  Put("kept", {{"value", "2"}});
  Put("new", {{"value", "3"}});
  EXPECT_TRUE(Eventually([&] { return ValueOf("kept") == "2" && ValueOf("new") == "3"; }, 30s));
  EXPECT_LT(informer_->LastSyncAge(), 60s);
}

TEST_F(Watching, BookmarksComeThoughNothingHappensHere) {
  Put("quiet", {{"value", "1"}});
  const auto page = connected_.client->List({kConfigMap, "", namespace_}, {});
  ASSERT_TRUE(page);
  const std::string position = json::parse(*page)["metadata"]["resourceVersion"];
  // The server sends one shortly before the watch's own end.
  const auto stream = connected_.client->Watch({kConfigMap, "", namespace_},
                                               {.resource_version = position, .timeout = 10s});
  ASSERT_TRUE(stream) << stream.error().message;
  namespace_ = "default";  // something happens elsewhere
  Put("noise", {{"value", "1"}});
  std::string text;
  Result<size_t> read = size_t{1};
  while (read && *read > 0) {
    read = (*stream)->Read(text, 30s, {});
  }
  EXPECT_TRUE(read) << read.error().message;
  EXPECT_THAT(text, HasSubstr("\"BOOKMARK\""));
  EXPECT_THAT(text, testing::Not(HasSubstr("noise")));
}

LeaderElectionOptions Candidate(const std::string& identity) {
  LeaderElectionOptions options{
      .namespace_name = "default", .name = "election", .identity = identity};
  options.lease_duration = 3000ms;
  options.renew_deadline = 2000ms;
  options.retry_period = 200ms;
  return options;
}

TEST(LeaderElection, ASecondCandidateTakesOverFromOneThatReleasesOrFallsSilent) {
  Connected a;
  Connected b;
  Connected c;
  LeaderElector first(*a.client, a.clock, a.random, Candidate("first"), {});
  first.Start();
  ASSERT_TRUE(Eventually([&] { return first.IsLeader(); }));
  LeaderElector second(*b.client, b.clock, b.random, Candidate("second"), {});
  second.Start();
  const auto begin = b.clock.Monotonic();
  while (b.clock.Monotonic() - begin < 4s) {  // longer than a lease
    ASSERT_TRUE(first.IsLeader());
    ASSERT_FALSE(second.IsLeader());
    std::this_thread::sleep_for(50ms);
  }
  first.Stop();
  ASSERT_TRUE(Eventually([&] { return second.IsLeader(); }, 3s));

  // The second loses its lease without a chance to release it.
  const auto lease = Cluster().Kubectl({"patch", "lease", "election", "--type=merge", "-p",
                                        R"({"spec":{"holderIdentity":"silent"}})"});
  ASSERT_TRUE(lease.ok()) << lease.err;
  ASSERT_TRUE(Eventually([&] { return !second.IsLeader(); }, 5s));
  LeaderElector third(*c.client, c.clock, c.random, Candidate("third"), {});
  third.Start();
  EXPECT_FALSE(third.IsLeader());
  ASSERT_TRUE(Eventually([&] { return third.IsLeader(); }, 20s));
  EXPECT_FALSE(second.IsLeader());
}

TEST(LeaderElection, ALeaderStopsWhenTheApiServerIsGoneForTooLong) {
  Connected a;
  std::atomic<bool> lost = false;
  LeaderElectionOptions options = Candidate("alone");
  options.name = "election-outage";
  LeaderElector elector(*a.client, a.clock, a.random, options, {.on_lost = [&] { lost = true; }});
  elector.Start();
  ASSERT_TRUE(Eventually([&] { return elector.IsLeader(); }));
  Cluster().StopApiServer();
  EXPECT_TRUE(Eventually([&] { return !elector.IsLeader() && lost; }, 10s));
  Cluster().StartApiServer();
}

TEST(Events, AreShownByKubectlDescribeNode) {
  Connected connected;
  const std::string uid = Cluster().CreateNode("described");
  EventRecorderOptions options;
  options.reporting_instance = "controller-0";
  options.series_write_interval = 0ms;
  EventRecorder recorder(*connected.client, connected.clock, options);
  for (int i = 0; i < 3; ++i) {
    recorder.Record({kNode, "described", uid}, EventType::kWarning, "NodeUntrusted", "Appraise",
                    "PCR 4 differs from every accepted value");
  }
  std::string shown;
  EXPECT_TRUE(Eventually([&] {
    shown = Cluster().Kubectl({"describe", "node", "described"}).out;
    return shown.find("(x3 over") != std::string::npos;
  })) << shown;
  EXPECT_THAT(shown, HasSubstr("NodeUntrusted"));
  EXPECT_THAT(shown, HasSubstr("plimsoll-controller"));
  EXPECT_THAT(shown, HasSubstr("PCR 4 differs from every accepted value"));
  EXPECT_EQ(recorder.dropped(), 0u);
}

}  // namespace
}  // namespace plimsoll::kube
