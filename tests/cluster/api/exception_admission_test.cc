// Who may make an exception, and for how long.
#include <gtest/gtest.h>

#include "cluster/api/people.h"

namespace plimsoll::cluster {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

std::string Exception(std::string_view name, seconds lasts) {
  return Object("AttestationException", name,
                "spec: {reason: INC-4711, nodeNames: [node-a], expiresAt: " + TimeIn(lasts) + "}");
}

// erin excepts, bob edits our kinds but has none of our verbs.
class Exceptions : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    InstallKinds();
    BindClusterRole("erin", "plimsoll-exception-editor");
    MakePlainEditor("bob");
    EXPECT_TRUE(Eventually([] {
      return May("erin", {"create", "aexc"}) && May("bob", {"create", "aexc"});
    }));
    EXPECT_TRUE(Eventually([] {
      return !As("bob", {"create", "--dry-run=server", "-f", "-"}, Exception("probe", hours(1)))
                  .ok();
    })) << "the admission policy does not bind";
  }

  static CommandResult Create(std::string_view user, const std::string& yaml) {
    return As(user, {"create", "-f", "-"}, yaml);
  }
  static CommandResult Extend(std::string_view user, std::string_view name, seconds until) {
    return As(user, {"patch", "aexc", std::string(name), "--type=merge", "-p",
                     R"({"spec":{"expiresAt":)" + TimeIn(until) + "}}"});
  }
  static constexpr std::string_view kLacks =
      "bob lacks the verb except on attestationexceptions.plimsoll.dev/";
};

TEST_F(Exceptions, NeedTheVerbExcept) {
  EXPECT_THAT(Create("bob", Exception("except-1", hours(1))), IsRefused(kLacks));
  EXPECT_THAT(Create("erin", Exception("except-1", hours(1))), IsAccepted());
  EXPECT_THAT(Extend("bob", "except-1", hours(2)), IsRefused(kLacks));
  EXPECT_THAT(Extend("erin", "except-1", hours(2)), IsAccepted());
  EXPECT_THAT(As("bob", {"label", "aexc", "except-1", "a=b"}), IsAccepted());
  EXPECT_THAT(As("bob", {"delete", "aexc", "except-1"}), IsAccepted())
      << "to end an exception is to be stricter";
}

TEST_F(Exceptions, LastForThirtyDaysAtMost) {
  constexpr std::string_view kTooLong = "an exception ends at most 30 days (720 hours) after";
  EXPECT_THAT(Create("erin", Exception("except-2", hours(720) + seconds(60))), IsRefused(kTooLong));
  EXPECT_THAT(Create("erin", Exception("except-2", hours(720) - seconds(60))), IsAccepted());
  EXPECT_THAT(Extend("erin", "except-2", hours(720) + seconds(60)), IsRefused(kTooLong))
      << "counted from its creation, so nobody extends it for ever";
}

TEST_F(Exceptions, EndAfterTheyBegin) {
  EXPECT_THAT(Create("erin", Exception("except-3", -hours(1))),
              IsRefused("an exception ends after it was created"));
}

TEST_F(Exceptions, AreNotTheControllers) {
  EXPECT_THAT(Cluster().KubectlAs(ControllerKubeconfig(), {"create", "-f", "-"},
                                  Exception("except-4", hours(1))),
              IsRefused("cannot create resource \"attestationexceptions\""));
}

}  // namespace
}  // namespace plimsoll::cluster
