#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "controller/objects.h"
#include "controller/policies/policy_objects.h"
#include "controller/policies/references.h"
#include "policy/compiled_policy.h"

// What the status of a ReferenceValues object says: how many values it has, who names it and which
// nodes have something of it.
namespace plimsoll::controller::policies {

struct ReferenceUse {
  int64_t matched_nodes = 0;
  std::optional<WallTime> last_matched;  // the latest evidence of those nodes
  std::vector<std::string> policies;     // that name the set, by name
};

// By the name of the set; a set that nobody names and no node matches is not in it. One look at all
// statuses, so that it costs the same for one set as for all.
std::map<std::string, ReferenceUse> CountReferenceUse(
    const std::vector<std::shared_ptr<const policy::CompiledPolicy>>& policies,
    const std::vector<std::shared_ptr<const Node>>& nodes,
    const Lookup<NodeAttestation>& attestations);

// Everything that the set lists: digests, signers, command lines, database entries, files, keys.
int64_t CountValues(const ResolvedReference& reference);

// status without conditions. `stored` is the last one, as ReferenceObject::status_text has it: its
// lastMatchedTime is kept while it is less than kMatchedTimeStep old, so that an idle fleet causes
// no writes.
inline constexpr std::chrono::minutes kMatchedTimeStep{30};
nlohmann::json ReferenceStatus(const ReferenceObject& object, const ResolvedReference& reference,
                               const ReferenceUse& use);

// Ready: whether policies can use it. InUse: whether a policy names it.
std::vector<Condition> ReferenceConditions(const ResolvedReference& reference,
                                           const ReferenceUse& use, std::chrono::sys_seconds now);

}  // namespace plimsoll::controller::policies
