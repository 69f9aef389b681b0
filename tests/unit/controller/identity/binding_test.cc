#include "controller/identity/binding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "crypto/endorsement_key.h"
#include "fakes/controller_world.h"
#include "fakes/software_tpm.h"

namespace plimsoll::controller::identity {
namespace {

using Kind = BindingOutcome::Kind;
using evidence::IdentityDecision;
using fakes::KeyTemplate;

// A TPM that has proven its key, as the enrolment hands it over.
struct Tpm {
  explicit Tpm(KeyTemplate ak = KeyTemplate::AkP384()) : attestation(ak) {}

  std::string sha256() const { return *crypto::EndorsementKeySha256(ek.Public()); }
  std::string name() const { return TpmIdentity::NameFor(sha256()); }
  ProvenKey Proven(const std::string& node = "worker-1",
                   const std::string& uid = fakes::kWorkerUid) const {
    return {.node_name = node,
            .node_uid = uid,
            .endorsement_key_sha256 = sha256(),
            .certificate = certificate,
            .chain = chain,
            .attestation_key_name = attestation.Name(),
            .attestation_public = attestation.MarshalPublic(),
            .profile = crypto::ProfileOf(attestation.Public()),
            .tpm = {"IFX", "SLB9672", "15.23", "1.59"}};
  }
  void Certify(const fakes::SoftwareCa& ca) {
    certificate = *crypto::EndorsementCertificate::Parse(
        ca.Issue(fakes::CertificateFields::Endorsement(tcg::AlgorithmId::kEcc), ek));
  }

  fakes::SoftwareKey ek{KeyTemplate::EkP256()};
  fakes::SoftwareKey attestation;
  std::optional<crypto::EndorsementCertificate> certificate;
  std::vector<Bytes> chain;
};

class Bindings : public ::testing::Test {
 protected:
  void TrustCa() {
    world.AddAuthority("vendor", ca);
    world.AddCertificatePolicy("measured", "vendor");
  }
  BindingOutcome Bind(const ProvenKey& proven) {
    const auto outcome = world.binding.Bind(proven);
    EXPECT_TRUE(outcome) << outcome.error().message;
    return outcome ? *outcome : BindingOutcome{};
  }
  size_t AdmittedOn(const std::string& node) const {
    size_t count = 0;
    for (const auto& identity : world.identities.List()) {
      count += identity->node_name == node && identity->Admitted() ? 1 : 0;
    }
    return count;
  }

