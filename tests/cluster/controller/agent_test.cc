// The honest agent with a real (emulated) TPM against the real controller.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "cluster/control_plane.h"
#include "cluster/controller/deployment.h"
#include "swtpm/machine.h"

namespace plimsoll::cluster {
namespace {

using std::chrono::seconds;

// An agent process on a Node of its own, with its own TPM.
class AgentNode {
 public:
  AgentNode(std::string name, const std::string& group, const std::string& profile = "auto")
      : AgentNode(std::move(name), group, profile, testing::SwtpmMachine::Start()) {}

  AgentNode(std::string name, const std::string& group, const std::string& profile,
            Result<std::unique_ptr<testing::SwtpmMachine>> machine)
      : name_(std::move(name)) {
    EXPECT_TRUE(machine) << machine.error().message;
    machine_ = *std::move(machine);
    Cluster().CreateNode(name_, fmt::format("{{plimsoll-test: {}}}", group));
    const std::string folder = Cluster().directory() + "/" + name_;
    Write(folder + ".token", Cluster().CreateServiceAccountToken(kNamespace, "plimsoll-agent",
                                                                 "agent-" + name_, name_));
    Write(folder + ".ca", Deployment::Get().ca_pem());
    metrics_port_ = FreePort();
    std::vector<std::string> argv = {
        PLIMSOLL_AGENT,
        fmt::format("--controller-name=plimsoll-controller.{}.svc", kNamespace),
        "--ca-file=" + folder + ".ca",
        "--token-file=" + folder + ".token",
        "--tcti=" + machine_->tcti(),
        "--key-profile=" + profile,
        fmt::format("--metrics-listen=127.0.0.1:{}", metrics_port_),
        "--log-level=info",
        "--log-format=json"};
    for (size_t i = 0; i < 2; ++i) {
      argv.push_back("--controller=" + Deployment::Get().replica(i).address());
    }
    process_ = std::make_unique<Process>(argv, folder + ".log");
  }

  testing::SwtpmMachine& machine() { return *machine_; }
  Process& process() { return *process_; }
  std::string Log() const {
    std::ostringstream text;
    text << std::ifstream(process_->log_path()).rdbuf();
    return text.str();
  }
  std::string Metrics() const { return FetchPlain(metrics_port_, "/metrics"); }
  std::string Identity() const {
    const auto found = GetObject("nodeattestation", name_);
    return found.is_null() ? ""
                           : found.value(nlohmann::json::json_pointer("/status/tpmIdentity"), "");
  }
  std::vector<std::string> Pcrs() const {
    std::vector<std::string> pcrs;
    const nlohmann::json object = GetObject("nodeattestation", name_);
    const nlohmann::json values = object.is_null()
                                      ? nlohmann::json::array()
                                      : object["status"].value("pcrs", nlohmann::json::array());
    for (const auto& pcr : values) {
      if (pcr["bank"] == "sha256" && pcr["index"] < 8) {
        pcrs.push_back(pcr["digest"]);
      }
    }
    return pcrs;
  }

 private:
  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }

  std::string name_;
  std::unique_ptr<testing::SwtpmMachine> machine_;
  uint16_t metrics_port_ = 0;
  std::unique_ptr<Process> process_;
};

std::string Indented(const std::string& text, const std::string& by) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    out += by + line + "\n";
  }
  return out;
}

