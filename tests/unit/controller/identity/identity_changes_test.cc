#include "controller/identity/identity_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes/controller_world.h"

namespace plimsoll::controller::identity {
namespace {

class Changes : public ::testing::Test {
 protected:
  Changes() {
    world.server.Put({kube::kTpmIdentity, "ek-1"},
                     {{"spec",
                       {{"endorsementKeySHA256", std::string(64, '1')},
                        {"nodeName", "worker-1"},
                        {"source", "Discovered"},
                        {"decision", "Approved"}}},
                      {"status",
                       {{"nodeUID", fakes::kWorkerUid},
                        {"attestationKey",
                         {{"name", "000b" + std::string(64, '2')},
                          {"public", "AAAA"},
                          {"profile", "p256"},
                          {"activatedTime", "2026-11-24T07:00:00Z"}}},
                        {"admissions", {{{"by", "Human"}, {"ref", "1"}}}},
                        {"epoch", {{"resetCount", 7}, {"restartCount", 0}, {"bootID", "b"}}}}}});
  }
  TpmIdentity Now() const { return world.IdentityNamed("ek-1"); }

  fakes::ControllerWorld world;
};

TEST_F(Changes, ALostActivationLeavesNoKeyAndNoEpoch) {
  world.AddPolicy("measured", {{"mode", "Enforce"},
                               {"pcrs", {fakes::ControllerWorld::Pcr0(std::string(64, '0'))}}});
  const auto status =
      world.changes.ClearActivation(Now(), fakes::kWorkerUid, ActivationLoss::kCountersReset);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->summary, "Unknown");
  EXPECT_EQ(world.ReasonOf("worker-1"), "NotEnrolled");
  EXPECT_FALSE(Now().status.attestation_key);
  EXPECT_FALSE(Now().status.epoch);
  EXPECT_EQ(Now().status.admissions.size(), 1);
  EXPECT_EQ(Find(Now().status.conditions, "KeyActivated")->status, ConditionStatus::kFalse);
  EXPECT_TRUE(world.HasEvent("worker-1", "TPMReset"));
}

TEST_F(Changes, WhereAPolicyRejectsResetsAPersonApprovesAgain) {
  world.AddPolicy("strict", {{"mode", "Enforce"},
                             {"tpm", {{"unexplainedReset", "Reject"}}},
                             {"pcrs", {fakes::ControllerWorld::Pcr0(std::string(64, '0'))}}});
  ASSERT_TRUE(
      world.changes.ClearActivation(Now(), fakes::kWorkerUid, ActivationLoss::kCountersReset));
  EXPECT_TRUE(Now().status.admissions.empty());
  EXPECT_EQ(Find(Now().status.conditions, "ConflictFree")->reason, "UnexplainedReset");
}

TEST_F(Changes, ASharedTpmLosesItsAdmissions) {
  ASSERT_TRUE(world.changes.ClearActivation(Now(), fakes::kWorkerUid, ActivationLoss::kSharedTpm));
  EXPECT_TRUE(Now().status.admissions.empty());
  EXPECT_EQ(Find(Now().status.conditions, "ConflictFree")->reason, "SharedTPM");
  EXPECT_TRUE(world.HasEvent("worker-1", "SharedTPM"));
}

TEST_F(Changes, AnActivationThatWasReplacedMeanwhileIsNotTakenBack) {
  const TpmIdentity seen = Now();
  world.server.Edit({kube::kTpmIdentity, "ek-1"}, [](nlohmann::json& object) {
    object["status"]["attestationKey"]["name"] = "000b" + std::string(64, '3');
  });
  ASSERT_TRUE(world.changes.ClearActivation(seen, fakes::kWorkerUid, ActivationLoss::kSharedTpm));
  EXPECT_TRUE(Now().status.attestation_key);
}

TEST_F(Changes, AnEpochIsWrittenOnce) {
  const BootEpoch epoch{.reset_count = 8, .restart_count = 1, .boot_id = "c"};
  ASSERT_TRUE(world.changes.RecordEpoch(Now(), epoch));
  const std::string version = Now().meta.resource_version;
  BootEpoch same = epoch;
  same.offset_milliseconds = 99;
  ASSERT_TRUE(world.changes.RecordEpoch(Now(), same));
  EXPECT_EQ(Now().meta.resource_version, version);
  EXPECT_EQ(Now().status.epoch, epoch);
}

TEST_F(Changes, TheFirstProofOfFailureIsKeptUntilTrust) {
  const UnacknowledgedFailure first{.time = world.clock.Wall(), .reason = "PCRMismatch"};
  ASSERT_TRUE(world.changes.RecordFailure(Now(), first));
  ASSERT_TRUE(world.changes.RecordFailure(
      Now(), UnacknowledgedFailure{.time = world.clock.Wall(), .reason = "NotAQuote"}));
  EXPECT_EQ(Now().status.unacknowledged_failure->reason, "PCRMismatch");
  ASSERT_TRUE(world.changes.RecordFailure(Now(), std::nullopt));
  EXPECT_FALSE(Now().status.unacknowledged_failure);
}

TEST_F(Changes, WritesMeetOtherWritersAndKeepWhatTheyWrote) {
  int collisions = 0;
  world.server.Intercept(
      [&](const transport::HttpRequest& request) -> std::optional<Result<transport::HttpResponse>> {
        if (request.method == "PUT" && collisions++ < 3) {
          world.server.Edit({kube::kTpmIdentity, "ek-1"}, [&](nlohmann::json& object) {
            object["status"]["tpm"]["vendor"] = fmt::format("writer {}", collisions);
          });
        }
        return std::nullopt;
      });
  ASSERT_TRUE(world.changes.RecordEpoch(Now(), {.reset_count = 9, .boot_id = "d"}));
  EXPECT_EQ(Now().status.epoch->reset_count, 9);
  EXPECT_EQ(Now().status.tpm.vendor, "writer 3");
}

TEST_F(Changes, AnObjectMadeAnewIsNotWritten) {
  const TpmIdentity seen = Now();
  world.server.Remove({kube::kTpmIdentity, "ek-1"});
  world.server.Put({kube::kTpmIdentity, "ek-1"},
                   {{"spec", {{"endorsementKeySHA256", "x"}, {"nodeName", "worker-1"}}}});
  const Status written = world.changes.RecordEpoch(seen, {.reset_count = 9, .boot_id = "d"});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(Now().status.epoch);
}

}  // namespace
}  // namespace plimsoll::controller::identity
