#pragma once

#include <gmock/gmock.h>

#include <string>
#include <string_view>

#include "cluster/control_plane.h"

// What the tests of schemas and admission share.
namespace plimsoll::cluster {

// `kubectl create --dry-run=server` with strict field validation: what the API server says about an
// object, without keeping it.
inline CommandResult Propose(std::string_view yaml) {
  return Cluster().Kubectl({"create", "--dry-run=server", "-f", "-"}, yaml);
}

inline CommandResult ProposeAs(std::string_view kubeconfig, std::string_view yaml) {
  return Cluster().KubectlAs(kubeconfig, {"create", "--dry-run=server", "-f", "-"}, yaml);
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

// An object of ours: `body` is YAML below metadata, two spaces deep for spec.
inline std::string Object(std::string_view kind, std::string_view name, std::string_view body) {
  return "apiVersion: plimsoll.dev/v1alpha1\nkind: " + std::string(kind) +
         "\nmetadata: {name: " + std::string(name) + "}\n" + std::string(body) + "\n";
}

}  // namespace plimsoll::cluster
