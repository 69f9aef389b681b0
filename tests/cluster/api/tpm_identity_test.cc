#include <gtest/gtest.h>

#include "cluster/api/schema.h"

namespace plimsoll::cluster {
namespace {

// 64 hex digits that start with `prefix`.
std::string Key(std::string_view prefix) {
  return std::string(prefix) + std::string(64 - prefix.size(), '0');
}

std::string NameOf(const std::string& key) { return "ek-" + key.substr(0, 32); }

std::string Identity(const std::string& key, std::string_view rest) {
  return Object("TPMIdentity", NameOf(key),
                "spec: {endorsementKeySHA256: \"" + key + "\", " + std::string(rest) + "}");
}

CommandResult Patch(const std::string& name, std::string_view spec) {
  return Cluster().Kubectl(
      {"patch", "tpmid", name, "--type=merge", "-p", "{\"spec\":" + std::string(spec) + "}"});
}

class TpmIdentitySchema : public testing::Test {
 protected:
  static void SetUpTestSuite() { InstallKinds(); }

  // Makes the identity of that key; its name.
  static std::string Create(std::string_view prefix, std::string_view decision) {
    const std::string key = Key(prefix);
    EXPECT_THAT(
        Cluster().Apply(Identity(key, "nodeName: node-a, decision: " + std::string(decision))),
        IsAccepted());
    return NameOf(key);
  }
};

TEST_F(TpmIdentitySchema, IsPendingAndManualUntilSaidOtherwise) {
  const std::string key = Key("a1");
  ASSERT_THAT(Cluster().Apply(Identity(key, "nodeName: node-a")), IsAccepted());
  EXPECT_EQ(
      Cluster()
          .Kubectl({"get", "tpmid", NameOf(key), "-o", "jsonpath={.spec.decision} {.spec.source}"})
          .out,
      "Pending Manual");
}

TEST_F(TpmIdentitySchema, HasTheNameOfItsKey) {
  const std::string key = Key("a2");
  EXPECT_THAT(Propose(Identity(key, "nodeName: node-a")), IsAccepted());
  EXPECT_THAT(Propose(Object("TPMIdentity", "ek-1",
                             "spec: {nodeName: node-a, endorsementKeySHA256: \"" + key + "\"}")),
              IsRefused("metadata.name must be"));
}

TEST_F(TpmIdentitySchema, RefusesAKeyThatIsNoDigestAndANodeThatIsNoName) {
  EXPECT_THAT(Propose(Object(
                  "TPMIdentity", "ek-" + std::string(32, 'A'),
                  "spec: {nodeName: node-a, endorsementKeySHA256: " + std::string(64, 'A') + "}")),
              IsRefused("should match"));
  EXPECT_THAT(Propose(Identity(Key("a3"), "nodeName: Node_A")), IsRefused("should match"));
  EXPECT_THAT(Propose(Identity(Key("a3"), "decision: Pending")),
              IsRefused("nodeName: Required value"));
}

TEST_F(TpmIdentitySchema, RefusesWordsThatItDoesNotKnow) {
  for (const char* source : {"Manual", "Discovered", "Imported"}) {
    EXPECT_THAT(Propose(Identity(Key("a4"), "nodeName: a, source: " + std::string(source))),
                IsAccepted());
  }
  EXPECT_THAT(Propose(Identity(Key("a4"), "nodeName: a, source: Guessed")),
              IsRefused("Unsupported value: \"Guessed\""));
  EXPECT_THAT(Propose(Identity(Key("a4"), "nodeName: a, decision: Maybe")),
              IsRefused("Unsupported value: \"Maybe\""));
  EXPECT_THAT(
      Propose(Identity(Key("a4"), "nodeName: a, decisionReason: " + std::string(1025, 'x'))),
      IsRefused("Too long"));
}

TEST_F(TpmIdentitySchema, KeepsItsKeyForever) {
  const std::string name = Create("b1", "Pending");
  EXPECT_THAT(Patch(name, "{\"endorsementKeySHA256\":\"" + Key("b1").replace(63, 1, "f") + "\"}"),
              IsRefused("endorsementKeySHA256 is immutable"));
}

TEST_F(TpmIdentitySchema, MayMoveToAnotherNodeWhileNobodyHasAdmittedIt) {
  const std::string name = Create("b2", "Pending");
  EXPECT_THAT(Patch(name, R"({"nodeName":"node-b"})"), IsAccepted());
}

TEST_F(TpmIdentitySchema, StaysOnItsNodeWhileApproved) {
  const std::string name = Create("b3", "Approved");
  EXPECT_THAT(Patch(name, R"({"nodeName":"node-b"})"), IsRefused("spec.nodeName cannot change"));
  EXPECT_THAT(Patch(name, R"({"nodeName":"node-b","decision":"Pending"})"),
              IsRefused("spec.nodeName cannot change"));
}

TEST_F(TpmIdentitySchema, StaysOnItsNodeWhileAdmittedByCertificate) {
  const std::string name = Create("b4", "Pending");
  ASSERT_THAT(
      Cluster().Kubectl(
          {"patch", "tpmid", name, "--subresource=status", "--type=merge", "-p",
           R"({"status":{"admissions":[{"by":"EndorsementCertificate","ref":"vendors"}]}})"}),
      IsAccepted());
  EXPECT_THAT(Patch(name, R"({"nodeName":"node-b"})"), IsRefused("spec.nodeName cannot change"));
  EXPECT_THAT(Patch(name, R"({"decision":"Denied"})"), IsAccepted());
  EXPECT_THAT(Patch(name, R"({"nodeName":"node-b"})"), IsAccepted());
}

TEST_F(TpmIdentitySchema, StaysRevoked) {
  const std::string name = Create("b5", "Approved");
  ASSERT_THAT(Patch(name, R"({"decision":"Revoked"})"), IsAccepted());
  EXPECT_THAT(Patch(name, R"({"decision":"Approved"})"), IsRefused("Revoked is final"));
  EXPECT_THAT(Patch(name, R"({"nodeName":"node-b"})"), IsRefused("spec.nodeName cannot change"));
  EXPECT_THAT(Patch(name, R"({"decisionReason":"found in a skip"})"), IsAccepted());
}

TEST_F(TpmIdentitySchema, TakesNoStatusFromTheMainResource) {
  const std::string key = Key("b6");
  ASSERT_THAT(Cluster().Apply(Identity(key, "nodeName: node-a") +
                              "status: {admissions: [{by: Human, ref: \"1\"}]}\n"),
              IsAccepted());
  EXPECT_EQ(Cluster().Kubectl({"get", "tpmid", NameOf(key), "-o", "jsonpath={.status}"}).out, "");
}

TEST_F(TpmIdentitySchema, KeepsBaselinesByPolicy) {
  const std::string name = Create("b7", "Pending");
  const auto baselines = [&name](std::string_view text) {
    return Cluster().Kubectl({"patch", "tpmid", name, "--subresource=status", "--type=merge", "-p",
                              "{\"status\":{\"baselines\":[" + std::string(text) + "]}}"});
  };
  const std::string baseline =
      R"({"policyUID":"p1","time":"2026-11-24T08:00:00Z","pcrs":[{"bank":"sha256","index":0,"digest":")" +
      Key("1") + R"("}]})";
  EXPECT_THAT(baselines(baseline), IsAccepted());
  EXPECT_THAT(baselines(baseline + "," + baseline), IsRefused("Duplicate value"));
  EXPECT_THAT(baselines(R"({"policyUID":"p1","pcrs":[{"bank":"sha256","index":0,"digest":"?"}]})"),
              IsRefused("should match"));
  EXPECT_THAT(baselines(R"({"pcrs":[]})"), IsRefused("policyUID: Required value"));
}

TEST_F(TpmIdentitySchema, IsFoundByNodeAndDecision) {
  const std::string name = Create("c1", "Denied");
  ASSERT_THAT(Patch(name, R"({"nodeName":"node-found"})"), IsAccepted());
  EXPECT_EQ(Cluster()
                .Kubectl({"get", "tpmid", "-o", "name", "--field-selector",
                          "spec.decision=Denied,spec.nodeName=node-found"})
                .out,
            "tpmidentity.plimsoll.dev/" + name + "\n");
}

}  // namespace
}  // namespace plimsoll::cluster
