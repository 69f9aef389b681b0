#include <fmt/format.h>

#include <fstream>

#include "cluster/controller/deployment.h"
#include "cluster/controller/software_node.h"
#include "cluster/plugin/plugin.h"

// The commands that change something, beside controllers that obey.
namespace plimsoll::cluster {
namespace {

using testing::HasSubstr;

class PluginLive : public testing::Test {
 protected:
  static void SetUpTestSuite() { Deployment::Get().Heal(); }
  static void TearDownTestSuite() { Deployment::Get().StopAll(); }

  static std::unique_ptr<SoftwareNode> Enrolled(const std::string& name) {
    auto node = std::make_unique<SoftwareNode>(name, name);
    node->Connect(Deployment::Get().replica(0).address(), Deployment::Get().ca_pem());
    EXPECT_EQ(node->Enroll().status, 200);
    return node;
  }

  // One round, as an agent does it: a replica that is behind says 503, and is asked again later.
  static evidence::EvidenceResponse Round(SoftwareNode& node) {
    const evidence::ChallengeResponse challenge = node.Challenge();
    const auto response = node.SendEvidence(challenge, node.Answer(challenge));
    return evidence::DecodeEvidenceResponse(response.body).value_or(evidence::EvidenceResponse{});
  }

  static std::string AnnotationOf(const std::string& node, const std::string& name) {
    const Json object = GetObject("nodeattestation", node);
    return object.value(Json::json_pointer("/metadata/annotations/plimsoll.dev~1" + name), "");
  }
};

TEST_F(PluginLive, AnApprovalByTheNodesNameMakesItTrusted) {
  const auto node = Enrolled("live-approve");
  Cluster().Apply(PolicyYaml("live-approve", "live-approve", node->Pcrs()));
  EXPECT_TRUE(Eventually([&] { return Round(*node).reason == "IdentityPending"; }));
  const CommandResult approved = Plugin({"approve", "live-approve", "--reason", "INC-4711"});
  EXPECT_EQ(approved.exit_code, 0) << Said(approved);
  EXPECT_THAT(approved.out, HasSubstr(node->identity() + " approved"));
  EXPECT_TRUE(Eventually([&] { return Round(*node).verdict == "Trusted"; }));
  EXPECT_EQ(Plugin({"explain", "live-approve"}).exit_code, 0);
  const CommandResult denied = Plugin({"deny", node->identity()});
  EXPECT_EQ(denied.exit_code, 0) << Said(denied);
  EXPECT_TRUE(Eventually([&] { return Label("live-approve") != "true"; }));
}

TEST_F(PluginLive, WhoMayNotApproveIsToldByTheAdmissionPolicy) {
  const auto node = Enrolled("live-forbidden");
  Cluster().Kubectl({"create", "clusterrole", "plugin-editor", "--verb=get,list,update,patch",
                     "--resource=tpmidentities.plimsoll.dev"});
  Cluster().Kubectl({"create", "clusterrolebinding", "plugin-editor", "--clusterrole=plugin-editor",
                     "--user=plain"});
  EXPECT_TRUE(Eventually([] {
    return Cluster().Kubectl({"auth", "can-i", "patch", "tpmid", "--as=plain", "-q"}).ok();
  }));
  const CommandResult refused = Plugin({"approve", node->identity(), "--as", "plain"});
  EXPECT_EQ(refused.exit_code, 4) << Said(refused);
  EXPECT_THAT(refused.err, HasSubstr("approve"));
}

TEST_F(PluginLive, ReattestAndAcknowledgeWriteTheirAnnotations) {
  const auto node = Enrolled("live-annotate");
  Round(*node);
  EXPECT_TRUE(Eventually([&] { return !GetObject("nodeattestation", "live-annotate").is_null(); }));
  EXPECT_EQ(Plugin({"reattest", "live-annotate"}).exit_code, 0);
  EXPECT_EQ(Plugin({"acknowledge", "live-annotate"}).exit_code, 0);
  EXPECT_TRUE(ParseTime(AnnotationOf("live-annotate", "reattest-requested-at")));
  EXPECT_TRUE(ParseTime(AnnotationOf("live-annotate", "acknowledged-at")));
}

TEST_F(PluginLive, CleanupWaitsForTheControllersAndThenTakesAllMarksAway) {
  const auto node = Enrolled("live-cleanup");
  node->Approve();
  Cluster().Apply(PolicyYaml("live-cleanup", "live-cleanup", node->Pcrs()));
  EXPECT_TRUE(Eventually([&] {
    Round(*node);
    return Label("live-cleanup") == "true";
  }));
  Cluster().Kubectl({"taint", "node", "live-cleanup", "foreign=x:NoSchedule"});
  const CommandResult refused = Plugin({"cleanup"});
  EXPECT_EQ(refused.exit_code, 3) << Said(refused);
  EXPECT_THAT(refused.err, HasSubstr("still holds the Lease"));
  EXPECT_EQ(Label("live-cleanup"), "true");

  Deployment::Get().StopAll();  // which gives the Lease back
  const CommandResult shown = Plugin({"cleanup", "--dry-run"});
  EXPECT_EQ(shown.exit_code, 0) << Said(shown);
  EXPECT_EQ(Label("live-cleanup"), "true");
  EXPECT_EQ(Plugin({"cleanup", "--no-impersonate", "--as", "nobody"}).exit_code, 4);
  const CommandResult done = Plugin({"cleanup"});
  EXPECT_EQ(done.exit_code, 0) << Said(done);
  EXPECT_THAT(done.out, HasSubstr("node/live-cleanup cleaned: label true"));
  EXPECT_EQ(Label("live-cleanup"), "");
  EXPECT_EQ(NodeCondition("live-cleanup"), "");
  const Json object = GetObject("node", "live-cleanup");
  EXPECT_EQ(object["spec"]["taints"][0]["key"], "foreign");
  EXPECT_THAT(Plugin({"cleanup"}).out, HasSubstr("0 of "));
  Deployment::Get().StartAll();
}

}  // namespace
}  // namespace plimsoll::cluster
