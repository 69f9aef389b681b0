#include "cluster/controller/deployment.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "cluster/control_plane.h"

namespace plimsoll::cluster {
namespace {

constexpr std::chrono::seconds kReady{30};

}  // namespace

uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  uint16_t port = 0;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    port = ntohs(address.sin_port);
  }
  close(fd);
  return port;
}

std::string FetchPlain(uint16_t port, const std::string& path) {
  const CommandResult fetched =
      Run({"curl", "-sf", "--max-time", "5", fmt::format("http://127.0.0.1:{}{}", port, path)});
  return fetched.ok() ? fetched.out : std::string();
}

Replica::Replica(std::string name, const std::vector<std::string>& flags)
    : name_(std::move(name)), port_(FreePort()), metrics_port_(FreePort()) {
  std::vector<std::string> argv = {
      PLIMSOLL_CONTROLLER,
      "--kubeconfig=" + Cluster().ServiceAccountKubeconfig(kNamespace, "plimsoll-controller"),
      "--listen=" + address(),
      fmt::format("--metrics-listen=127.0.0.1:{}", metrics_port_),
      "--namespace=" + std::string(kNamespace),
      fmt::format("--agent-service-account={}:plimsoll-agent", kNamespace),
      "--identity=" + name_,
      "--default-interval-seconds=10",
      "--status-refresh-seconds=5",
      "--log-level=info",
      "--log-format=json"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  process_ = std::make_unique<Process>(argv, Cluster().directory() + "/" + name_ + ".log");
}

bool Replica::Ready() const { return !FetchPlain(metrics_port_, "/readyz").empty(); }

std::string Replica::Metrics() const { return FetchPlain(metrics_port_, "/metrics"); }

bool Replica::Leads() const {
  return Metrics().find("plimsoll_controller_leader 1") != std::string::npos;
}

std::string Replica::Log() const {
  std::ifstream file(process_->log_path());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Deployment& Deployment::Get() {
  static auto* deployment = [] {
    Cluster().InstallChart("controller:\n  defaultIntervalSeconds: 10\n");
    auto* made = new Deployment();
    made->StartAll();

    // Ends the processes before the API server that they use.
    class Ending : public testing::Environment {
     public:
      explicit Ending(Deployment* owned) : owned_(owned) {}
      void TearDown() override { owned_->StopAll(); }

     private:
      Deployment* owned_;
    };
    testing::AddGlobalTestEnvironment(new Ending(made));
    return made;
  }();
  return *deployment;
}

void Deployment::StartAll() {
  replicas_.clear();
  for (int i = 0; i < 2; ++i) {
    replicas_.push_back(std::make_unique<Replica>(fmt::format("controller-{}", ++started_)));
  }
  for (const auto& replica : replicas_) {
    EXPECT_TRUE(Eventually([&] { return replica->Ready(); }, kReady)) << replica->Log();
  }
}

void Deployment::StopAll() {
  for (const auto& replica : replicas_) {
    replica->process().Stop();
  }
}

Replica* Deployment::Leader() {
  Replica* leader = nullptr;
  Eventually(
      [&] {
        for (const auto& replica : replicas_) {
          if (replica->process().running() && replica->Leads()) {
            leader = replica.get();
          }
        }
        return leader != nullptr;
      },
      kReady);
  return leader;
}

void Deployment::Replace(Replica* dead) {
  for (auto& replica : replicas_) {
    if (replica.get() == dead) {
      replica = std::make_unique<Replica>(fmt::format("controller-{}", ++started_));
      EXPECT_TRUE(Eventually([&] { return replica->Ready(); }, kReady)) << replica->Log();
      return;
    }
  }
}

void Deployment::Heal() {
  for (size_t i = 0; i < replicas_.size(); ++i) {
    if (!replicas_[i]->process().running()) {
      Replace(replicas_[i].get());
    }
  }
}

std::string Deployment::ca_pem() const {
  return Cluster()
      .Kubectl({"get", "configmap", "plimsoll-controller-ca", "-n", std::string(kNamespace), "-o",
                "jsonpath={.data.ca\\.crt}"})
      .out;
}

nlohmann::json GetObject(const std::string& kind, const std::string& name) {
  const CommandResult found = Cluster().Kubectl({"get", kind, name, "-o", "json"});
  return found.ok() ? nlohmann::json::parse(found.out) : nlohmann::json();
}

std::string Summary(const std::string& node) {
  const nlohmann::json object = GetObject("nodeattestation", node);
  return object.is_null() ? "" : object.value(nlohmann::json::json_pointer("/status/summary"), "");
}

std::string TrustedReason(const std::string& node) {
  return Cluster()
      .Kubectl({"get", "nodeattestation", node, "-o",
                "jsonpath={.status.conditions[?(@.type==\"Trusted\")].reason}"})
      .out;
}

std::string Label(const std::string& node) {
  const nlohmann::json object = GetObject("node", node);
  return object.is_null() || !object["metadata"].contains("labels")
             ? ""
             : object["metadata"]["labels"].value(std::string(kTrustLabel), "");
}

std::string TaintValue(const std::string& node) {
  const nlohmann::json object = GetObject("node", node);
  const nlohmann::json taints = object.is_null()
                                    ? nlohmann::json::array()
                                    : object["spec"].value("taints", nlohmann::json::array());
  for (const auto& taint : taints) {
    if (taint["key"] == "plimsoll.dev/untrusted") {
      return taint.value("value", "") + ":" + taint.value("effect", "");
    }
  }
  return "";
}

std::string NodeCondition(const std::string& node) {
  return Cluster()
      .Kubectl({"get", "node", node, "-o",
                "jsonpath={.status.conditions[?(@.type==\"plimsoll.dev/Trusted\")].status}"})
      .out;
}

bool HasEvent(const std::string& node, const std::string& reason) {
  return Cluster().Kubectl({"describe", "node", node}).out.find(reason) != std::string::npos;
}

std::string PolicyYaml(const std::string& name, const std::string& group,
                       const std::vector<std::string>& pcrs, const std::string& extra,
                       const std::string& mode) {
  std::string yaml = fmt::format(
      "apiVersion: plimsoll.dev/v1alpha1\nkind: AttestationPolicy\nmetadata: {{name: {}}}\nspec:\n "
      " mode: {}\n"
      "  nodeSelector: {{matchLabels: {{plimsoll-test: {}}}}}\n  freshness: {{intervalSeconds: 10, "
      "expireSeconds: 30}}\n  pcrs:\n",
      name, mode, group);
  for (size_t i = 0; i < pcrs.size(); ++i) {
    yaml += fmt::format("  - {{bank: sha256, index: {}, match: Reference, anyOf: [\"{}\"]}}\n", i,
                        pcrs[i]);
  }
  return yaml + extra;
}

}  // namespace plimsoll::cluster
