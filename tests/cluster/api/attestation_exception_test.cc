#include <gtest/gtest.h>

#include "cluster/api/schema.h"

namespace plimsoll::cluster {
namespace {

std::string Exception(std::string_view spec) {
  return Object("AttestationException", "proposal", "spec: " + std::string(spec));
}

class AttestationExceptionSchema : public testing::Test {
 protected:
  static void SetUpTestSuite() { InstallKinds(); }

  // The admission policy wants an end that is near.
  static CommandResult Covering(std::string_view nodes) {
    return Propose(Exception("{reason: INC-1, expiresAt: " + TimeIn(std::chrono::hours(1)) + ", " +
                             std::string(nodes) + "}"));
  }
};

TEST_F(AttestationExceptionSchema, NamesItsNodes) {
  constexpr std::string_view kWords = "an exception names its nodes, by nodeSelector or nodeNames";
  EXPECT_THAT(Covering("nodeNames: [node-a]"), IsAccepted());
  EXPECT_THAT(Covering("nodeSelector: {matchLabels: {pool: canary}}"), IsAccepted());
  EXPECT_THAT(Covering("nodeSelector: {}"), IsAccepted());
  EXPECT_THAT(Covering("policyRefs: [baseline]"), IsRefused(kWords));
  EXPECT_THAT(Covering("nodeSelector: null, nodeNames: []"), IsRefused(kWords));
}

TEST_F(AttestationExceptionSchema, NeedsAReasonAndAnEnd) {
  const std::string end = TimeIn(std::chrono::hours(1));
  EXPECT_THAT(Propose(Exception("{nodeNames: [a], expiresAt: " + end + "}")),
              IsRefused("reason: Required value"));
  EXPECT_THAT(Propose(Exception("{nodeNames: [a], reason: \" \", expiresAt: " + end + "}")),
              IsRefused("spec.reason in body should match"));
  EXPECT_THAT(Propose(Exception("{nodeNames: [a], reason: INC-1}")),
              IsRefused("expiresAt: Required value"));
  EXPECT_THAT(Propose(Exception("{nodeNames: [a], reason: INC-1, expiresAt: tomorrow}")),
              IsRefused("spec.expiresAt"));
}

TEST_F(AttestationExceptionSchema, BoundsItsLists) {
  EXPECT_THAT(Covering("nodeNames: [" + Names(257) + "]"),
              IsRefused("must have at most 256 items"));
  EXPECT_THAT(Covering("nodeNames: [a], policyRefs: [" + Names(65) + "]"),
              IsRefused("must have at most 64 items"));
  EXPECT_THAT(Covering("nodeNames: [a, a]"), IsRefused("Duplicate value"));
}

}  // namespace
}  // namespace plimsoll::cluster
