#include "controller/policies/references.h"

#include <gtest/gtest.h>

#include "controller/policies/reference_status.h"
#include "fakes/api_objects.h"
#include "fakes/fake_api_server.h"
#include "fakes/fake_clock.h"
#include "fakes/policy_picture.h"
#include "fakes/software_ca.h"

namespace plimsoll::controller::policies {
namespace {

using fakes::json;
using fakes::kGoodDigest;
using fakes::PolicyObjectJson;
using std::chrono::seconds;

class ReferencesTest : public testing::Test {
 protected:
  ReferencesTest() {
    json policy = PolicyObjectJson();
    policy["spec"]["pcrs"] = {
        {{"bank", "sha256"}, {"index", 4}, {"referenceValueRefs", {"golden"}}}};
    server_.Put({kube::kAttestationPolicy, "p"}, policy);
  }

  void PutSet(json spec) {
    spec["pcrs"] = {{{"bank", "sha256"}, {"index", 4}, {"digests", {kGoodDigest}}}};
    server_.Put({kube::kReferenceValues, "golden"}, {{"spec", std::move(spec)}});
  }

  NodePolicies Policies() {
    server_.Put({kube::kNode, "worker-1"}, fakes::NodeObject());
    return world_.picture.For(*Node::Parse(server_.Find({kube::kNode, "worker-1"}).dump()));
  }
  std::string Problem() { return Policies().policies.at(0)->problem(); }
  std::string Hash() { return InputsHash(Policies(), nullptr); }

  // A policy whose IMA list must be in the set's allow-list.
  void WantFiles() {
    server_.Edit({kube::kAttestationPolicy, "p"}, [](json& policy) {
      policy["spec"]["runtime"] = {{"ima", {{"mode", "Required"}, {"allowListRefs", {"golden"}}}}};
    });
  }
  static json FilesFrom(const std::string& config_map) {
    return {{"files",
             {{"configMapKeyRefs",
               {{{"namespace", "plimsoll-system"}, {"name", config_map}, {"key", "files"}}}}}}};
  }

