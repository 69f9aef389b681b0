#include "controller/policies/picture.h"

#include <gtest/gtest.h>

#include "controller/objects.h"
#include "fakes/api_objects.h"
#include "fakes/fake_api_server.h"
#include "fakes/fake_clock.h"
#include "fakes/policy_picture.h"

namespace plimsoll::controller::policies {
namespace {

using fakes::ApiLookup;
using fakes::json;
using fakes::kBadDigest;
using fakes::PolicyObjectJson;

class PictureTest : public testing::Test {
 protected:
  void PutPolicy(const std::string& name, const json& object) {
    server_.Put({kube::kAttestationPolicy, name}, object);
  }

  // A Node with these labels.
  Node MakeNode(const json& labels = json::object()) {
    server_.Put({kube::kNode, "worker-1"}, fakes::NodeObject(labels));
    return *Node::Parse(server_.Find({kube::kNode, "worker-1"}).dump());
  }

  std::string Hash(const TpmIdentity* identity = nullptr) {
    return InputsHash(picture_.For(MakeNode()), identity);
  }

  fakes::FakeApiServer server_;
  fakes::FakeClock clock_;
  kube::Client client_{server_, clock_};
  fakes::PolicyPicture world_{
      server_,
      client_,
      clock_,
      {.interval = std::chrono::seconds(120), .expire = std::chrono::seconds(400)}};
  Picture& picture_ = world_.picture;
};

TEST_F(PictureTest, ANodeThatNoPolicySelectsHasTheDefaultFreshnessAndIsNotEnforced) {
  json policy = PolicyObjectJson();
  policy["spec"]["nodeSelector"] = {{"matchLabels", {{"role", "db"}}}};
  PutPolicy("db", policy);
  const NodePolicies chosen = picture_.For(MakeNode());
  EXPECT_TRUE(chosen.policies.empty());
  EXPECT_FALSE(chosen.enforced);
  EXPECT_EQ(chosen.taint_effect, policy::TaintEffect::kNone);
  EXPECT_EQ(chosen.interval.count(), 120);
  EXPECT_EQ(chosen.expire.count(), 400);
}

TEST_F(PictureTest, E46_AWeakerPolicyBesideAStricterOneChangesNothing) {
  json strict = PolicyObjectJson("Enforce", kBadDigest, "NoSchedule");
  strict["spec"]["freshness"] = {{"intervalSeconds", 60}, {"expireSeconds", 180}};
  json weak = PolicyObjectJson("Enforce", kBadDigest, "None");
  weak["spec"]["freshness"] = {{"intervalSeconds", 600}, {"expireSeconds", 3600}};
  for (const bool strict_first : {true, false}) {
    PutPolicy(strict_first ? "a" : "b", strict);
    PutPolicy(strict_first ? "b" : "a", weak);
    const NodePolicies chosen = picture_.For(MakeNode());
    EXPECT_EQ(chosen.policies.size(), 2U);
    EXPECT_TRUE(chosen.enforced);
    EXPECT_EQ(chosen.taint_effect, policy::TaintEffect::kNoSchedule);
    EXPECT_EQ(chosen.interval.count(), 60);
    EXPECT_EQ(chosen.expire.count(), 180);
  }
}

TEST_F(PictureTest, AnAuditPolicyShortensTheIntervalButNeitherEnforcesNorEndsTrustEarlier) {
  PutPolicy("enforce", PolicyObjectJson());
  json audit = PolicyObjectJson("Audit");
  audit["spec"]["freshness"] = {{"intervalSeconds", 30}, {"expireSeconds", 60}};
  PutPolicy("audit", audit);
  const NodePolicies both = picture_.For(MakeNode());
  EXPECT_EQ(both.interval.count(), 30);
  EXPECT_EQ(both.expire.count(), 900);
  server_.Remove({kube::kAttestationPolicy, "enforce"});
  const NodePolicies audit_only = picture_.For(MakeNode());
  EXPECT_FALSE(audit_only.enforced);
  EXPECT_EQ(audit_only.expire.count(), 60);
}

TEST_F(PictureTest, ASuspendedPolicyStillEnforces) {
  PutPolicy("suspended", PolicyObjectJson("Suspended"));
  EXPECT_TRUE(picture_.For(MakeNode()).enforced);
}

TEST_F(PictureTest, P1_APolicyThatCannotBeUnderstoodSelectsEveryNodeAndIsNotReady) {
  for (const json& spec : {json{{"mode", 7}}, json{{"nodeSelector", "all"}}, json(),
                           json{{"mode", "Enforce"}, {"nodeSelector", json::object()}}}) {
    PutPolicy("broken", {{"spec", spec}});
    const NodePolicies chosen = picture_.For(MakeNode());
    ASSERT_EQ(chosen.policies.size(), 1U) << spec;
    EXPECT_FALSE(chosen.policies[0]->ready()) << spec;
  }
}

TEST_F(PictureTest, P1_EvenAnObjectOfAnotherKindUnderThePolicysNameIsKeptAsEnforceNotReady) {
  const auto object = PolicyObject::Parse(
      R"({"kind":"Bogus","apiVersion":"v9","metadata":{"name":"p","uid":"u","generation":3}})");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->policy.mode, policy::Mode::kEnforce);
  EXPECT_FALSE(object->policy.problem.empty());
  EXPECT_TRUE(object->policy.node_selector.Matches({}));
  EXPECT_EQ(object->policy.meta.generation, 3);
}

TEST_F(PictureTest, APolicyIsNotReadyWhileTheAuthorityThatItNamesIsAbsent) {
  json policy = PolicyObjectJson();
  policy["spec"]["identity"] = {{"admission", "EndorsementCertificate"},
                                {"endorsementAuthorityRefs", json::array({"vendors"})}};
  PutPolicy("certified", policy);
  const NodePolicies chosen = picture_.For(MakeNode());
  ASSERT_EQ(chosen.policies.size(), 1U);
  EXPECT_FALSE(chosen.policies[0]->ready());
}

TEST_F(PictureTest, CompiledPoliciesAreKeptUntilTheirGenerationChanges) {
  PutPolicy("p", PolicyObjectJson());
  const auto first = picture_.For(MakeNode()).policies.at(0);
  server_.Edit({kube::kAttestationPolicy, "p"}, [](json& object) {
    object["status"] = {{"matchedNodes", 3}};
  });
  EXPECT_EQ(picture_.For(MakeNode()).policies.at(0), first);
  server_.Edit({kube::kAttestationPolicy, "p"},
               [](json& object) { object["spec"]["mode"] = "Audit"; });
  const auto second = picture_.For(MakeNode()).policies.at(0);
  EXPECT_NE(second, first);
  EXPECT_EQ(second->mode(), policy::Mode::kAudit);
}

TEST_F(PictureTest, APolicyThatIsMadeAnewUnderItsNameIsCompiledAnew) {
  PutPolicy("p", PolicyObjectJson("Enforce"));
  const auto first = picture_.All().at(0);
  server_.Remove({kube::kAttestationPolicy, "p"});
  PutPolicy("p", PolicyObjectJson("Audit"));  // generation 1 again, but another uid
  EXPECT_EQ(picture_.All().at(0)->mode(), policy::Mode::kAudit);
  EXPECT_NE(picture_.All().at(0), first);
}

TEST_F(PictureTest, TheInputsHashMovesWithEveryInputAndWithNothingElse) {
  const std::string none = Hash();
  EXPECT_EQ(none.size(), 64U);
  PutPolicy("p", PolicyObjectJson());
  const std::string one = Hash();
  EXPECT_NE(one, none);
  server_.Edit({kube::kAttestationPolicy, "p"}, [](json& object) {
    object["status"] = {{"matchedNodes", 3}};
  });
  EXPECT_EQ(Hash(), one) << "status is no input";
  PutPolicy("other", PolicyObjectJson("Audit"));
  EXPECT_NE(Hash(), one) << "audit policies are judged with, too";
  server_.Remove({kube::kAttestationPolicy, "other"});
  EXPECT_EQ(Hash(), one);
  server_.Edit({kube::kAttestationPolicy, "p"},
               [](json& object) { object["spec"]["freshness"]["intervalSeconds"] = 120; });
  EXPECT_NE(Hash(), one);
}

TEST_F(PictureTest, TheInputsHashCoversWhatTheIdentityCountsFor) {
  TpmIdentity identity;
  identity.meta.uid = "i";
  identity.meta.generation = 1;
  identity.status.node_uid = "n";
  const std::string plain = Hash(&identity);
  EXPECT_NE(plain, Hash());
  std::vector<std::string> hashes = {plain};
  const auto changed = [&](auto change) {
    TpmIdentity other = identity;
    change(other);
    hashes.push_back(Hash(&other));
  };
  changed([](TpmIdentity& i) { i.meta.generation = 2; });
  changed([](TpmIdentity& i) { i.decision = Decision::kApproved; });
  changed([](TpmIdentity& i) { i.status.node_uid = "m"; });
  changed([](TpmIdentity& i) { i.status.attestation_key.emplace().name = "000b"; });
  changed([](TpmIdentity& i) { i.status.admissions = {{Admission::By::kHuman, "1"}}; });
  changed([](TpmIdentity& i) {
    i.status.admissions = {{Admission::By::kEndorsementCertificate, "1"}};
  });
  changed([](TpmIdentity& i) { i.status.endorsement.manufacturer = "IFX"; });
  std::sort(hashes.begin(), hashes.end());
  EXPECT_EQ(std::unique(hashes.begin(), hashes.end()), hashes.end());

  TpmIdentity two = identity;
  two.status.admissions = {{Admission::By::kHuman, "1"},
                           {Admission::By::kEndorsementCertificate, "a"}};
  TpmIdentity reversed = two;
  std::reverse(reversed.status.admissions.begin(), reversed.status.admissions.end());
  EXPECT_EQ(Hash(&two), Hash(&reversed)) << "the order of admissions says nothing";
}

}  // namespace
}  // namespace plimsoll::controller::policies
