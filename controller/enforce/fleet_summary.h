#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "controller/objects.h"
#include "controller/policies/picture.h"
#include "kube/lookup.h"

namespace plimsoll::controller::enforce {

// The numbers about nodes, policies and identities that the leader exports (api.md 7). A pure
// function of what the informers hold, in one look.
struct FleetSummary {
  struct NodeRow {
    std::string name;
    std::string verdict;  // trusted, untrusted, unknown
    std::optional<WallTime> last_verified;
    std::vector<std::string> failing_policies;  // that decide, not Audit ones
  };
  struct PolicyRow {
    std::string name;
    bool ready = false;
    int64_t passing = 0;
    int64_t failing = 0;
    int64_t unknown = 0;
  };
  struct AuthorityRow {
    std::string name;
    std::optional<std::chrono::sys_seconds> earliest_expiry;  // absent when none can be read
  };

  std::map<std::string, int64_t> nodes_by_verdict;        // all three keys, always
  std::map<std::string, int64_t> identities_by_decision;  // approved, admitted, pending, denied,
                                                          // revoked; all keys, always
  std::vector<NodeRow> nodes;
  std::vector<PolicyRow> policies;
  std::vector<AuthorityRow> authorities;

  // Not from Summarise: what the leader's own decisions are.
  std::map<std::string, int64_t> blocked;  // nodes that a budget holds back, by policy
  std::map<std::string, bool> halted;      // of policies with a rollout
  int64_t exceptions_in_force = 0;
};

// Every Node counts, also one without a NodeAttestation (unknown); a status of another Node UID
// counts as none.
FleetSummary Summarise(const Lookup<Node>& nodes, const Lookup<NodeAttestation>& attestations,
                       const Lookup<TpmIdentity>& identities, const policies::Picture& picture,
                       const Lookup<policies::AuthorityObject>& authorities,
                       const std::string& taint_key);

}  // namespace plimsoll::controller::enforce