  fakes::FakeApiServer server_;
  fakes::FakeClock clock_;
  kube::Client client_{server_, clock_};
  fakes::PolicyPicture world_{server_, client_, clock_};
};

TEST_F(ReferencesTest, AMissingSetMakesThePolicyNotReadyUntilItComes) {
  EXPECT_EQ(Problem(), "ReferenceValues golden does not exist");
  PutSet({});
  EXPECT_EQ(Problem(), "");
}

TEST_F(ReferencesTest, ChangesOfASetChangeTheInputsAtOnce) {
  PutSet({});
  const std::string active = Hash();
  PutSet({{"state", "Revoked"}});
  EXPECT_NE(Hash(), active);
  server_.Remove({kube::kReferenceValues, "golden"});
  EXPECT_NE(Hash(), active);
}

TEST_F(ReferencesTest, ASetThatCannotBeUnderstoodMakesThePolicyNotReady) {
  PutSet({{"consistencyy", "Tuple"}});
  EXPECT_NE(Problem().find("ReferenceValues golden: spec.consistencyy"), std::string::npos)
      << Problem();
}

TEST_F(ReferencesTest, ValidityBeginsAndEndsByItself) {
  const auto now = std::chrono::floor<seconds>(clock_.Wall());
  PutSet(
      {{"notBefore", FormatTime(now + seconds(60))}, {"notAfter", FormatTime(now + seconds(120))}});
  const auto counts = [this] {
    const auto policy = Policies().policies.at(0);
    return policy->Accepts(*policy->pcr_rules().at(0).values.at(0).set);
  };
  const std::string early = Hash();
  EXPECT_FALSE(counts());
  ASSERT_TRUE(Policies().changes);
  EXPECT_EQ(*Policies().changes, now + seconds(60));
  clock_.Advance(seconds(60));
  EXPECT_TRUE(counts());
  const std::string valid = Hash();
  EXPECT_NE(valid, early) << "nodes are judged again";
  clock_.Advance(seconds(60));
  EXPECT_TRUE(counts()) << "the last second counts";
  clock_.Advance(seconds(1));
  EXPECT_FALSE(counts());
  EXPECT_NE(Hash(), valid);
  EXPECT_FALSE(Policies().changes);
}

TEST_F(ReferencesTest, AllowListsComeFromConfigMapsAndChangeWithThem) {
  PutSet(FilesFrom("files"));
  WantFiles();
  EXPECT_NE(Problem().find("ConfigMap plimsoll-system/files, key files does not exist"),
            std::string::npos)
      << Problem();
  world_.texts.PutConfigMap("files", "files", std::string(64, 'a') + "  /usr/bin/a\n");
  EXPECT_EQ(Problem(), "");
  const NodePolicies before = Policies();
  EXPECT_EQ(before.policies.at(0)->ima_rules().allow_lists.at(0)->size(), 1U);
  world_.texts.PutConfigMap(
      "files", "files",
      std::string(64, 'a') + "  /usr/bin/a\n" + std::string(64, 'b') + "  /usr/bin/b\n");
  const NodePolicies after = Policies();
  EXPECT_EQ(after.policies.at(0)->ima_rules().allow_lists.at(0)->size(), 2U);
  EXPECT_NE(after.runtime_rules, before.runtime_rules) << "the list is judged from its beginning";
  EXPECT_NE(InputsHash(after, nullptr), InputsHash(before, nullptr));
}

TEST_F(ReferencesTest, AnAllowListThatCannotBeReadSaysWhereItIsWrong) {
  PutSet(FilesFrom("files"));
  WantFiles();
  world_.texts.PutConfigMap("files", "files", "no digest here\n");
  EXPECT_NE(Problem().find("ConfigMap plimsoll-system/files, key files:1"), std::string::npos)
      << Problem();
}

TEST_F(ReferencesTest, AnAuthorityTakesItsBundleFromAConfigMap) {
  const fakes::SoftwareCa ca(fakes::CertificateFields::Ca("TPM maker"));
  server_.Put(
      {kube::kEndorsementAuthority, "vendor"},
      {{"spec",
        {{"bundles",
          {{{"configMapKeyRef",
             {{"namespace", "plimsoll-system"}, {"name", "vendors"}, {"key", "ca.pem"}}}}}}}}});
  ASSERT_NE(world_.picture.Authority("vendor"), nullptr);
  EXPECT_FALSE(world_.picture.Authority("vendor")->roots);
  EXPECT_NE(world_.picture.Authority("vendor")->problem.find("vendors"), std::string::npos);
  world_.texts.PutConfigMap("vendors", "ca.pem", ca.Pem());
  const auto authority = world_.picture.Authority("vendor");
  EXPECT_EQ(authority->problem, "");
  ASSERT_TRUE(authority->roots);
  EXPECT_EQ(authority->roots->anchor_count(), 1U);
}

TEST_F(ReferencesTest, TheStatusCountsValuesNodesAndPolicies) {
  PutSet({{"commandLines", {"ro quiet", "ro"}}});
  const Node node = *Node::Parse([&] {
    Policies();
    return server_.Find({kube::kNode, "worker-1"}).dump();
  }());
  server_.Put(
      {kube::kNodeAttestation, "worker-1"},
      {{"status",
        {{"nodeUID", node.meta.uid},
         {"lastVerifiedTime", "2026-11-24T08:00:00Z"},
         {"policies",
          {{{"name", "p"}, {"uid", "x"}, {"result", "Pass"}, {"referenceValues", {"golden"}}}}}}}});
  const fakes::ApiLookup<Node> nodes(server_, kube::kNode);
  const fakes::ApiLookup<NodeAttestation> attestations(server_, kube::kNodeAttestation);
  const auto uses = CountReferenceUse(world_.picture.All(), nodes.List(), attestations);
  const auto object = world_.references.Get("golden");
  const auto resolved = world_.picture.Reference("golden");
  const json status = ReferenceStatus(*object, *resolved, uses.at("golden"));
  EXPECT_EQ(status["values"], 3);
  EXPECT_EQ(status["matchedNodes"], 1);
  EXPECT_EQ(status["policyNames"], "p");
  EXPECT_EQ(status["lastMatchedTime"], "2026-11-24T08:00:00Z");
  const auto conditions =
      ReferenceConditions(*resolved, uses.at("golden"), std::chrono::floor<seconds>(clock_.Wall()));
  EXPECT_EQ(Find(conditions, "Ready")->status, ConditionStatus::kTrue);
  EXPECT_EQ(Find(conditions, "InUse")->status, ConditionStatus::kTrue);
}

TEST_F(ReferencesTest, Currency_ACacheThatIsBehindIsNotConfirmed) {
  PutSet({});
  EXPECT_TRUE(world_.currency.Confirm(""));
  world_.references.Freeze();
  server_.Edit({kube::kReferenceValues, "golden"},
               [](json& set) { set["spec"]["state"] = "Revoked"; });
  EXPECT_FALSE(world_.currency.Confirm(""));
  world_.references.Thaw();
  EXPECT_TRUE(world_.currency.Confirm(""));
  server_.Remove({kube::kReferenceValues, "golden"});
  EXPECT_TRUE(world_.currency.Confirm(""));
}

TEST_F(ReferencesTest, Currency_OneListServesEveryObjectThatWasWrittenBeforeIt) {
  PutSet({});
  int lists = 0;
  server_.Intercept(
      [&](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
        lists += request.path_and_query.find("limit=") != std::string::npos ? 1 : 0;
        return std::nullopt;
      });
  const std::string old =
      server_.Find({kube::kReferenceValues, "golden"})["metadata"]["resourceVersion"]
          .get<std::string>();
  ASSERT_TRUE(world_.currency.Confirm(old));
  EXPECT_EQ(lists, 3);
  ASSERT_TRUE(world_.currency.Confirm(old));
  EXPECT_EQ(lists, 3) << "already known";
  server_.Put({kube::kNode, "worker-9"}, fakes::NodeObject());
  const std::string later =
      server_.Find({kube::kNode, "worker-9"})["metadata"]["resourceVersion"].get<std::string>();
  ASSERT_TRUE(world_.currency.Confirm(later));
  EXPECT_EQ(lists, 6) << "written after the list";
}

}  // namespace
}  // namespace plimsoll::controller::policies
