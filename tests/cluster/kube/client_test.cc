#include "kube/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cluster/kube/connected.h"
#include "kube/token_review.h"

namespace plimsoll::kube {
namespace {

using cluster::Cluster;
using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kLabel = "plimsoll.dev.node-restriction.kubernetes.io/trusted";

json Parsed(const Result<std::string>& answer) {
  EXPECT_TRUE(answer) << answer.error().message;
  return answer ? json::parse(*answer) : json();
}

class ApiServer : public testing::Test {
 protected:
  Status ApplyLabel(const std::string& node, const std::string& uid, const std::string& version,
                    const std::string& value, const std::string& manager, bool force) {
    json object = ApplyFrame({kNode, node}, uid, version);
    object["metadata"]["labels"] = {{kLabel, value}};
    const auto answer = client().Patch({kNode, node}, PatchType::kApply, object.dump(),
                                       {.field_manager = manager, .force = force});
    return answer ? Status{} : tl::unexpected(answer.error());
  }

  Client& client() { return *connected_.client; }

  Connected connected_;
};

TEST_F(ApiServer, TellsItsVersion) {
  EXPECT_THAT(Parsed(client().GetPath("/version"))["gitVersion"].get<std::string>(),
              HasSubstr("v1."));
}

TEST_F(ApiServer, ObjectsAreCreatedReadPatchedReplacedAndDeleted) {
  const ResourceRef maps{kConfigMap, "", "default"};
  const ResourceRef map{kConfigMap, "verbs", "default"};
  json object = ApplyFrame(map, "");
  object["data"] = {{"a", "1"}};
  const json created = Parsed(client().Create(maps, object.dump()));
  const auto again = client().Create(maps, object.dump());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);

  EXPECT_EQ(Parsed(client().Get(map))["data"]["a"], "1");
  EXPECT_EQ(Parsed(client().Patch(map, PatchType::kMerge, R"({"data":{"b":"2"}})"))["data"]["b"],
            "2");
  EXPECT_EQ(Parsed(client().Patch(
                map, PatchType::kJson,
                R"([{"op":"test","path":"/data/b","value":"2"},{"op":"remove","path":"/data/a"}])"))
                ["data"]
                    .size(),
            1u);

  const auto stale = client().Update(map, created.dump());
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, ErrorCode::kConflict);
  json fresh = Parsed(client().Get(map));
  fresh["data"] = {{"c", "3"}};
  EXPECT_EQ(Parsed(client().Update(map, fresh.dump()))["data"], json({{"c", "3"}}));

  const auto wrong = client().Delete(map, {.uid = "00000000-0000-0000-0000-000000000000"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(client().Delete(map, {.uid = created["metadata"]["uid"]}));
  const auto gone = client().Get(map);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
}

TEST_F(ApiServer, InvalidObjectsAreDeniedWithTheServersReason) {
  const auto invalid = client().Create(
      {kConfigMap, "", "default"}, ApplyFrame({kConfigMap, "Not_A_Name", "default"}, "").dump());
  ASSERT_FALSE(invalid);
  EXPECT_EQ(invalid.error().code, ErrorCode::kDenied);
  EXPECT_THAT(invalid.error().message, HasSubstr("422 Invalid"));
  EXPECT_THAT(invalid.error().message, HasSubstr("Not_A_Name"));
}

TEST_F(ApiServer, ADryRunChangesNothing) {
  const ResourceRef map{kConfigMap, "dry", "default"};
  EXPECT_TRUE(
      client().Create({kConfigMap, "", "default"}, ApplyFrame(map, "").dump(), {.dry_run = true}));
  EXPECT_FALSE(client().Get(map));
}

TEST_F(ApiServer, ListsComeInPages) {
  for (int i = 0; i < 5; ++i) {
    json object = ApplyFrame({kConfigMap, "page-" + std::to_string(i), "default"}, "");
    object["metadata"]["labels"] = {{"test", "pages"}};
    ASSERT_TRUE(client().Create({kConfigMap, "", "default"}, object.dump()));
  }
  ListOptions options{.label_selector = "test=pages", .limit = 2};
  std::vector<size_t> sizes;
  do {
    const json page = Parsed(client().List({kConfigMap, "", "default"}, options));
    sizes.push_back(page["items"].size());
    options.continue_token = page["metadata"].value("continue", "");
  } while (!options.continue_token.empty());
  EXPECT_THAT(sizes, testing::ElementsAre(2u, 2u, 1u));
}

TEST_F(ApiServer, AnAppliedNodeLabelBelongsToItsManager) {
  const std::string uid = Cluster().CreateNode("applied");
  ASSERT_TRUE(ApplyLabel("applied", uid, "", "false", "plimsoll-controller", true));
  const auto other = ApplyLabel("applied", uid, "", "true", "other", false);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kConflict);
  EXPECT_THAT(other.error().message, HasSubstr("plimsoll-controller"));
  EXPECT_EQ(Parsed(client().Get({kNode, "applied"}))["metadata"]["labels"][kLabel], "false");
}

TEST_F(ApiServer, AnApplyWithAStaleVersionIsAConflict) {
  const std::string uid = Cluster().CreateNode("fenced");
  const std::string version =
      Parsed(client().Get({kNode, "fenced"}))["metadata"]["resourceVersion"];
  ASSERT_TRUE(ApplyLabel("fenced", uid, version, "true", "plimsoll-controller", true));
  const auto late = ApplyLabel("fenced", uid, version, "false", "plimsoll-controller", true);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kConflict);
  EXPECT_EQ(Parsed(client().Get({kNode, "fenced"}))["metadata"]["labels"][kLabel], "true");
}

