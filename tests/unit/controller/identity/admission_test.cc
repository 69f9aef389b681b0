#include "controller/identity/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/identity/endorsement.h"
#include "crypto/endorsement_key.h"
#include "fakes/controller_world.h"
#include "fakes/software_tpm.h"

namespace plimsoll::controller::identity {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const WallTime kNow{std::chrono::seconds(1'795'507'200)};

Admission Human(const std::string& generation) {
  return {.by = Admission::By::kHuman, .ref = generation};
}
Admission Certificate(const std::string& authority) {
  return {.by = Admission::By::kEndorsementCertificate, .ref = authority};
}

TpmIdentity Identity(Decision decision, int64_t generation = 2) {
  TpmIdentity identity;
  identity.meta.name = "ek-1";
  identity.meta.generation = generation;
  identity.node_name = "worker-1";
  identity.decision = decision;
  return identity;
}

TEST(Admissions, FollowDecisionAndCertificate) {
  auto approved = Identity(Decision::kApproved);
  EXPECT_TRUE(ReconcileAdmissions(approved, {.authorities = {"vendor"}}, kNow));
  EXPECT_THAT(approved.status.admissions, ElementsAre(Human("2"), Certificate("vendor")));
  EXPECT_FALSE(ReconcileAdmissions(approved, {}, kNow));
  EXPECT_THAT(approved.status.admissions, ElementsAre(Human("2")));
  approved.meta.generation = 5;
  EXPECT_TRUE(ReconcileAdmissions(approved, {}, kNow)) << "a person has approved anew";
  EXPECT_THAT(approved.status.admissions, ElementsAre(Human("5")));
  EXPECT_EQ(ApprovedGeneration(approved), 5);

  approved.decision = Decision::kPending;
  ReconcileAdmissions(approved, {.authorities = {"vendor"}}, kNow);
  EXPECT_THAT(approved.status.admissions, ElementsAre(Certificate("vendor")));
  EXPECT_EQ(ApprovedGeneration(approved), 0);

  for (const Decision decision : {Decision::kDenied, Decision::kRevoked}) {
    approved.decision = decision;
    ReconcileAdmissions(approved, {.authorities = {"vendor"}}, kNow);
    EXPECT_THAT(approved.status.admissions, IsEmpty());
  }
}

TEST(Admissions, AfterAConflictOnlyANewerApprovalCounts) {
  auto identity = Identity(Decision::kApproved, 2);
  ReconcileAdmissions(identity, {.authorities = {"vendor"}}, kNow);
  AskForApproval(identity, "SharedTPM", "two machines", kNow);
  EXPECT_TRUE(ApprovalAskedAgain(identity));
  EXPECT_FALSE(ReconcileAdmissions(identity, {.authorities = {"vendor"}}, kNow));
  EXPECT_THAT(identity.status.admissions, IsEmpty());

  identity.decision = Decision::kPending;
  identity.meta.generation = 3;
  ReconcileAdmissions(identity, {.authorities = {"vendor"}}, kNow);
  EXPECT_THAT(identity.status.admissions, IsEmpty()) << "a certificate is no approval";

  identity.decision = Decision::kApproved;
  identity.meta.generation = 4;
  EXPECT_TRUE(ReconcileAdmissions(identity, {.authorities = {"vendor"}}, kNow));
  EXPECT_THAT(identity.status.admissions, ElementsAre(Human("4"), Certificate("vendor")));
  EXPECT_FALSE(ApprovalAskedAgain(identity));
  EXPECT_EQ(Find(identity.status.conditions, kConflictFree)->status, ConditionStatus::kTrue);
}

Admission FirstUse(const std::string& policy) {
  return {.by = Admission::By::kFirstUse, .ref = policy};
}

Grounds Only(const std::string& policy) {
  return {.authorities = {}, .first_uses = std::set<std::string, std::less<>>{policy}};
}

TEST(Admissions, AFirstUseIsKeptButNeverGiven) {
  auto identity = Identity(Decision::kPending);
  ReconcileAdmissions(identity, {}, kNow);
  EXPECT_THAT(identity.status.admissions, IsEmpty());
  identity.status.admissions = {FirstUse("p"), FirstUse("q")};
  ReconcileAdmissions(identity, {.authorities = {"vendor"}}, kNow);
  EXPECT_THAT(identity.status.admissions,
              ElementsAre(Certificate("vendor"), FirstUse("p"), FirstUse("q")));
  ReconcileAdmissions(identity, Only("q"), kNow);
  EXPECT_THAT(identity.status.admissions, ElementsAre(FirstUse("q")));
  identity.decision = Decision::kApproved;
  ReconcileAdmissions(identity, Only("q"), kNow);
  EXPECT_THAT(identity.status.admissions, ElementsAre(Human("2"), FirstUse("q")));
  identity.decision = Decision::kDenied;
  ReconcileAdmissions(identity, Only("q"), kNow);
  EXPECT_THAT(identity.status.admissions, IsEmpty());
}

TEST(Admissions, AnotherClaimIsNotedAndEndsAFirstUseButNotWhatPeopleAndCertificatesSay) {
  auto identity = Identity(Decision::kApproved, 3);
  identity.status.admissions = {Human("3"), Certificate("vendor"), FirstUse("p")};
  EXPECT_TRUE(ReportConflict(identity, "another one enrolled", kNow));
  EXPECT_FALSE(ReportConflict(identity, "and again", kNow)) << "said once";
  EXPECT_THAT(identity.status.admissions, ElementsAre(Human("3"), Certificate("vendor")));
  EXPECT_EQ(Find(identity.status.conditions, kConflictFree)->reason, "IdentityConflict");
  EXPECT_TRUE(InConflict(identity));
  EXPECT_FALSE(ApprovalAskedAgain(identity)) << "the old binding stands";
  EXPECT_FALSE(ReconcileAdmissions(identity, {.authorities = {"vendor"}}, kNow));
  EXPECT_THAT(identity.status.admissions, ElementsAre(Human("3"), Certificate("vendor")));
  EXPECT_TRUE(InConflict(identity)) << "until a person has looked";
  identity.meta.generation = 4;
  EXPECT_TRUE(ReconcileAdmissions(identity, {}, kNow));
  EXPECT_FALSE(InConflict(identity));
  EXPECT_EQ(Find(identity.status.conditions, kConflictFree)->reason,
            "ApprovedAfterIdentityConflict");
}

TEST(Admissions, AFirstUseThatWasWrittenIntoAConflictDoesNotStay) {
  auto identity = Identity(Decision::kPending);
  ReportConflict(identity, "another one enrolled", kNow);
  identity.status.admissions = {FirstUse("p")};
  ReconcileAdmissions(identity, Only("p"), kNow);
  EXPECT_THAT(identity.status.admissions, IsEmpty());
}

TEST(Admissions, AClaimOfOthersDoesNotHideAWorseConflict) {
  auto identity = Identity(Decision::kApproved, 3);
  AskForApproval(identity, "SharedTPM", "two machines", kNow);
  EXPECT_FALSE(ReportConflict(identity, "another one enrolled", kNow));
  EXPECT_EQ(Find(identity.status.conditions, kConflictFree)->reason, "SharedTPM");
  EXPECT_TRUE(ApprovalAskedAgain(identity));
}

TEST(Admissions, ARenewedBaselineKeepsFirstUsesOfPoliciesThatAreThere) {
  const auto policy = [](const std::string& uid, const std::string& match) {
    auto parsed = policy::AttestationPolicy::Parse(
        R"({"metadata":{"name":"p","uid":")" + uid + R"("},"spec":{"nodeSelector":{},"pcrs":[)" +
        R"({"bank":"sha256","index":0,"match":"FirstUse"},)" +
        R"({"bank":"sha256","index":4,"match":")" + match + R"("}]}})");
    return std::make_shared<const policy::CompiledPolicy>(
        policy::CompiledPolicy::Compile(*std::move(parsed), {}));
  };
  const std::string digest(64, 'a');
  const BaselinePcr zero{.bank = "sha256", .index = 0, .digest = digest};
  const BaselinePcr four{.bank = "sha256", .index = 4, .digest = digest};
  const BaselinePcr other_bank{.bank = "sha1", .index = 0, .digest = std::string(40, 'a')};
  auto identity = Identity(Decision::kApproved);
  identity.status.baselines = {
      {.policy_uid = "mixed", .time = kNow, .pcrs = {zero, four, other_bank}},
      {.policy_uid = "first", .time = kNow, .pcrs = {zero, four}},
      {.policy_uid = "gone", .time = kNow, .pcrs = {zero}}};
  RenewBaselines(identity, {policy("mixed", "Unchanged"), policy("first", "FirstUse")});
  EXPECT_THAT(identity.status.baselines,
              ElementsAre(Baseline{.policy_uid = "mixed", .time = kNow, .pcrs = {zero}},
                          Baseline{.policy_uid = "first", .time = kNow, .pcrs = {zero, four}}));
}

TEST(Admissions, ANodeIsFreeUnlessAnotherIdentityStandsOnIt) {
  const auto own = std::make_shared<TpmIdentity>(Identity(Decision::kPending));
  const auto other = std::make_shared<TpmIdentity>(Identity(Decision::kPending));
  other->meta.name = "ek-2";
  const std::vector<std::shared_ptr<TpmIdentity>> all = {own, other};
  EXPECT_TRUE(NodeIsFree(*own, all, ""));
  other->status.admissions = {Certificate("vendor")};
  EXPECT_FALSE(NodeIsFree(*own, all, ""));
  EXPECT_FALSE(NodeIsFree(*own, all, "ek-2"));
  EXPECT_TRUE(NodeIsFree(*own, all, "ek-1")) << "who holds the node keeps it";
  other->decision = Decision::kApproved;
  EXPECT_FALSE(NodeIsFree(*own, all, "ek-1")) << "a person's word outranks it";
  other->node_name = "worker-2";
  EXPECT_TRUE(NodeIsFree(*own, all, ""));
}

class Reconciliation : public ::testing::Test {
 protected:
  Reconciliation() {
    world.AddAuthority("vendor", ca);
    world.AddCertificatePolicy("measured", "vendor");
  }

  // A TPM of that CA, bound to worker-1.
  std::string Enroll(bool certified = true) {
    const fakes::SoftwareKey ek{fakes::KeyTemplate::EkP256()};
    const fakes::SoftwareKey ak{fakes::KeyTemplate::AkP384()};
    ProvenKey proven{.node_name = "worker-1",
                     .node_uid = fakes::kWorkerUid,
                     .endorsement_key_sha256 = *crypto::EndorsementKeySha256(ek.Public()),
                     .certificate = std::nullopt,
                     .chain = {},
                     .attestation_key_name = ak.Name(),
                     .attestation_public = ak.MarshalPublic(),
                     .profile = crypto::KeyProfile::kP384,
                     .tpm = {}};
    if (certified) {
      proven.certificate = *crypto::EndorsementCertificate::Parse(
          ca.Issue(fakes::CertificateFields::Endorsement(tcg::AlgorithmId::kEcc), ek));
    }
    const auto outcome = world.binding.Bind(proven);
    EXPECT_TRUE(outcome);
    return outcome ? outcome->identity : "";
  }
  std::vector<Admission> AdmissionsOf(const std::string& name) const {
    return world.IdentityNamed(name).status.admissions;
  }

  fakes::ControllerWorld world;
  fakes::SoftwareCa ca{fakes::CertificateFields::Ca("TPM maker")};
};

TEST_F(Reconciliation, AddsWhatAPersonApprovesAndTakesAwayWhatAPersonDenies) {
  const std::string name = Enroll(false);
  EXPECT_THAT(AdmissionsOf(name), IsEmpty());
  world.Decide(name, "Approved");
  ASSERT_TRUE(world.reconciler.Reconcile(world.IdentityNamed(name)));
  EXPECT_THAT(AdmissionsOf(name), ElementsAre(Human("2")));
  EXPECT_TRUE(world.HasEvent("worker-1", "IdentityApproved"));
  world.Decide(name, "Revoked");
  ASSERT_TRUE(world.reconciler.Reconcile(world.IdentityNamed(name)));
  EXPECT_THAT(AdmissionsOf(name), IsEmpty());
}

TEST_F(Reconciliation, WritesNothingWhenNothingHasChanged) {
  const std::string name = Enroll();
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  const std::string version = world.IdentityNamed(name).meta.resource_version;
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_EQ(world.IdentityNamed(name).meta.resource_version, version);
}

TEST_F(Reconciliation, ACertificateCountsWhileAPolicyNamesItsAuthority) {
  const std::string name = Enroll();
  EXPECT_THAT(AdmissionsOf(name), ElementsAre(Certificate("vendor")));
  world.server.Remove({kube::kAttestationPolicy, "measured"});
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_THAT(AdmissionsOf(name), IsEmpty());
  EXPECT_EQ(Find(world.IdentityNamed(name).status.conditions, kEndorsementVerified)->reason,
            "NoAuthority");
  world.AddCertificatePolicy("again", "vendor");
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_THAT(AdmissionsOf(name), ElementsAre(Certificate("vendor")));
}

TEST_F(Reconciliation, ACertificateStopsCountingWithItsAuthority) {
  const std::string name = Enroll();
  const fakes::SoftwareCa other(fakes::CertificateFields::Ca("another maker"));
  world.AddAuthority("vendor", other);
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_THAT(AdmissionsOf(name), IsEmpty());
  EXPECT_TRUE(world.IdentityNamed(name).status.endorsement.authority.empty());

  world.AddAuthority("vendor", ca, {{"allowedManufacturers", {"STM"}}});
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_THAT(AdmissionsOf(name), IsEmpty());
  EXPECT_EQ(Find(world.IdentityNamed(name).status.conditions, kEndorsementVerified)->reason,
            "ManufacturerNotAllowed");

  world.AddAuthority("vendor", ca, {{"allowedManufacturers", {"STM", "IFX"}}});
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_THAT(AdmissionsOf(name), ElementsAre(Certificate("vendor")));
}

TEST_F(Reconciliation, ACertificateStopsCountingWhenItRunsOutUnlessTheAuthoritySaysOtherwise) {
  const std::string name = Enroll();
  world.clock.Advance(std::chrono::hours(24 * 365 * 20));
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_THAT(AdmissionsOf(name), IsEmpty());
}

TEST_F(Reconciliation, ExpiredCertificatesCountWhereTheAuthorityIgnoresExpiry) {
  world.AddAuthority("vendor", ca, {{"validity", "IgnoreExpiry"}});
  const std::string name = Enroll();
  world.server.SetNow(1'795'507'200 + int64_t{86'400} * 365 * 20);
  world.clock.Advance(std::chrono::hours(24 * 365 * 20));
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_THAT(AdmissionsOf(name), ElementsAre(Certificate("vendor")));
}

TEST_F(Reconciliation, AStoredCertificateOfAnotherKeyAdmitsNobody) {
  const std::string name = Enroll();
  const std::string donor_certificate = world.IdentityNamed(name).status.endorsement.certificate;
  world.server.Remove({kube::kTpmIdentity, name});
  const std::string other = Enroll(false);
  world.server.Edit({kube::kTpmIdentity, other}, [&](nlohmann::json& object) {
    object["status"]["endorsement"]["certificate"] = donor_certificate;
  });
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_THAT(AdmissionsOf(other), IsEmpty());
  EXPECT_EQ(Find(world.IdentityNamed(other).status.conditions, kEndorsementVerified)->reason,
            "CertificateUnusable");
}

TEST_F(Reconciliation, ForgetsWhatNobodyDecidedAboutForADay) {
  const std::string pending = Enroll(false);
  world.clock.Advance(std::chrono::hours(24));
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_NE(world.identities.Get(pending), nullptr);
  world.clock.Advance(std::chrono::seconds(1));
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_EQ(world.identities.Get(pending), nullptr);
}

TEST_F(Reconciliation, KeepsOldIdentitiesThatPeopleOrCertificatesStandFor) {
  const std::string certified = Enroll();
  std::vector<std::string> kept = {certified};
  for (const char* decision : {"Approved", "Denied", "Revoked"}) {
    const std::string name = fmt::format("ek-{}", std::string(32, decision[0] == 'A'   ? 'a'
                                                                  : decision[0] == 'D' ? 'd'
                                                                                       : 'e'));
    world.server.Put({kube::kTpmIdentity, name},
                     {{"spec",
                       {{"endorsementKeySHA256", std::string(64, name.back())},
                        {"nodeName", "worker-2"},
                        {"source", "Discovered"},
                        {"decision", decision}}}});
    kept.push_back(name);
  }
  world.server.Put({kube::kTpmIdentity, "ek-manual"},
                   {{"spec",
                     {{"endorsementKeySHA256", std::string(64, 'f')},
                      {"nodeName", "worker-2"},
                      {"source", "Manual"},
                      {"decision", "Pending"}}}});
  kept.push_back("ek-manual");
  world.clock.Advance(std::chrono::hours(48));
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  for (const std::string& name : kept) {
    EXPECT_NE(world.identities.Get(name), nullptr) << name;
  }
}

TEST_F(Reconciliation, AnIdentityThatIsDecidedAboutMeanwhileIsNotDeleted) {
  const std::string pending = Enroll(false);
  world.clock.Advance(std::chrono::hours(25));
  const TpmIdentity seen = world.IdentityNamed(pending);
  world.Decide(pending, "Approved");
  EXPECT_FALSE(world.reconciler.Reconcile(seen)) << "to be tried again with what it is now";
  EXPECT_NE(world.identities.Get(pending), nullptr);
}

TEST_F(Reconciliation, WritesNothingOnceItLeadsNoMore) {
  const std::string name = Enroll(false);
  world.Decide(name, "Approved");
  world.may_write = false;
  EXPECT_FALSE(world.reconciler.ReconcileAll());
  EXPECT_THAT(AdmissionsOf(name), IsEmpty());
  world.Decide(name, "Pending");
  world.clock.Advance(std::chrono::hours(25));
  EXPECT_FALSE(world.reconciler.ReconcileAll());
  EXPECT_NE(world.identities.Get(name), nullptr);
}

TEST_F(Reconciliation, ACertifiedIdentityIsReleasedAfterItsNodeUnlessItIsInConflict) {
  const std::string name = Enroll();
  world.server.Remove({kube::kNode, "worker-1"});
  ASSERT_TRUE(world.store.Update(name, "", [&](TpmIdentity& current) {
    return ReportConflict(current, "another one enrolled", world.clock.Wall());
  }));
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  world.clock.Advance(std::chrono::hours(48));
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  ASSERT_NE(world.identities.Get(name), nullptr);
  EXPECT_THAT(AdmissionsOf(name), ElementsAre(Certificate("vendor")));

  world.server.Edit({kube::kTpmIdentity, name}, [](nlohmann::json& object) {
    object["status"]["conditions"] = nlohmann::json::array();
  });
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  world.clock.Advance(std::chrono::hours(24));
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_EQ(world.identities.Get(name), nullptr);
}

TEST_F(Reconciliation, DoesNotOverwriteAnActivationThatCameMeanwhile) {
  const std::string name = Enroll(false);
  world.Decide(name, "Approved");
  const TpmIdentity seen = world.IdentityNamed(name);
  world.server.Edit({kube::kTpmIdentity, name}, [](nlohmann::json& object) {
    object["status"]["attestationKey"]["name"] = "000b" + std::string(64, '1');
  });
  ASSERT_TRUE(world.reconciler.Reconcile(seen));
  const TpmIdentity now = world.IdentityNamed(name);
  EXPECT_EQ(now.status.attestation_key->name, "000b" + std::string(64, '1'));
  EXPECT_THAT(now.status.admissions, ElementsAre(Human("2")));
}

}  // namespace
}  // namespace plimsoll::controller::identity
