// Who may write a NodeAttestation: the controller, and people two annotations (verification-checks
// N7, E51).
#include <gtest/gtest.h>

#include "cluster/api/people.h"

namespace plimsoll::cluster {
namespace {

constexpr std::string_view kOnlyTheController =
    "only the Plimsoll controller writes a NodeAttestation";
constexpr std::string_view kAcknowledged = "plimsoll.dev/acknowledged-at";
constexpr std::string_view kReattest = "plimsoll.dev/reattest-requested-at";

// rita responds, bob edits our kinds and their status but has none of our verbs.
class Verdicts : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    InstallKinds();
    BindClusterRole("rita", "plimsoll-responder");
    MakePlainEditor("bob");
    EXPECT_TRUE(Eventually([] {
      return May("rita", {"patch", "natt"}) && May("bob", {"patch", "natt"});
    }));
    EXPECT_TRUE(Eventually([] {
      return !As("bob", {"create", "--dry-run=server", "-f", "-"},
                 Object("NodeAttestation", "verdict-probe", ""))
                  .ok();
    })) << "the admission policy does not bind";
  }

  static void Create(const std::string& name) {
    EXPECT_THAT(Cluster().KubectlAs(ControllerKubeconfig(), {"create", "-f", "-"},
                                    Object("NodeAttestation", name, "")),
                IsAccepted());
  }
  static CommandResult Annotate(std::string_view user, const std::string& name,
                                std::string_view key, std::string_view value) {
    return As(user, {"annotate", "--overwrite", "natt", name,
                     std::string(key) + (value.empty() ? "-" : "=") + std::string(value)});
  }
  static CommandResult Patch(std::string_view user, const std::string& name,
                             std::string_view patch) {
    return As(user, {"patch", "natt", name, "--type=merge", "-p", std::string(patch)});
  }
};

TEST_F(Verdicts, E51_AreTheControllersAlone) {
  Create("verdict-1");
  constexpr std::string_view kTrusted = "{summary: Trusted}";
  const std::string kubelet = Cluster().NodeKubeconfig("verdict-1");
  EXPECT_THAT(WriteVerdict(Cluster().kubeconfig(), "verdict-1", kTrusted),
              IsRefused(kOnlyTheController))
      << "the administrator";
  EXPECT_THAT(As("bob", {"patch", "natt", "verdict-1", "--subresource=status", "--type=merge", "-p",
                         R"({"status":{"summary":"Trusted"}})"}),
              IsRefused(kOnlyTheController));
  EXPECT_THAT(WriteVerdict(kubelet, "verdict-1", kTrusted), IsRefused("cannot patch resource"));
  EXPECT_THAT(WriteVerdict(Cluster().ServiceAccountKubeconfig(kNamespace, "plimsoll-agent"),
                           "verdict-1", kTrusted),
              IsRefused("cannot patch resource"))
      << "the agent";
  EXPECT_THAT(WriteVerdict(ControllerKubeconfig(), "verdict-1", kTrusted), IsAccepted());
  EXPECT_EQ(Cluster().Kubectl({"get", "natt", "verdict-1", "-o", "jsonpath={.status.summary}"}).out,
            "Trusted");
}

TEST_F(Verdicts, AreNotMadeByPeople) {
  EXPECT_THAT(Propose(Object("NodeAttestation", "verdict-2", "")), IsRefused(kOnlyTheController));
  EXPECT_THAT(As("bob", {"create", "-f", "-"}, Object("NodeAttestation", "verdict-2", "")),
              IsRefused(kOnlyTheController));
}

TEST_F(Verdicts, AreAcknowledgedByWhoeverHasTheVerb) {
  Create("verdict-3");
  EXPECT_THAT(Annotate("bob", "verdict-3", kAcknowledged, "2026-11-24T08:00:00Z"),
              IsRefused("bob lacks the verb acknowledge on nodeattestations.plimsoll.dev/"
                        "verdict-3"));
  EXPECT_THAT(Annotate("rita", "verdict-3", kAcknowledged, "2026-11-24T08:00:00Z"), IsAccepted());
  EXPECT_THAT(Annotate("bob", "verdict-3", kAcknowledged, ""), IsRefused("lacks the verb"));
  EXPECT_THAT(Annotate("rita", "verdict-3", kAcknowledged, ""), IsAccepted());
}