TEST_F(ApiServer, AnApplyWithAUidMakesNoNodeThatIsGone) {
  const auto gone = ApplyLabel("never-was", "00000000-0000-0000-0000-000000000000", "", "true",
                               "plimsoll-controller", true);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kConflict);
  EXPECT_FALSE(client().Get({kNode, "never-was"}));
}

TEST_F(ApiServer, ANodeConditionIsAppliedToTheStatus) {
  const std::string uid = Cluster().CreateNode("conditioned");
  json object = ApplyFrame({kNode, "conditioned"}, uid);
  object["status"]["conditions"] = json::array({{{"type", "plimsoll.dev/Trusted"},
                                                 {"status", "False"},
                                                 {"reason", "SignatureInvalid"},
                                                 {"message", "forged"}}});
  const json node = Parsed(client().Patch(
      {kNode, "conditioned"}, PatchType::kApply, object.dump(),
      {.subresource = "status", .field_manager = "plimsoll-controller", .force = true}));
  EXPECT_EQ(node["status"]["conditions"][0]["reason"], "SignatureInvalid");
}

TEST_F(ApiServer, AForgottenPositionIsExpired) {
  Cluster().RestartApiServer();  // what it had in its watch cache is gone
  const auto stream = client().Watch({kConfigMap, ""}, {.resource_version = "1"});
  if (!stream) {
    EXPECT_EQ(stream.error().code, ErrorCode::kExpired) << stream.error().message;
    return;
  }
  std::string text;
  ASSERT_TRUE((*stream)->Read(text, std::chrono::seconds(20), {}));
  EXPECT_THAT(text, HasSubstr("\"ERROR\""));
  EXPECT_THAT(text, HasSubstr("410"));
}

TEST_F(ApiServer, AServiceAccountMayDoOnlyWhatItsRolesAllow) {
  const Connected stranger(Cluster().ServiceAccountKubeconfig("default", "stranger"));
  const auto denied = stranger.client->Get({kNode, "applied"});
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, ErrorCode::kDenied);
  EXPECT_EQ(denied.error().retry, Retry::kNever);
  EXPECT_THAT(denied.error().message, HasSubstr("system:serviceaccount:default:stranger"));
}

TEST_F(ApiServer, AnUnknownTokenAsksForNewCredentials) {
  auto config = LoadKubeconfig(Cluster().ServiceAccountKubeconfig("default", "stranger"));
  ASSERT_TRUE(config);
  config->transport.bearer_token = []() -> Result<std::string> { return "nobody"; };
  const auto transport = *transport::MakeTransport(std::move(config->transport));
  Client client(*transport, connected_.clock);
  const auto denied = client.Get({kNode, "applied"});
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().retry, Retry::kRefreshCredentials);
}

TEST_F(ApiServer, ReviewsABoundTokenWithItsNodeClaims) {
  const std::string uid = Cluster().CreateNode("reviewed");
  const std::string token =
      Cluster().CreateServiceAccountToken("default", "agent", "agent-pod", "reviewed");
  TokenReviewer reviewer(client());
  const std::string audience(cluster::kAudience);
  const auto identity = reviewer.Review(token, audience);
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_TRUE(identity->IsFor(audience)) << identity->error;
  EXPECT_EQ(identity->username, "system:serviceaccount:default:agent");
  EXPECT_EQ(identity->node_name, "reviewed");
  EXPECT_EQ(identity->node_uid, uid);
  EXPECT_EQ(identity->pod_name, "agent-pod");
  EXPECT_TRUE(identity->pod_uid);

  const auto elsewhere = reviewer.Review(token, "another.example");
  ASSERT_TRUE(elsewhere) << elsewhere.error().message;
  EXPECT_FALSE(elsewhere->authenticated);
  EXPECT_NE(elsewhere->error, "");
  const auto forged = reviewer.Review(token.substr(0, token.size() - 8) + "AAAAAAAA", audience);
  ASSERT_TRUE(forged);
  EXPECT_FALSE(forged->authenticated);
}

TEST_F(ApiServer, AnUnboundTokenHasNoNode) {
  const std::string token = Cluster().CreateServiceAccountToken("default", "agent", "", "");
  const auto identity = TokenReviewer(client()).Review(token, std::string(cluster::kAudience));
  ASSERT_TRUE(identity);
  EXPECT_TRUE(identity->authenticated) << identity->error;
  EXPECT_FALSE(identity->node_name);
  EXPECT_FALSE(identity->pod_name);
}

}  // namespace
}  // namespace plimsoll::kube
