#pragma once

#include <gmock/gmock.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cluster/control_plane.h"

// What the tests of schemas and admission share.
namespace plimsoll::cluster {

// The six kinds, as resources and with their short names.
struct KindNames {
  std::string_view kind;
  std::string_view resource;
  std::string_view short_name;
};
inline constexpr std::array kKinds = {
    KindNames{"AttestationPolicy", "attestationpolicies", "apol"},
    KindNames{"ReferenceValues", "referencevalues", "refvals"},
    KindNames{"EndorsementAuthority", "endorsementauthorities", "eka"},
    KindNames{"TPMIdentity", "tpmidentities", "tpmid"},
    KindNames{"NodeAttestation", "nodeattestations", "natt"},
    KindNames{"AttestationException", "attestationexceptions", "aexc"}};

// The chart with its defaults, once all kinds are served. Some value must be given: without any,
// helm keeps those of the last test.
inline void InstallKinds() {
  Cluster().InstallChart("rbac: {create: true}\n");
  std::vector<std::string> arguments{"wait", "--for=condition=Established", "--timeout=30s", "crd"};
  for (const KindNames& names : kKinds) {
    arguments.push_back(std::string(names.resource) + ".plimsoll.dev");
  }
  EXPECT_TRUE(Cluster().Kubectl(arguments).ok());
}

// `kubectl create --dry-run=server` with strict field validation: what the API server says about an
// object, without keeping it.
inline CommandResult Propose(std::string_view yaml) {
  return Cluster().Kubectl({"create", "--dry-run=server", "-f", "-"}, yaml);
}

inline CommandResult ProposeAs(std::string_view kubeconfig, std::string_view yaml) {
  return Cluster().KubectlAs(kubeconfig, {"create", "--dry-run=server", "-f", "-"}, yaml);
}

inline std::string ControllerKubeconfig() {
  return Cluster().ServiceAccountKubeconfig(kNamespace, "plimsoll-controller");
}

// Writes the status of a NodeAttestation, given as JSON or YAML. By server-side apply, which unlike
// kubectl patch needs no right to read the subresource first.
inline CommandResult WriteVerdict(std::string_view kubeconfig, std::string_view name,
                                  std::string_view status, bool dry_run = false) {
  std::vector<std::string> arguments{
      "apply", "--server-side", "--subresource=status", "--field-manager=test", "-f", "-"};
  if (dry_run) {
    arguments.emplace_back("--dry-run=server");
  }
  return Cluster().KubectlAs(kubeconfig, arguments,
                             "apiVersion: plimsoll.dev/v1alpha1\nkind: NodeAttestation\n"
                             "metadata: {name: " +
                                 std::string(name) + "}\nstatus: " + std::string(status) + "\n");
}

MATCHER(IsAccepted, "") {
  *result_listener << arg.err;
  return arg.ok();
}

// Refused with these words, and not for another reason.
MATCHER_P(IsRefused, words, "") {
  *result_listener << (arg.ok() ? "accepted: " + arg.out : arg.err);
  return !arg.ok() && arg.err.find(words) != std::string::npos;
}

// "a0, a1, ..." of `count` different names: one list for all tests of bounds.
inline std::string Names(int count) {
  std::string names;
  for (int i = 0; i < count; ++i) {
    names += (i == 0 ? "a" : ", a") + std::to_string(i);
  }
  return names;
}

// A time as our kinds take it, in quotes.
inline std::string TimeIn(std::chrono::seconds from_now) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return "\"" + FormatTime(now + from_now) + "\"";
}

// An object of ours: `body` is YAML below metadata, two spaces deep for spec.
inline std::string Object(std::string_view kind, std::string_view name, std::string_view body) {
  return "apiVersion: plimsoll.dev/v1alpha1\nkind: " + std::string(kind) +
         "\nmetadata: {name: " + std::string(name) + "}\n" + std::string(body) + "\n";
}

}  // namespace plimsoll::cluster