  fakes::ControllerWorld world;
  fakes::SoftwareCa ca{fakes::CertificateFields::Ca("TPM maker")};
  Tpm tpm;
};

TEST_F(Bindings, C13_DiscoversATpmAsPendingAndClaimsTheNode) {
  world.AddCertificatePolicy("measured", "nobody");
  const auto outcome = Bind(tpm.Proven());
  EXPECT_EQ(outcome.kind, Kind::kBound);
  EXPECT_EQ(outcome.decision, IdentityDecision::kPending);
  const TpmIdentity identity = world.IdentityNamed(tpm.name());
  EXPECT_EQ(identity.endorsement_key_sha256, tpm.sha256());
  EXPECT_EQ(identity.source, "Discovered");
  EXPECT_EQ(identity.decision, Decision::kPending);
  EXPECT_EQ(identity.status.attestation_key->profile, "p384");
  EXPECT_EQ(Find(identity.status.conditions, "KeyActivated")->status, ConditionStatus::kTrue);
  EXPECT_EQ(Find(identity.status.conditions, "ConflictFree")->status, ConditionStatus::kTrue);
  EXPECT_EQ(Find(identity.status.conditions, "EndorsementVerified")->reason, "NoCertificate");
  EXPECT_EQ(world.StatusOf("worker-1").tpm_identity, tpm.name());
  EXPECT_EQ(world.StatusOf("worker-1").summary, "Unknown");
  EXPECT_EQ(world.ReasonOf("worker-1"), "NotEnrolled");
}

TEST_F(Bindings, ABindingThatIsRepeatedChangesNeitherClaimNorAdmission) {
  TrustCa();
  tpm.Certify(ca);
  EXPECT_EQ(Bind(tpm.Proven()).decision, IdentityDecision::kAdmitted);
  const auto claim = world.attestations.Get("worker-1")->meta.resource_version;
  EXPECT_EQ(Bind(tpm.Proven()).decision, IdentityDecision::kAdmitted);
  EXPECT_EQ(world.attestations.Get("worker-1")->meta.resource_version, claim);
  EXPECT_EQ(world.server.All(kube::kTpmIdentity).size(), 1);
}

TEST_F(Bindings, M06_ANewKeyOfTheSameTpmReplacesTheOld) {
  TrustCa();
  tpm.Certify(ca);
  Bind(tpm.Proven());
  const std::string old_key = tpm.attestation.Name().ToHex();
  tpm.attestation = fakes::SoftwareKey(KeyTemplate::AkP384());
  EXPECT_EQ(Bind(tpm.Proven()).decision, IdentityDecision::kAdmitted);
  const auto key = world.IdentityNamed(tpm.name()).status.attestation_key;
  ASSERT_TRUE(key);
  EXPECT_NE(key->name, old_key);
  EXPECT_EQ(key->name, tpm.attestation.Name().ToHex());
}

TEST_F(Bindings, AWeakerKeyAsksAPersonAgain) {
  TrustCa();
  tpm.Certify(ca);
  Bind(tpm.Proven());
  world.Decide(tpm.name(), "Approved");
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  tpm.attestation = fakes::SoftwareKey(KeyTemplate::AkP256());
  EXPECT_EQ(Bind(tpm.Proven()).decision, IdentityDecision::kPending);
  TpmIdentity identity = world.IdentityNamed(tpm.name());
  EXPECT_TRUE(identity.status.admissions.empty());
  EXPECT_EQ(Find(identity.status.conditions, "ConflictFree")->reason, "KeyProfileChanged");
  EXPECT_TRUE(world.HasEvent("worker-1", "KeyProfileChanged"));
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_TRUE(world.IdentityNamed(tpm.name()).status.admissions.empty())
      << "the approval from before does not count";

  world.server.Edit({kube::kTpmIdentity, tpm.name()},
                    [](nlohmann::json& object) { object["spec"]["decisionReason"] = "INC-4711"; });
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  identity = world.IdentityNamed(tpm.name());
  EXPECT_EQ(identity.status.admissions.size(), 2);
  EXPECT_EQ(Find(identity.status.conditions, "ConflictFree")->status, ConditionStatus::kTrue);
}

TEST_F(Bindings, AStrongerKeyDoesNot) {
  tpm.attestation = fakes::SoftwareKey(KeyTemplate::AkP256());
  Bind(tpm.Proven());
  tpm.attestation = fakes::SoftwareKey(KeyTemplate::AkP384());
  Bind(tpm.Proven());
  EXPECT_EQ(Find(world.IdentityNamed(tpm.name()).status.conditions, "ConflictFree")->status,
            ConditionStatus::kTrue);
}

TEST_F(Bindings, ATpmThatNobodyAdmittedMovesWithItsMachine) {
  Bind(tpm.Proven());
  const auto outcome = Bind(tpm.Proven("worker-2", fakes::kOtherWorkerUid));
  EXPECT_EQ(outcome.kind, Kind::kBound);
  const TpmIdentity identity = world.IdentityNamed(tpm.name());
  EXPECT_EQ(identity.node_name, "worker-2");
  EXPECT_EQ(identity.status.node_uid, fakes::kOtherWorkerUid);
}

TEST_F(Bindings, M07_AnApprovedTpmDoesNotMove) {
  Bind(tpm.Proven());
  world.Decide(tpm.name(), "Approved");
  EXPECT_EQ(Bind(tpm.Proven("worker-2", fakes::kOtherWorkerUid)).kind, Kind::kConflict);
  EXPECT_EQ(world.IdentityNamed(tpm.name()).node_name, "worker-1");
  EXPECT_TRUE(world.HasEvent("worker-1", "IdentityConflict"));
  EXPECT_TRUE(world.HasEvent("worker-2", "IdentityConflict"));
}

TEST_F(Bindings, APersonsObjectForAnotherNodeIsNeverRewritten) {
  world.server.Put({kube::kTpmIdentity, tpm.name()}, {{"spec",
                                                       {{"endorsementKeySHA256", tpm.sha256()},
                                                        {"nodeName", "worker-2"},
                                                        {"source", "Manual"},
                                                        {"decision", "Pending"}}}});
  EXPECT_EQ(Bind(tpm.Proven()).kind, Kind::kConflict);
  EXPECT_EQ(world.IdentityNamed(tpm.name()).node_name, "worker-2");
}

TEST_F(Bindings, AnIdentityThatAPersonMadeBeforehandIsApprovedAtOnce) {
  world.server.Put({kube::kTpmIdentity, tpm.name()}, {{"spec",
                                                       {{"endorsementKeySHA256", tpm.sha256()},
                                                        {"nodeName", "worker-1"},
                                                        {"source", "Manual"},
                                                        {"decision", "Approved"}}}});
  EXPECT_EQ(Bind(tpm.Proven()).decision, IdentityDecision::kApproved);
  EXPECT_THAT(world.IdentityNamed(tpm.name()).status.admissions,
              ::testing::ElementsAre(Admission{.by = Admission::By::kHuman, .ref = "1"}));
  // And it excludes others even before it has come.
  EXPECT_EQ(Bind(Tpm().Proven()).kind, Kind::kConflict);
}

TEST_F(Bindings, TwoKeysOfOneNameAreNotTakenForOneAnother) {
  std::string other = tpm.sha256();
  other.back() = other.back() == '0' ? '1' : '0';
  world.server.Put({kube::kTpmIdentity, tpm.name()},
                   {{"spec", {{"endorsementKeySHA256", other}, {"nodeName", "worker-1"}}}});
  EXPECT_FALSE(world.binding.Bind(tpm.Proven()));
  EXPECT_FALSE(world.IdentityNamed(tpm.name()).status.attestation_key);
}

TEST_F(Bindings, ATpmThatIsTooManyKeepsItsOldPlace) {
  Bind(tpm.Proven("worker-2", fakes::kOtherWorkerUid));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Bind(Tpm().Proven()).kind, Kind::kBound);
  }
  EXPECT_EQ(Bind(tpm.Proven()).kind, Kind::kTooMany);
  EXPECT_EQ(world.IdentityNamed(tpm.name()).node_name, "worker-2");
}