TEST_F(Verdicts, AreAskedForAgainByWhoeverHasTheVerb) {
  Create("verdict-4");
  EXPECT_THAT(Annotate("bob", "verdict-4", kReattest, "2026-11-24T08:00:00Z"),
              IsRefused("bob lacks the verb reattest on nodeattestations.plimsoll.dev/verdict-4"));
  EXPECT_THAT(Annotate("rita", "verdict-4", kReattest, "2026-11-24T08:00:00.5Z"), IsAccepted());
}

TEST_F(Verdicts, EachAnnotationHasAVerbOfItsOwn) {
  EXPECT_THAT(Cluster().Apply(R"(
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reattest-only}
rules:
- {apiGroups: [plimsoll.dev], resources: [nodeattestations], verbs: [get, patch, reattest]}
)"),
              IsAccepted());
  BindClusterRole("otto", "reattest-only");
  ASSERT_TRUE(Eventually([] { return May("otto", {"reattest", "natt"}); }));
  Create("verdict-5");
  EXPECT_THAT(Annotate("otto", "verdict-5", kReattest, "2026-11-24T08:00:00Z"), IsAccepted());
  EXPECT_THAT(Annotate("otto", "verdict-5", kAcknowledged, "2026-11-24T08:00:00Z"),
              IsRefused("otto lacks the verb acknowledge"));
}

TEST_F(Verdicts, TakeTimesAlone) {
  Create("verdict-6");
  for (const char* value : {"now", "2026-11-24", "2026-11-24T08:00:00+01:00", "1764000000"}) {
    EXPECT_THAT(Annotate("rita", "verdict-6", kReattest, value), IsRefused("are times in UTC"))
        << value;
  }
}

TEST_F(Verdicts, TakeNothingElseFromPeople) {
  Create("verdict-7");
  for (
      const char* patch :
      {R"({"metadata":{"annotations":{"other":"x"}}})", R"({"metadata":{"labels":{"a":"b"}}})",
       R"({"metadata":{"finalizers":["example.org/stay"]}})",
       R"({"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"gone","uid":"gone"}]}})"}) {
    EXPECT_THAT(Patch("rita", "verdict-7", patch), IsRefused(kOnlyTheController)) << patch;
  }
  EXPECT_THAT(
      Patch(
          "rita", "verdict-7",
          R"({"metadata":{"annotations":{"other":"x","plimsoll.dev/reattest-requested-at":"2026-11-24T08:00:00Z"}}})"),
      IsRefused(kOnlyTheController));
}

TEST_F(Verdicts, LetTheGarbageCollectorDoItsWork) {
  Create("verdict-8");
  MakePlainEditor(kGarbageCollector);
  ASSERT_TRUE(Eventually([] { return May(kGarbageCollector, {"patch", "natt"}); }));
  ASSERT_THAT(
      Cluster().Kubectl({"delete", "natt", "verdict-8", "--cascade=foreground", "--wait=false"}),
      IsAccepted());
  EXPECT_THAT(Patch("bob", "verdict-8", R"({"metadata":{"finalizers":null}})"),
              IsRefused(kOnlyTheController));
  EXPECT_THAT(Patch(kGarbageCollector, "verdict-8", R"({"metadata":{"labels":{"a":"b"}}})"),
              IsRefused(kOnlyTheController));
  EXPECT_THAT(Patch(kGarbageCollector, "verdict-8", R"({"metadata":{"finalizers":null}})"),
              IsAccepted());
  EXPECT_FALSE(Cluster().Kubectl({"get", "natt", "verdict-8"}).ok());
}

}  // namespace
}  // namespace plimsoll::cluster
