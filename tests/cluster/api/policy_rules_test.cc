// AttestationPolicy spec.boot, runtime, enforcement and rollout.
#include <gtest/gtest.h>

#include "cluster/api/schema.h"

namespace plimsoll::cluster {
namespace {

// A policy whose spec has `member` beside its selector.
std::string With(std::string_view member) {
  return Object("AttestationPolicy", "proposal",
                "spec: {nodeSelector: {}, " + std::string(member) + "}");
}

std::string Stored(std::string_view name, std::string_view path) {
  return Cluster()
      .Kubectl({"get", "apol", std::string(name), "-o", "jsonpath={" + std::string(path) + "}"})
      .out;
}

class PolicyRules : public testing::Test {
 protected:
  static void SetUpTestSuite() { InstallKinds(); }
};

TEST_F(PolicyRules, HaveNoBootRulesAndNoRolloutUnlessAsked) {
  ASSERT_THAT(
      Cluster().Apply(Object("AttestationPolicy", "rules-none", "spec: {nodeSelector: {}}")),
      IsAccepted());
  EXPECT_EQ(Stored("rules-none", ".spec.boot"), "");
  EXPECT_EQ(Stored("rules-none", ".spec.rollout"), "");
}

TEST_F(PolicyRules, FillInTheDefaultsOfBootAndRollout) {
  ASSERT_THAT(Cluster().Apply(Object("AttestationPolicy", "rules-defaults",
                                     "spec: {nodeSelector: {}, boot: {}, rollout: {}}")),
              IsAccepted());
  EXPECT_EQ(
      Stored("rules-defaults", ".spec.boot"),
      R"({"componentRoles":["OptionROM","BootLoader","Kernel","InitRD","UKI","Driver"],"eventLog":"Required","secureBoot":"Required"})");
  EXPECT_EQ(Stored("rules-defaults", ".spec.rollout"), R"({"haltAfterFailures":1,"percent":100})");
}

TEST_F(PolicyRules, RefuseWordsThatTheyDoNotKnow) {
  for (const char* member :
       {"boot: {eventLog: Ignored}", "boot: {secureBoot: Optional}",
        "boot: {componentRoles: [Bootloader]}", "runtime: {ima: {mode: Enforce}}",
        "runtime: {ima: {violations: Ignore}}", "enforcement: {taint: {effect: Evict}}",
        "enforcement: {recovery: Manual}"}) {
    EXPECT_THAT(Propose(With(member)), IsRefused("Unsupported value")) << member;
  }
  EXPECT_THAT(Propose(With("boot: {componentRoles: []}")),
              IsRefused("should have at least 1 items"));
  EXPECT_THAT(Propose(With("boot: {uefi: true}")), IsRefused("unknown field \"spec.boot.uefi\""));
}

TEST_F(PolicyRules, TakeArgumentsOfACommandLineOneByOne) {
  EXPECT_THAT(Propose(With("boot: {kernelCommandLine: {mustContain: [ima_policy=tcb], "
                           "mustNotContain: [init=, \"systemd.debug-shell\"]}}")),
              IsAccepted());
  for (const char* argument : {"\"\"", "\"quiet splash\"", "\"tab\\tinside\""}) {
    EXPECT_THAT(
        Propose(With("boot: {kernelCommandLine: {mustContain: [" + std::string(argument) + "]}}")),
        IsRefused("mustContain[0]"))
        << argument;
    EXPECT_THAT(Propose(With("boot: {kernelCommandLine: {mustNotContain: [" +
                             std::string(argument) + "]}}")),
                IsRefused("mustNotContain[0]"))
        << argument;
  }
}

TEST_F(PolicyRules, RefuseACommandLineThatCannotBe) {
  EXPECT_THAT(Propose(With("boot: {kernelCommandLine: {mustContain: [quiet, ima], mustNotContain: "
                           "[debug, quiet]}}")),
              IsRefused("the same argument stands in mustContain and in mustNotContain"));
}

TEST_F(PolicyRules, TakePathsOfPhases) {
  EXPECT_THAT(Propose(With("boot: {ukiPhases: [\"enter-initrd:leave-initrd:sysinit:ready\"]}")),
              IsAccepted());
  for (const char* path : {"\"\"", "\":ready\"", "\"ready:\"", "\"a::b\"", "\"a b\""}) {
    EXPECT_THAT(Propose(With("boot: {ukiPhases: [" + std::string(path) + "]}")),
                IsRefused("ukiPhases[0]"))
        << path;
  }
  EXPECT_THAT(Propose(With("boot: {ukiPhases: [" + Names(17) + "]}")),
              IsRefused("must have at most 16 items"));
}

TEST_F(PolicyRules, RefuseARequiredImaListThatAcceptsNothing) {
  constexpr std::string_view kWords = "mode Required needs a name in allowListRefs or keyRefs";
  EXPECT_THAT(Propose(With("runtime: {ima: {mode: Required}}")), IsRefused(kWords));
  EXPECT_THAT(Propose(With("runtime: {ima: {mode: Required, exclude: [\"/tmp/.*\"]}}")),
              IsRefused(kWords));
  EXPECT_THAT(Propose(With("runtime: {ima: {mode: Required, allowListRefs: [files]}}")),
              IsAccepted());
  EXPECT_THAT(Propose(With("runtime: {ima: {mode: Required, keyRefs: [distro]}}")), IsAccepted());
  EXPECT_THAT(Propose(With("runtime: {ima: {mode: Audit}}")), IsAccepted());
}

TEST_F(PolicyRules, RefuseAnExclusionThatIsNoRegularExpression) {
  EXPECT_THAT(Propose(With("runtime: {ima: {exclude: [\"/var/(log|tmp)/.*\"]}}")), IsAccepted());
  EXPECT_THAT(Propose(With("runtime: {ima: {exclude: [\"/var/(log\"]}}")),
              IsRefused("every item must be a regular expression in RE2's syntax"));
  // RE2 has no look-around.
  EXPECT_THAT(Propose(With("runtime: {ima: {exclude: [\"/var/(?!log).*\"]}}")),
              IsRefused("every item must be a regular expression in RE2's syntax"));
}

TEST_F(PolicyRules, LimitTaintsByNumberOrPercentage) {
  for (const char* limit : {"0", "1", "1000000", "1%", "99%", "100%", "null"}) {
    EXPECT_THAT(Propose(With("enforcement: {taint: {effect: NoExecute}, maxUntrusted: " +
                             std::string(limit) + "}")),
                IsAccepted())
        << limit;
  }
  for (const char* limit : {"-1", "1000001", "0%", "101%", "05%", "\"25\"", "\"%\"", "few"}) {
    EXPECT_THAT(Propose(With("enforcement: {maxUntrusted: " + std::string(limit) + "}")),
                IsRefused("maxUntrusted is a number of nodes up to 1000000, or a percentage"))
        << limit;
  }
  EXPECT_THAT(Propose(With("enforcement: {maxUntrusted: 2.5}")),
              IsRefused("must be of type integer"));
}

TEST_F(PolicyRules, BoundTheGraceAndTheRollout) {
  EXPECT_THAT(Propose(With("enforcement: {unknownGraceSeconds: 86400, recovery: Acknowledged}")),
              IsAccepted());
  EXPECT_THAT(Propose(With("enforcement: {unknownGraceSeconds: 86401}")),
              IsRefused("less than or equal to 86400"));
  EXPECT_THAT(Propose(With("enforcement: {unknownGraceSeconds: -1}")),
              IsRefused("greater than or equal to 0"));
  EXPECT_THAT(Propose(With("rollout: {percent: 5, selector: null, haltAfterFailures: 3}")),
              IsAccepted());
  EXPECT_THAT(Propose(With("rollout: {selector: {matchLabels: {pool: canary}}}")), IsAccepted());
  EXPECT_THAT(Propose(With("rollout: {percent: 101}")), IsRefused("less than or equal to 100"));
  EXPECT_THAT(Propose(With("rollout: {haltAfterFailures: 0}")),
              IsRefused("greater than or equal to 1"));
  EXPECT_THAT(
      Propose(With("rollout: {selector: {matchExpressions: [{key: pool, operator: NotIn}]}}")),
      IsRefused("operators In and NotIn need values"));
}

}  // namespace
}  // namespace plimsoll::cluster
