#include "controller/identity/shared_tpm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/encoding.h"
#include "fakes/controller_world.h"

namespace plimsoll::controller::identity {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Machines whose TPMs count time, as the API server has them.
class SharedTpms : public ::testing::Test {
 protected:
  struct Machine {
    std::string name;
    int64_t offset = 0;  // of the TPM's clock to the time of day, milliseconds
    int64_t reset_count = 7;
    int64_t restart_count = 0;
  };

  void Put(const Machine& machine) {
    const std::string uid = "uid-" + machine.name;
    world.AddNode(machine.name, uid);
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
        world.clock.Wall().time_since_epoch());
    const json epoch = {{"resetCount", machine.reset_count},
                        {"restartCount", machine.restart_count},
                        {"bootID", "boot of " + machine.name},
                        {"offsetMilliseconds", machine.offset}};
    world.server.Put({kube::kTpmIdentity, "ek-" + machine.name},
                     {{"spec",
                       {{"endorsementKeySHA256", std::string(64, '1')},
                        {"nodeName", machine.name},
                        {"source", "Discovered"},
                        {"decision", "Approved"}}},
                      {"status",
                       {{"nodeUID", uid},
                        {"attestationKey",
                         {{"name", "000b" + std::string(64, '2')},
                          {"public", "AAAA"},
                          {"profile", "p384"},
                          {"activatedTime", "2026-11-24T07:00:00Z"}}},
                        {"admissions", {{{"by", "Human"}, {"ref", "1"}}}},
                        {"epoch", epoch}}}});
    world.server.Put(
        {kube::kNodeAttestation, machine.name},
        {{"metadata",
          {{"ownerReferences", {{{"kind", "Node"}, {"name", machine.name}, {"uid", uid}}}}}},
         {"status",
          {{"nodeUID", uid},
           {"tpmIdentity", "ek-" + machine.name},
           {"lastVerifiedTime", FormatTime(world.clock.Wall())},
           {"clock",
            {{"clock", now.count() + machine.offset},
             {"resetCount", machine.reset_count},
             {"restartCount", machine.restart_count}}}}}});
  }
  void EditStatus(const std::string& identity, const std::function<void(json&)>& edit) {
    world.server.Edit({kube::kTpmIdentity, identity},
                      [&](json& object) { edit(object["status"]); });
  }
  std::vector<SharedTpm> Found() const {
    return FindSharedTpms(world.identities.List(), world.nodes, world.attestations);
  }
  std::string ConflictOf(const std::string& identity) const {
    const auto status = world.IdentityNamed(identity).status;
    const auto* condition = Find(status.conditions, "ConflictFree");
    return condition == nullptr
               ? ""
               : std::string(ToString(condition->status)) + "/" + condition->reason;
  }

  fakes::ControllerWorld world;
};

TEST_F(SharedTpms, AreFoundByEqualCountersAndAClockWithinAHundredMilliseconds) {
  Put({"a", 1'000'000});
  Put({"b", 1'000'100});
  Put({"c", 1'000'201});
  Put({"d", 5'000'000});
  Put({"e", 1'000'000, 8});
  Put({"f", 1'000'000, 7, 1});
  EXPECT_THAT(Found(), ElementsAre(SharedTpm{"ek-a", "ek-b"}, SharedTpm{"ek-b", "ek-a"}));
}