TEST_F(Bindings, AFourthThatComesTogetherWithAThirdOfAnotherReplicaGoesAgain) {
  Bind(Tpm().Proven());
  Bind(Tpm().Proven());
  world.server.Intercept(
      [&](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
        if (request.method == "POST" && request.path_and_query.ends_with("/tpmidentities")) {
          world.server.Put({kube::kTpmIdentity, "ek-of-another-replica"},
                           {{"spec",
                             {{"endorsementKeySHA256", std::string(64, 'a')},
                              {"nodeName", "worker-1"},
                              {"source", "Discovered"},
                              {"decision", "Pending"}}}});
        }
        return std::nullopt;
      });
  EXPECT_EQ(Bind(tpm.Proven()).kind, Kind::kTooMany);
  EXPECT_EQ(world.identities.Get(tpm.name()), nullptr);
  EXPECT_EQ(world.server.All(kube::kTpmIdentity).size(), 3);
}

TEST_F(Bindings, DeniedTpmsLeaveRoomForOthers) {
  for (int i = 0; i < 3; ++i) {
    Tpm denied;
    Bind(denied.Proven());
    world.Decide(denied.name(), "Denied");
  }
  EXPECT_EQ(Bind(tpm.Proven()).kind, Kind::kBound);
}

TEST_F(Bindings, AClaimByAnotherTpmDropsTheFactsOfTheFirst) {
  Bind(tpm.Proven());
  world.server.Edit({kube::kNodeAttestation, "worker-1"}, [](nlohmann::json& object) {
    object["status"]["summary"] = "Trusted";
    object["status"]["pcrs"] = {{{"bank", "sha256"}, {"index", 0}, {"digest", "00"}}};
    object["status"]["clock"] = {{"clock", 1}};
  });
  Tpm second;
  EXPECT_EQ(Bind(second.Proven()).kind, Kind::kBound);
  const auto status = world.StatusOf("worker-1");
  EXPECT_EQ(status.tpm_identity, second.name());
  EXPECT_EQ(status.summary, "Unknown");
  EXPECT_TRUE(status.pcrs.empty());
  EXPECT_FALSE(status.clock);
}

