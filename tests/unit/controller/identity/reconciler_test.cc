#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/identity/weak_firmware.h"
#include "fakes/controller_world.h"

// What the leader keeps true of identities beside their admissions: release, forgetting, weak
// firmware, certificates that run out, revocation.
namespace plimsoll::controller::identity {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kName[] = "ek-11111111111111111111111111111111";

class IdentityCare : public ::testing::Test {
 protected:
  IdentityCare() {
    world.AddPolicy("first",
                    {{"mode", "Enforce"},
                     {"identity", {{"admission", "FirstUse"}, {"firstUse", {{"quorum", 1}}}}},
                     {"pcrs", {fakes::ControllerWorld::Pcr0(std::string(64, '0'))}}});
  }

  // An identity on worker-1 that a first use has admitted.
  void Put(const std::string& source = "Discovered", const std::string& decision = "Pending",
           json status = json::object()) {
    status["nodeUID"] = fakes::kWorkerUid;
    status["attestationKey"] = {{"name", "000b" + std::string(64, '2')},
                                {"public", "AAAA"},
                                {"profile", "p384"},
                                {"activatedTime", "2026-11-24T07:00:00Z"}};
    if (!status.contains("admissions")) {
      status["admissions"] = {{{"by", "FirstUse"}, {"ref", world.policies.Get("first")->meta.uid}}};
    }
    world.server.Put({kube::kTpmIdentity, kName}, {{"spec",
                                                    {{"endorsementKeySHA256", std::string(64, '1')},
                                                     {"nodeName", "worker-1"},
                                                     {"source", source},
                                                     {"decision", decision}}},
                                                   {"status", std::move(status)}});
  }
  void Reconcile() { ASSERT_TRUE(world.reconciler.ReconcileAll()); }
  bool Exists() const { return world.identities.Get(kName) != nullptr; }
  TpmIdentity Now() const { return world.IdentityNamed(kName); }
  size_t EventsOf(const std::string& reason) {
    size_t count = 0;
    EXPECT_TRUE(world.HasEvent("worker-1", reason));
    for (const auto& event : world.server.All(kube::kEvent)) {
      if (event.value("reason", "") == reason && event["regarding"]["kind"] == "Node") {
        count += event.contains("series") ? event["series"]["count"].get<size_t>() : 1;
      }
    }
    return count;
  }

