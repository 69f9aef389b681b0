#include "cluster/control_plane.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <thread>

namespace plimsoll::cluster {
namespace {

// The script's path in the source tree.
std::string ScriptPath() {
  return std::string(PLIMSOLL_SOURCE_DIR) + "/tests/cluster/control-plane.sh";
}

std::string Cat(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const std::string_view part : parts) {
    all.append(part);
  }
  return all;
}

void ExpectOk(const CommandResult& result, std::string_view what) {
  if (!result.ok()) {
    ADD_FAILURE() << what << ": exit code " << result.exit_code << "\n" << result.out << result.err;
  }
}

std::string WithoutNewline(std::string text) {
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  return text;
}

class Environment final : public testing::Environment {
 public:
  void SetUp() override {
    if (const std::string problem = plane_.Start(); !problem.empty()) {
      GTEST_FAIL() << "no control plane: " << problem;
    }
  }
  // The destructor comes at the end of the program, when GoogleTest deletes its environments.

  ControlPlane& plane() { return plane_; }

 private:
  ControlPlane plane_;
};

// GoogleTest owns it. Made before main(), as an environment must be registered before the first
// test starts.
Environment* const kEnvironment = [] {
  auto* environment = new Environment;
  testing::AddGlobalTestEnvironment(environment);
  return environment;
}();

}  // namespace

ControlPlane& Cluster() { return kEnvironment->plane(); }

ControlPlane::~ControlPlane() {
  if (!directory_.empty()) {
    Script({"down", directory_});
    std::error_code ignored;
    if (std::getenv("PLIMSOLL_KEEP_CLUSTER_LOGS") == nullptr) {
      std::filesystem::remove_all(directory_, ignored);
    }
  }
}

CommandResult ControlPlane::Script(const std::vector<std::string>& arguments) const {
  std::vector<std::string> argv{ScriptPath()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return Run(argv);
}

std::string ControlPlane::Start() {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "plimsoll-cluster-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    return "cannot make a folder in " + std::filesystem::temp_directory_path().string();
  }
  directory_ = pattern;
  const CommandResult result = Script({"up", directory_, "--owner", std::to_string(getpid())});
  return result.ok() ? "" : result.out + result.err;
}

std::string ControlPlane::server() const {
  std::ifstream file(directory_ + "/port");
  std::string port;
  file >> port;
  return "https://127.0.0.1:" + port;
}

std::string ControlPlane::NodeKubeconfig(std::string_view node) {
  ExpectOk(Script({"node", directory_, std::string(node)}), "credentials of a node");
  return Cat({directory_, "/nodes/", node, ".kubeconfig"});
}

std::string ControlPlane::ServiceAccountKubeconfig(std::string_view ns, std::string_view account) {
  const std::string token = CreateServiceAccountToken(ns, account, "", "", "", 3600);
  const std::string path = Cat({directory_, "/", ns, ".", account, ".kubeconfig"});
  std::ofstream(path) << "apiVersion: v1\nkind: Config\ncurrent-context: test\n"
                      << "clusters: [{name: test, cluster: {server: \"" << server()
                      << "\", certificate-authority: \"" << ca_file()
                      << "\"}}]\nusers: [{name: test, user: {token: \"" << token
                      << "\"}}]\ncontexts: [{name: test, context: {cluster: test, user: test}}]\n";
  return path;
}

