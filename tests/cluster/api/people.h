#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cluster/api/schema.h"

// Users of the tests of RBAC and admission: what a cluster's administrator would have bound.
namespace plimsoll::cluster {

// Binds the ClusterRole to that user.
inline void BindClusterRole(std::string_view user, std::string_view role) {
  EXPECT_THAT(Cluster().Apply("apiVersion: rbac.authorization.k8s.io/v1\nkind: "
                              "ClusterRoleBinding\nmetadata: {name: \"" +
                              std::string(user) + "-" + std::string(role) +
                              "\"}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: "
                              "ClusterRole, name: " +
                              std::string(role) +
                              "}\nsubjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, "
                              "name: " +
                              std::string(user) + "}]\n"),
              IsAccepted());
}

// A user who may do everything with our kinds, their status included, that RBAC's own verbs are
// for, but has none of our verbs: approve, except, acknowledge, reattest.
inline void MakePlainEditor(std::string_view user) {
  EXPECT_THAT(Cluster().Apply(R"(
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: plain-editor}
rules:
- {apiGroups: [plimsoll.dev], resources: ["*"], verbs: [get, list, watch, create, update, patch, delete]}
)"),
              IsAccepted());
  BindClusterRole(user, "plain-editor");
}

// Whether RBAC lets that user do it: the arguments are those of `kubectl auth can-i`.
inline bool May(std::string_view who, const std::vector<std::string>& what) {
  std::vector<std::string> arguments{"auth", "can-i", "--quiet", "--as=" + std::string(who)};
  arguments.insert(arguments.end(), what.begin(), what.end());
  return Cluster().Kubectl(arguments).ok();
}

// kubectl as that user.
inline CommandResult As(std::string_view user, std::vector<std::string> arguments,
                        std::string_view input = {}) {
  arguments.push_back("--as=" + std::string(user));
  return Cluster().Kubectl(arguments, input);
}

inline constexpr std::string_view kControllerUser =
    "system:serviceaccount:plimsoll-system:plimsoll-controller";
inline constexpr std::string_view kAgentUser =
    "system:serviceaccount:plimsoll-system:plimsoll-agent";
inline constexpr std::string_view kGarbageCollector =
    "system:serviceaccount:kube-system:generic-garbage-collector";

}  // namespace plimsoll::cluster
