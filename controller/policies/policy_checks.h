#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/objects.h"
#include "policy/compiled_policy.h"
#include "policy/label_selector.h"

// What can be wrong with a policy that compiles: remarks for people, which change no verdict.
namespace plimsoll::controller::policies {

// Whether a kubelet cannot write a label of that key on its own Node: below
// node-restriction.kubernetes.io or one of its subdomains, or node-role.kubernetes.io.
bool IsProtectedLabel(std::string_view key);

// The first key of the selector that a kubelet may write, by which a hostile node could leave the
// policy; nullopt where there is none.
std::optional<std::string> WritableSelectorKey(const policy::LabelSelector& selector);

// Why no node can meet both policies: a PCR for which they accept no common value. Nullopt when
// nothing of the kind is found.
std::optional<std::string> Contradiction(const policy::CompiledPolicy& a,
                                         const policy::CompiledPolicy& b);

// A contradiction of `policy` with another deciding policy (neither in mode Audit) that selects a
// node which `policy` selects too.
std::optional<std::string> ContradictionOnSomeNode(
    const policy::CompiledPolicy& policy,
    const std::vector<std::shared_ptr<const policy::CompiledPolicy>>& all,
    const std::vector<std::shared_ptr<const Node>>& nodes);

}  // namespace plimsoll::controller::policies