CommandResult ControlPlane::KubectlAs(std::string_view kubeconfig,
                                      const std::vector<std::string>& arguments,
                                      std::string_view input) const {
  std::vector<std::string> argv{directory_ + "/bin/kubectl", Cat({"--kubeconfig=", kubeconfig}),
                                "--cache-dir=" + directory_ + "/kubectl-cache"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return Run(argv, input);
}

CommandResult ControlPlane::Kubectl(const std::vector<std::string>& arguments,
                                    std::string_view input) const {
  return KubectlAs(kubeconfig(), arguments, input);
}

CommandResult ControlPlane::Apply(std::string_view yaml) const {
  return Kubectl({"apply", "-f", "-"}, yaml);
}

CommandResult ControlPlane::Helm(const std::vector<std::string>& arguments,
                                 std::string_view input) const {
  std::vector<std::string> argv{directory_ + "/bin/helm", "--kubeconfig=" + kubeconfig()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const std::string home = directory_ + "/helm";
  return Run(argv, input,
             {{"HELM_CACHE_HOME", home + "/cache"},
              {"HELM_CONFIG_HOME", home + "/config"},
              {"HELM_DATA_HOME", home + "/data"}});
}

void ControlPlane::InstallChart(std::string_view values) {
  if (installed_values_ == values) {
    return;
  }
  const std::string chart = std::string(PLIMSOLL_SOURCE_DIR) + "/charts/plimsoll";
  ExpectOk(Helm({"upgrade", "--install", "plimsoll", chart, "--namespace", std::string(kNamespace),
                 "--create-namespace", "--values", "-"},
                values.empty() ? "{}" : values),
           "helm");
  ExpectOk(Kubectl({"wait", "--for=condition=Established", "--timeout=30s", "crd",
                    "attestationpolicies.plimsoll.dev", "endorsementauthorities.plimsoll.dev",
                    "tpmidentities.plimsoll.dev", "nodeattestations.plimsoll.dev"}),
           "CRDs");
  const std::string probe =
      "apiVersion: v1\nkind: Node\nmetadata: {name: plimsoll-admission-probe}\n"
      "status: {conditions: [{type: plimsoll.dev/Trusted, status: \"True\"}]}\n";
  // Without the policy there is nothing to wait for.
  if (Kubectl({"get", "validatingadmissionpolicybinding", "plimsoll-protect-node-marks"}).ok()) {
    EXPECT_TRUE(Eventually([&] {
      return !Kubectl({"create", "--dry-run=server", "-f", "-"}, probe).ok();
    })) << "the admission policy does not bite";
  }
  installed_values_ = values;
}

std::string ControlPlane::CreateNode(std::string_view name, std::string_view labels,
                                     std::string_view extra) {
  const CommandResult result = Kubectl({"create", "-o", "jsonpath={.metadata.uid}", "-f", "-"},
                                       Cat({"apiVersion: v1\nkind: Node\nmetadata: {name: ", name,
                                            ", labels: ", labels, "}\n", extra, "\n"}));
  ExpectOk(result, "create a Node");
  return WithoutNewline(result.out);
}

void ControlPlane::EnsureNamespace(std::string_view name) {
  ExpectOk(Apply(Cat({"apiVersion: v1\nkind: Namespace\nmetadata: {name: ", name, "}\n"})),
           "create a Namespace");
}

void ControlPlane::EnsureServiceAccount(std::string_view ns, std::string_view name) {
  if (!Kubectl({"get", "serviceaccount", "-n", std::string(ns), std::string(name)}).ok()) {
    EnsureNamespace(ns);
    ExpectOk(Kubectl({"create", "serviceaccount", "-n", std::string(ns), std::string(name)}),
             "create a ServiceAccount");
  }
}

void ControlPlane::EnsurePod(std::string_view ns, std::string_view name, std::string_view account,
                             std::string_view node) {
  if (!Kubectl({"get", "pod", "-n", std::string(ns), std::string(name)}).ok()) {
    ExpectOk(Kubectl({"create", "-f", "-"},
                     Cat({"apiVersion: v1\nkind: Pod\nmetadata: {name: ", name, ", namespace: ", ns,
                          "}\nspec: {nodeName: ", node, ", serviceAccountName: ", account,
                          ", containers: [{name: agent, image: registry.invalid/agent}]}\n"})),
             "create a Pod");
  }
}

std::string ControlPlane::CreateServiceAccountToken(std::string_view ns, std::string_view account,
                                                    std::string_view pod, std::string_view node,
                                                    std::string_view audience, int seconds) {
  EnsureServiceAccount(ns, account);
  std::vector<std::string> arguments{
      "create",        "token",      std::string(account),         "-n",
      std::string(ns), "--duration", std::to_string(seconds) + "s"};
  if (!audience.empty()) {
    arguments.insert(arguments.end(), {"--audience", std::string(audience)});
  }
  if (!pod.empty()) {
    EnsurePod(ns, pod, account, node);
    arguments.insert(arguments.end(),
                     {"--bound-object-kind", "Pod", "--bound-object-name", std::string(pod)});
  }
  const CommandResult result = Kubectl(arguments);
  ExpectOk(result, "create a token");
  return WithoutNewline(result.out);
}

void ControlPlane::StopApiServer() {
  ExpectOk(Script({"stop-apiserver", directory_}), "stop the API server");
}

void ControlPlane::StartApiServer() {
  ExpectOk(Script({"start-apiserver", directory_}), "start the API server");
}

void ControlPlane::RestartApiServer() {
  ExpectOk(Script({"restart-apiserver", directory_}), "restart the API server");
}

bool Eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace plimsoll::cluster