TEST_F(SharedTpms, AreFoundAmongManyAndWhateverTheirNames) {
  for (int64_t i = 0; i < 50; ++i) {
    Put({fmt::format("n{}", i), i * 10'000});
  }
  Put({"clone", 30'050});
  EXPECT_THAT(Found(), ElementsAre(SharedTpm{"ek-clone", "ek-n3"}, SharedTpm{"ek-n3", "ek-clone"}));
}

TEST_F(SharedTpms, AClockThatHasRunAwayOrANodeThatIsGoneIsNoPartner) {
  Put({"a", 1'000'000});
  Put({"b", 1'000'000});
  world.server.Edit({kube::kNodeAttestation, "b"}, [](json& object) {
    object["status"]["clock"]["clock"] = object["status"]["clock"]["clock"].get<int64_t>() + 60'000;
  });
  EXPECT_THAT(Found(), IsEmpty());
  Put({"b", 1'000'000});
  EXPECT_EQ(Found().size(), 2U);
  world.server.Remove({kube::kNode, "b"});
  EXPECT_THAT(Found(), IsEmpty());
  Put({"b", 1'000'000});
  world.Decide("ek-b", "Denied");
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(SharedTpms, TwoIdentitiesOfOneNodeAreOneMachine) {
  Put({"a", 1'000'000});
  Put({"b", 1'000'000});
  world.server.Edit({kube::kTpmIdentity, "ek-b"}, [](json& object) {
    object["spec"]["nodeName"] = "a";
    object["status"]["nodeUID"] = "uid-a";
  });
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(SharedTpms, SurviveClocksThatNoTpmHas) {
  Put({"a", 1'000'000});
  Put({"b", 1'000'000});
  for (const int64_t extreme :
       {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}) {
    EditStatus("ek-b", [&](json& status) { status["epoch"]["offsetMilliseconds"] = extreme; });
    EXPECT_THAT(Found(), IsEmpty());
  }
}

TEST_F(SharedTpms, BothAreMarkedAndAPersonIsAskedAboutEach) {
  Put({"a", 1'000'000});
  Put({"b", 1'000'040});
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  for (const std::string name : {"a", "b"}) {
    EXPECT_EQ(ConflictOf("ek-" + name), "False/SharedTPM");
    EXPECT_THAT(world.IdentityNamed("ek-" + name).status.admissions, IsEmpty());
    EXPECT_TRUE(world.HasEvent(name, "SharedTPM"));
  }
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_THAT(world.IdentityNamed("ek-a").status.admissions, IsEmpty())
      << "the approval from before does not count";
}

TEST_F(SharedTpms, WhatAPersonSaysOfOneBootHoldsForThatBoot) {
  Put({"a", 1'000'000});
  Put({"b", 1'000'040});
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  world.server.Edit({kube::kTpmIdentity, "ek-a"},
                    [](json& object) { object["spec"]["decisionReason"] = "seen it"; });
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_EQ(ConflictOf("ek-a"), "True/ApprovedAfterSharedTPM");
  EXPECT_EQ(world.IdentityNamed("ek-a").status.admissions.size(), 1U);
  EXPECT_EQ(ConflictOf("ek-b"), "False/SharedTPM") << "it waits for a word of its own";

  ASSERT_TRUE(world.changes.RecordEpoch(
      world.IdentityNamed("ek-a"),
      {.reset_count = 8, .restart_count = 0, .boot_id = "next", .offset_milliseconds = 77}));
  EXPECT_EQ(ConflictOf("ek-a"), "True/NoConflict");
  Put({"b", 77, 8});
  world.server.Edit({kube::kNodeAttestation, "a"}, [&](json& object) {
    object["status"]["clock"] = {{"clock", std::chrono::duration_cast<std::chrono::milliseconds>(
                                               world.clock.Wall().time_since_epoch())
                                                   .count() +
                                               77},
                                 {"resetCount", 8},
                                 {"restartCount", 0}};
  });
  ASSERT_TRUE(world.reconciler.ReconcileAll());
  EXPECT_EQ(ConflictOf("ek-a"), "False/SharedTPM") << "the next boot is asked about again";
}

TEST_F(SharedTpms, NothingIsMarkedByWhoLeadsNoMore) {
  Put({"a", 1'000'000});
  Put({"b", 1'000'000});
  world.may_write = false;
  EXPECT_FALSE(world.reconciler.ReconcileAll());
  EXPECT_EQ(ConflictOf("ek-a"), "");
}

}  // namespace
}  // namespace plimsoll::controller::identity