TEST(Agent, ACertificateOfAConfiguredAuthorityAdmitsTheNodeWithoutAPerson) {
  Deployment::Get();
  AgentNode agent("agent-1", "agents");
  ASSERT_TRUE(Eventually([&] { return agent.Pcrs().size() == 8; }, seconds(60))) << agent.Log();
  const std::string authority =
      "apiVersion: plimsoll.dev/v1alpha1\nkind: EndorsementAuthority\nmetadata: {name: "
      "lab}\nspec:\n  bundles:\n  - inline: |\n" +
      Indented(agent.machine().ca_pem(), "      ");
  ASSERT_TRUE(Cluster().Apply(authority).ok());
  ASSERT_TRUE(
      Cluster()
          .Apply(PolicyYaml(
              "agents", "agents", agent.Pcrs(),
              "  identity: {admission: EndorsementCertificate, endorsementAuthorityRefs: [lab]}\n"))
          .ok());
  EXPECT_TRUE(Eventually([] { return Label("agent-1") == "true"; }, seconds(60)))
      << TrustedReason("agent-1");
  const auto identity = GetObject("tpmidentity", agent.Identity());
  EXPECT_EQ(identity["spec"]["decision"], "Pending") << "admitted, not approved";
  EXPECT_EQ(identity["status"]["admissions"][0]["by"], "EndorsementCertificate");
  EXPECT_EQ(identity["status"]["attestationKey"]["profile"], "p384");
  EXPECT_TRUE(Eventually(
      [&] { return agent.Metrics().find("plimsoll_agent_quotes_total") != std::string::npos; }));

  ASSERT_TRUE(agent.machine().Extend(4, {"sha256:" + std::string(64, 'd')}));
  EXPECT_TRUE(Eventually(
      [] {
        return Label("agent-1") == "false" && TaintValue("agent-1") == "PCRMismatch:NoSchedule";
      },
      seconds(30)))
      << "within one interval";

  // E20: without the authority the certificate counts for nothing; the proof of the failure stays.
  ASSERT_TRUE(Cluster().Kubectl({"delete", "eka", "lab"}).ok());
  EXPECT_TRUE(Eventually(
      [&] { return GetObject("tpmidentity", agent.Identity())["status"]["admissions"].empty(); }));
  EXPECT_EQ(Label("agent-1"), "false");
  EXPECT_EQ(agent.process().Stop(), 0);
}

TEST(Agent, E05_AClonedTpmTrustsAtMostOneNodeAndTheSecondClaimIsRefused) {
  Deployment::Get();
  AgentNode original("agent-3", "clones", "p256");
  ASSERT_TRUE(Eventually([&] { return original.Pcrs().size() == 8; }, seconds(60)))
      << original.Log();
  ASSERT_TRUE(Cluster().Apply(PolicyYaml("clones", "clones", original.Pcrs())).ok());
  ASSERT_TRUE(Cluster()
                  .Kubectl({"patch", "tpmidentity", original.Identity(), "--type=merge", "-p",
                            R"({"spec":{"decision":"Approved"}})"})
                  .ok());
  ASSERT_TRUE(Eventually([] { return Label("agent-3") == "true"; }, seconds(60)))
      << TrustedReason("agent-3");

  AgentNode clone("agent-4", "clones", "p256", testing::SwtpmMachine::CloneOf(original.machine()));
  EXPECT_TRUE(Eventually([] { return HasEvent("agent-4", "IdentityConflict"); }, seconds(60)))
      << clone.Log();
  EXPECT_THAT(clone.Log(), ::testing::HasSubstr("IdentityConflict"));
  EXPECT_FALSE(Eventually([] { return Label("agent-4") == "true"; }, seconds(5)));
  EXPECT_EQ(Label("agent-3"), "true") << "the old binding stands";
  EXPECT_EQ(GetObject("tpmidentity", original.Identity())["spec"]["nodeName"], "agent-3");
  EXPECT_EQ(clone.process().Stop(), 0);
  EXPECT_EQ(original.process().Stop(), 0);
}

TEST(Agent, ATpmThatGoesAwayMakesTheNodeUnknownAndItComesBack) {
  Deployment::Get();
  AgentNode agent("agent-2", "agent-2", "p256");
  ASSERT_TRUE(Eventually([&] { return agent.Pcrs().size() == 8; }, seconds(60))) << agent.Log();
  ASSERT_TRUE(Cluster().Apply(PolicyYaml("agent-2", "agent-2", agent.Pcrs())).ok());
  ASSERT_TRUE(Cluster()
                  .Kubectl({"patch", "tpmidentity", agent.Identity(), "--type=merge", "-p",
                            R"({"spec":{"decision":"Approved"}})"})
                  .ok());
  ASSERT_TRUE(Eventually([] { return Label("agent-2") == "true"; }, seconds(60)))
      << TrustedReason("agent-2");

  ASSERT_TRUE(agent.machine().Kill());
  EXPECT_TRUE(Eventually(
      [] {
        const std::string reason = TrustedReason("agent-2");
        return Label("agent-2") == "unknown" && (reason == "TPMError" || reason == "TPMAbsent");
      },
      seconds(60)))
      << TrustedReason("agent-2");
  EXPECT_TRUE(agent.process().running());
  ASSERT_TRUE(agent.machine().Reset());
  // A reset empties the PCRs, so this machine is measured differently now: proven wrong, not silent
  // any more.
  EXPECT_TRUE(Eventually([] { return !TrustedReason("agent-2").starts_with("TPM"); }, seconds(60)));
  EXPECT_EQ(agent.process().Stop(), 0);
}

}  // namespace
}  // namespace plimsoll::cluster
