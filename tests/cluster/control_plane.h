#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/command.h"

namespace plimsoll::cluster {

inline constexpr std::string_view kNamespace = "plimsoll-system";
inline constexpr std::string_view kAudience = "plimsoll.dev/controller";
inline constexpr std::string_view kTrustLabel =
    "plimsoll.dev.node-restriction.kubernetes.io/trusted";

// A real etcd and kube-apiserver (tests/cluster/control-plane.sh) for one test program: RBAC, Node
// authorizer and NodeRestriction are on. There is no controller manager, so a ServiceAccount, Pod
// or Node exists exactly when a test created it, and deleting an owner deletes nothing else.
//
// The first use of Cluster() in a program registers it with GoogleTest: started before the first
// test, ended after the last one, also when the program crashes. Tests share it, so every test uses
// names of its own. Thread-safe where kubectl is.
class ControlPlane {
 public:
  ControlPlane() = default;
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;
  ~ControlPlane();

  // Starts the servers; an empty string, or what went wrong. The programs are built first where
  // they are missing, which takes a quarter of an hour.
  std::string Start();

  // --- who may do what ---
  std::string kubeconfig() const {
    return directory_ + "/kubeconfig";
  }  // system:masters: no RBAC, but admission policies
  std::string NodeKubeconfig(std::string_view node);  // the kubelet's credential of a node
  // A kubeconfig with a fresh token (one hour) of a ServiceAccount, which is created when it is
  // missing.
  std::string ServiceAccountKubeconfig(std::string_view ns, std::string_view account);

  const std::string& directory() const {
    return directory_;
  }                            // for files of tests; removed at the end
  std::string server() const;  // https://127.0.0.1:port
  std::string ca_file() const { return directory_ + "/pki/ca.crt"; }

  // --- kubectl and helm, the real ones ---
  CommandResult Kubectl(const std::vector<std::string>& arguments,
                        std::string_view input = {}) const;
  CommandResult KubectlAs(std::string_view kubeconfig, const std::vector<std::string>& arguments,
                          std::string_view input = {}) const;
  CommandResult Apply(std::string_view yaml) const;  // kubectl apply -f -, strict field validation
  CommandResult Helm(const std::vector<std::string>& arguments, std::string_view input = {}) const;

  // helm upgrade --install of charts/plimsoll as release "plimsoll" in kNamespace, with `values`
  // (YAML). Waits until the CRDs are served and the admission policies bite, which takes up to a
  // second. Fails the test when helm does; does nothing when the last values were the same.
  void InstallChart(std::string_view values = {});

  // --- objects ---
  // A bare Node; its UID. `extra` is YAML below the top level, such as "spec: {taints: []}".
  std::string CreateNode(std::string_view name, std::string_view labels = "{}",
                         std::string_view extra = {});
  void EnsureNamespace(std::string_view name);
  void EnsureServiceAccount(std::string_view ns, std::string_view name);
  void EnsurePod(std::string_view ns, std::string_view name, std::string_view account,
                 std::string_view node);

  // A token from TokenRequest, bound to the Pod `pod` of `account` on `node`, as the kubelet mounts
  // it: TokenReview names that Node with its UID. ServiceAccount and Pod are created when they are
  // missing; the Node must exist. An empty `pod` gives a token that is bound to nothing.
  std::string CreateServiceAccountToken(std::string_view ns, std::string_view account,
                                        std::string_view pod, std::string_view node,
                                        std::string_view audience = kAudience, int seconds = 600);

  // --- disturbances; all wait until it is done ---
  void StopApiServer();
  void StartApiServer();
  void RestartApiServer();

 private:
  CommandResult Script(const std::vector<std::string>& arguments) const;

  std::string directory_;  // empty before Start()
  std::optional<std::string> installed_values_;
};

// The control plane of this test program.
ControlPlane& Cluster();

// Polls until `condition` holds; false when `limit` passes first.
bool Eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds limit = std::chrono::seconds(20));

}  // namespace plimsoll::cluster