TEST_F(Bindings, IntermediatesThatTheAgentOffersStayWithTheIdentity) {
  const fakes::SoftwareCa issuing(fakes::CertificateFields::Ca("issuing CA"), ca);
  TrustCa();
  tpm.Certify(issuing);
  tpm.chain = {issuing.der()};
  EXPECT_EQ(Bind(tpm.Proven()).decision, IdentityDecision::kAdmitted);
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_EQ(AdmittedOn("worker-1"), 1) << "the leader finds what the replica found";
}

TEST_F(Bindings, ACertificateThatIsNotShownAgainStillCounts) {
  TrustCa();
  tpm.Certify(ca);
  Bind(tpm.Proven());
  tpm.certificate.reset();
  EXPECT_EQ(Bind(tpm.Proven()).decision, IdentityDecision::kAdmitted);
  EXPECT_EQ(world.IdentityNamed(tpm.name()).status.endorsement.authority, "vendor");
}

TEST_F(Bindings, AnApprovedTpmOutranksOneThatACertificateAdmitted) {
  TrustCa();
  tpm.Certify(ca);
  Bind(tpm.Proven());
  Tpm bought;
  world.server.Put({kube::kTpmIdentity, bought.name()},
                   {{"spec",
                     {{"endorsementKeySHA256", bought.sha256()},
                      {"nodeName", "worker-1"},
                      {"source", "Manual"},
                      {"decision", "Approved"}}}});
  EXPECT_EQ(Bind(bought.Proven()).decision, IdentityDecision::kApproved);
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_TRUE(world.IdentityNamed(tpm.name()).status.admissions.empty());
  EXPECT_EQ(Bind(tpm.Proven()).kind, Kind::kConflict);
  EXPECT_EQ(AdmittedOn("worker-1"), 1);
}

// E24 with two replicas, whose writes meet at the server: `replicas` share nothing but it.
class ManyAtOnce : public Bindings {
 protected:
  std::vector<Result<BindingOutcome>> BindAll(const std::vector<ProvenKey>& keys) {
    Binding other(world.dependencies);
    std::vector<Result<BindingOutcome>> outcomes(keys.size(), BindingOutcome{});
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < keys.size(); ++i) {
      threads.emplace_back(
          [&, i] { outcomes[i] = (i % 2 == 0 ? world.binding : other).Bind(keys[i]); });
    }
    threads.clear();
    return outcomes;
  }
};

TEST_F(ManyAtOnce, E24_M08_FiftyKeysOfOneTpmGiveExactlyOneBinding) {
  TrustCa();
  tpm.Certify(ca);
  std::vector<ProvenKey> keys;
  for (int i = 0; i < 50; ++i) {
    tpm.attestation = fakes::SoftwareKey(KeyTemplate::AkP256());
    keys.push_back(tpm.Proven());
  }
  size_t bound = 0;
  for (const auto& outcome : BindAll(keys)) {
    bound += outcome && outcome->kind == Kind::kBound ? 1 : 0;
  }
  EXPECT_GE(bound, 1);
  EXPECT_EQ(world.server.All(kube::kTpmIdentity).size(), 1);
  EXPECT_EQ(AdmittedOn("worker-1"), 1);
  const auto key = world.IdentityNamed(tpm.name()).status.attestation_key;
  ASSERT_TRUE(key);
  EXPECT_THAT(keys, ::testing::Contains(
                        ::testing::Field(&ProvenKey::attestation_public, key->public_area)));
}