  fakes::ControllerWorld world;
};

TEST_F(IdentityCare, AnIdentityThatNobodyApprovedIsReleasedADayAfterItsNodeIsGone) {
  Put();
  world.clock.Advance(std::chrono::hours(100));
  Reconcile();
  ASSERT_TRUE(Exists()) << "its node is there";
  world.server.Remove({kube::kNode, "worker-1"});
  Reconcile();
  ASSERT_NE(Find(Now().status.conditions, "NodeGone"), nullptr);
  world.clock.Advance(std::chrono::hours(24) - std::chrono::seconds(1));
  Reconcile();
  EXPECT_TRUE(Exists());
  world.clock.Advance(std::chrono::seconds(1));
  Reconcile();
  EXPECT_FALSE(Exists());
}

TEST_F(IdentityCare, ANodeThatComesBackEndsTheWait) {
  Put();
  world.server.Remove({kube::kNode, "worker-1"});
  Reconcile();
  world.clock.Advance(std::chrono::hours(23));
  world.AddNode("worker-1", fakes::kWorkerUid);
  Reconcile();
  EXPECT_EQ(Find(Now().status.conditions, "NodeGone"), nullptr);
  world.server.Remove({kube::kNode, "worker-1"});
  Reconcile();
  world.clock.Advance(std::chrono::hours(23));
  Reconcile();
  EXPECT_TRUE(Exists()) << "the day begins anew";
}

TEST_F(IdentityCare, WhatPeopleDecidedAnnouncedOrHaveToLookAtIsNeverReleased) {
  world.server.Remove({kube::kNode, "worker-1"});
  const json conflict = {{"conditions",
                          {{{"type", "ConflictFree"},
                            {"status", "False"},
                            {"reason", "SharedTPM"},
                            {"message", "two machines"},
                            {"observedGeneration", 1},
                            {"lastTransitionTime", "2026-11-24T07:00:00Z"}}}}};
  const std::tuple<std::string, std::string, json> kept[] = {
      {"Discovered", "Approved", json::object()},
      {"Discovered", "Denied", json::object()},
      {"Discovered", "Revoked", json::object()},
      {"Manual", "Pending", json::object()},
      {"Discovered", "Pending", conflict}};
  for (const auto& [source, decision, status] : kept) {
    SCOPED_TRACE(source + " " + decision);
    Put(source, decision, status);
    Reconcile();
    world.clock.Advance(std::chrono::hours(200));
    Reconcile();
    EXPECT_TRUE(Exists());
  }
}

TEST_F(IdentityCare, ReleaseAfterIsWhatTheFlagSays) {
  AdmissionReconciler quick(
      world.dependencies, world.identities, world.attestations, [] { return true; },
      std::chrono::seconds(5));
  Put();
  world.server.Remove({kube::kNode, "worker-1"});
  ASSERT_TRUE(quick.ReconcileAll());
  world.clock.Advance(std::chrono::seconds(5));
  ASSERT_TRUE(quick.ReconcileAll());
  EXPECT_FALSE(Exists());
}

TEST_F(IdentityCare, AConflictOutlivesTheDayOfTheUndecided) {
  Put("Discovered", "Pending",
      {{"admissions", json::array()},
       {"conditions",
        {{{"type", "ConflictFree"},
          {"status", "False"},
          {"reason", "SharedTPM"},
          {"message", "two machines"},
          {"observedGeneration", 1},
          {"lastTransitionTime", "2026-11-24T07:00:00Z"}}}}});
  world.clock.Advance(std::chrono::hours(25));
  Reconcile();
  EXPECT_TRUE(Exists()) << "else its certificate would admit it anew, with no person asked";
}

TEST_F(IdentityCare, WeakFirmwareIsAConditionAnEventAndANumber) {
  Put("Discovered", "Pending",
      {{"tpm", {{"manufacturer", "NTC"}, {"firmwareVersion", "7.2.3.1"}}}});
  Reconcile();
  const Condition* weak = Find(Now().status.conditions, "FirmwareWeak");
  ASSERT_NE(weak, nullptr);
  EXPECT_EQ(weak->status, ConditionStatus::kTrue);
  EXPECT_THAT(weak->message, HasSubstr("CVE-2025-2884"));
  EXPECT_EQ(EventsOf("FirmwareWeak"), 1U);
  EXPECT_EQ(CountWeakFirmware(world.nodes, world.identities), 1U);

  // The quote of the node says that it was repaired since.
  world.server.Put({kube::kNodeAttestation, "worker-1"},
                   {{"status",
                     {{"nodeUID", fakes::kWorkerUid},
                      {"tpmIdentity", kName},
                      {"clock", {{"clock", 1}, {"firmwareVersion", "7.2.5.0"}}}}}});
  Reconcile();
  EXPECT_EQ(Find(Now().status.conditions, "FirmwareWeak")->status, ConditionStatus::kFalse);
  EXPECT_EQ(CountWeakFirmware(world.nodes, world.identities), 0U);
}

TEST_F(IdentityCare, ACertificateThatRunsOutIsSaidOnceADay) {
  const auto ends = [&](std::chrono::hours left) {
    const auto at = std::chrono::floor<std::chrono::seconds>(world.clock.Wall() + left);
    return json{{"endorsement", {{"issuer", "maker"}, {"notAfter", FormatTime(at)}}}};
  };
  Put("Discovered", "Pending", ends(std::chrono::hours(24 * 31)));
  Reconcile();
  EXPECT_TRUE(world.HasNoEventYet("EndorsementExpiring"));
  world.clock.Advance(std::chrono::hours(25));
  Reconcile();
  EXPECT_EQ(EventsOf("EndorsementExpiring"), 1U);
  world.clock.Advance(std::chrono::hours(23));
  Reconcile();
  Reconcile();
  EXPECT_EQ(EventsOf("EndorsementExpiring"), 1U);
  world.clock.Advance(std::chrono::hours(1));
  Reconcile();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (EventsOf("EndorsementExpiring") < 2 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_EQ(EventsOf("EndorsementExpiring"), 2U);
}

TEST_F(IdentityCare, RevokedIsFinalWhoeverRewritesTheDecision) {
  Put("Discovered", "Revoked");
  Reconcile();
  EXPECT_THAT(Now().status.admissions, IsEmpty());
  world.Decide(kName, "Approved");
  EXPECT_EQ(Now().decision, Decision::kRevoked);
  EXPECT_FALSE(Now().MayAttest());
  EXPECT_FALSE(Now().Admitted());
  Reconcile();
  EXPECT_THAT(Now().status.admissions, IsEmpty());
}

TEST_F(IdentityCare, APolicyThatTheInformerDoesNotShowYetTakesNothingAway) {
  // Another replica has recorded something for a policy that is newer than our informer.
  class Behind final : public Lookup<policies::PolicyObject> {
   public:
    std::shared_ptr<const policies::PolicyObject> Get(const std::string&) const override {
      return nullptr;
    }
    std::vector<std::shared_ptr<const policies::PolicyObject>> List() const override { return {}; }
  };
  const std::string uid = world.policies.Get("first")->meta.uid;
  Put("Discovered", "Pending",
      {{"admissions", {{{"by", "FirstUse"}, {"ref", uid}}}},
       {"baselines",
        {{{"policyUID", uid},
          {"pcrs", {{{"bank", "sha256"}, {"index", 0}, {"digest", std::string(64, 'a')}}}}}}}});
  const Behind behind;
  const policies::Picture picture(
      {.policies = behind, .references = world.policy_picture.resolved, .clock = world.clock}, {});
  EndorsementJudge judge(picture, world.clock);
  Dependencies stale{world.client,   world.nodes,  picture,     judge,
                     world.recorder, world.events, world.clock, world.logger};
  AdmissionReconciler leader(stale, world.identities, world.attestations, [] { return true; });
  ASSERT_TRUE(leader.ReconcileAll());
  EXPECT_EQ(Now().status.baselines.size(), 1U);
  EXPECT_EQ(Now().status.admissions.size(), 1U);
  world.server.Remove({kube::kAttestationPolicy, "first"});
  ASSERT_TRUE(leader.ReconcileAll());
  EXPECT_THAT(Now().status.baselines, IsEmpty()) << "gone from the API server";
  EXPECT_THAT(Now().status.admissions, IsEmpty());
}

}  // namespace
}  // namespace plimsoll::controller::identity
