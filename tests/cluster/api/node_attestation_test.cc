// NodeAttestation: the schema of a status that the controller alone writes.
#include <gtest/gtest.h>

#include "cluster/api/schema.h"

namespace plimsoll::cluster {
namespace {

class NodeAttestationSchema : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    InstallKinds();
    EXPECT_THAT(Cluster().KubectlAs(ControllerKubeconfig(), {"create", "-f", "-"},
                                    Object("NodeAttestation", "schema-1", "")),
                IsAccepted());
  }

  // Proposes a status as the controller writes it.
  static CommandResult Status(std::string_view status) {
    return WriteVerdict(ControllerKubeconfig(), "schema-1", status, true);
  }
};

TEST_F(NodeAttestationSchema, HasNoSpec) {
  EXPECT_THAT(Propose(Object("NodeAttestation", "schema-2", "spec: {trusted: true}")),
              IsRefused("unknown field \"spec\""));
}

TEST_F(NodeAttestationSchema, TakesEveryFieldOfAVerdict) {
  const CommandResult result = Status(R"({
    "summary": "Untrusted", "nodeUID": "u", "bootID": "b", "tpmIdentity": "ek-1",
    "lastVerifiedTime": "2026-11-24T08:00:00.000001Z", "lastTrustedTime": "2026-11-24T08:00:00Z",
    "expirationTime": "2026-11-24T08:15:00Z", "consecutiveFailures": 2, "inputs": "h", "failedPolicies": "p",
    "policies": [{"name": "p", "uid": "u", "observedGeneration": 3, "mode": "Enforce", "result": "Fail",
      "reason": "PCRMismatch", "judgedTime": "2026-11-24T08:00:00Z", "heldOver": true, "referenceValues": ["image-1"],
      "violations": [{"check": "P4", "reason": "PCRMismatch", "pcr": 4, "event": 17, "eventType": "EV_IPL", "observed": "a",
        "expected": "b", "closest": "image-1", "message": "m"}]}],
    "pcrs": [{"bank": "sha256", "index": 4, "digest": "aa", "result": "Fail"}],
    "clock": {"clock": 1, "resetCount": 2, "restartCount": 3, "safe": true, "unexplainedReset": false, "firmwareVersion": "1.2.3.4"},
    "enforcement": {"label": "false", "taint": "NoSchedule", "withheldBy": "AttestationException/inc-1"},
    "transitions": [{"time": "2026-11-24T08:00:00Z", "from": "Trusted", "to": "Untrusted", "reason": "PCRMismatch"}],
    "conditions": [{"type": "BootVerified", "status": "False", "reason": "PCRMismatch", "message": "m",
      "lastTransitionTime": "2026-11-24T08:00:00Z", "observedGeneration": 1}]})");
  EXPECT_THAT(result, IsAccepted());
  EXPECT_THAT(Status(R"({"sumary":"Trusted"})"), IsRefused(".status.sumary: field not declared"));
}

TEST_F(NodeAttestationSchema, RefusesWordsThatItDoesNotKnow) {
  EXPECT_THAT(Status(R"({"summary":"Good"})"), IsRefused("Unsupported value: \"Good\""));
  EXPECT_THAT(Status(R"({"pcrs":[{"bank":"sha3","index":0,"digest":"aa"}]})"),
              IsRefused("Unsupported value: \"sha3\""));
  EXPECT_THAT(
      Status(
          R"({"policies":[{"name":"p","uid":"u","observedGeneration":1,"mode":"Enforce","result":"Ok"}]})"),
      IsRefused("Unsupported value: \"Ok\""));
  EXPECT_THAT(
      Status(
          R"({"conditions":[{"type":"Trusted","status":"Yes","reason":"A","message":"","lastTransitionTime":"2026-11-24T08:00:00Z"}]})"),
      IsRefused("Unsupported value: \"Yes\""));
}

TEST_F(NodeAttestationSchema, BoundsItsLists) {
  std::string violations;
  std::string transitions;
  for (int i = 0; i < 17; ++i) {
    violations += std::string(i == 0 ? "" : ",") + R"({"check":"P4","message":"m"})";
    transitions +=
        std::string(i == 0 ? "" : ",") +
        R"({"time":"2026-11-24T08:00:00Z","from":"Trusted","to":"Unknown","reason":"r"})";
  }
  EXPECT_THAT(
      Status(
          R"({"policies":[{"name":"p","uid":"u","observedGeneration":1,"mode":"Enforce","result":"Fail","violations":[)" +
          violations + "]}]}"),
      IsRefused("must have at most 16 items"));
  EXPECT_THAT(Status(R"({"transitions":[)" + transitions + "]}"),
              IsRefused("must have at most 10 items"));
}

}  // namespace
}  // namespace plimsoll::cluster