TEST_F(ManyAtOnce, E24_M08_OfFiftyCertifiedTpmsExactlyOneGetsTheNode) {
  TrustCa();
  std::vector<ProvenKey> keys;
  for (int i = 0; i < 50; ++i) {
    Tpm one;
    one.Certify(ca);
    keys.push_back(one.Proven());
  }
  std::vector<std::string> admitted;
  for (const auto& outcome : BindAll(keys)) {
    if (outcome && outcome->kind == Kind::kBound &&
        outcome->decision == IdentityDecision::kAdmitted) {
      admitted.push_back(outcome->identity);
    }
  }
  ASSERT_EQ(admitted.size(), 1);
  EXPECT_EQ(AdmittedOn("worker-1"), 1);
  EXPECT_EQ(world.StatusOf("worker-1").tpm_identity, admitted.front());
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_EQ(AdmittedOn("worker-1"), 1) << "the leader adds none";
  EXPECT_TRUE(world.IdentityNamed(admitted.front()).Admitted());
}

TEST_F(ManyAtOnce, E24_M07_OneTpmOnTwoNodesGetsOne) {
  TrustCa();
  tpm.Certify(ca);
  std::vector<ProvenKey> keys;
  for (int i = 0; i < 10; ++i) {
    keys.push_back(tpm.Proven());
    keys.push_back(tpm.Proven("worker-2", fakes::kOtherWorkerUid));
  }
  BindAll(keys);
  EXPECT_EQ(world.server.All(kube::kTpmIdentity).size(), 1);
  EXPECT_EQ(AdmittedOn("worker-1") + AdmittedOn("worker-2"), 1);
}

TEST_F(ManyAtOnce, UndecidedTpmsStayThreeHoweverManyComeAtOnce) {
  std::vector<ProvenKey> keys;
  for (int i = 0; i < 20; ++i) {
    keys.push_back(Tpm().Proven());
  }
  BindAll(keys);
  EXPECT_LE(world.server.All(kube::kTpmIdentity).size(), 3);
  EXPECT_GE(world.server.All(kube::kTpmIdentity).size(), 1);
}

// The moment between claim and admission, held open.
TEST_F(Bindings, M08_AClaimThatIsAboutToBeAdmittedIsNotTakenOver) {
  TrustCa();
  tpm.Certify(ca);
  Tpm rival;
  rival.Certify(ca);
  Binding other(world.dependencies);
  std::atomic<bool> done = false;
  std::optional<Result<BindingOutcome>> late;
  world.server.Intercept(
      [&](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
        const bool admission =
            request.method == "PUT" &&
            request.body.find("\"by\":\"EndorsementCertificate\"") != std::string::npos;
        if (admission && !done.exchange(true)) {
          late = other.Bind(rival.Proven());  // comes between step 2 and step 3 of the first
        }
        return std::nullopt;
      });
  EXPECT_EQ(Bind(tpm.Proven()).decision, IdentityDecision::kAdmitted);
  ASSERT_TRUE(late && *late);
  EXPECT_EQ((**late).kind, Kind::kConflict);
  EXPECT_EQ(AdmittedOn("worker-1"), 1);
}

TEST_F(Bindings, AnApiServerThatFailsLeavesAnErrorNotABinding) {
  world.server.Intercept(
      [](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
        if (request.method == "PUT") {
          return Fail(ErrorCode::kUnavailable, "no connection", Retry::kBackoff);
        }
        return std::nullopt;
      });
  EXPECT_FALSE(world.binding.Bind(tpm.Proven()));
  world.server.Intercept(nullptr);
  EXPECT_EQ(Bind(tpm.Proven()).kind, Kind::kBound) << "the object that was left is used";
}

}  // namespace
}  // namespace plimsoll::controller::identity
