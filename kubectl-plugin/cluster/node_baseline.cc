#include <fmt/format.h>

#include <iostream>

#include "kubectl-plugin/cluster/cluster_commands.h"
#include "kubectl-plugin/cluster/node_facts.h"
#include "kubectl-plugin/learnt_objects.h"
#include "kubectl-plugin/policy_files.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

// Whether the machine would be Trusted under what was learnt from it, once a person approved it.
bool PassesItsOwn(const appraisal::Facts& facts, const std::string& yaml,
                  const Surroundings& surroundings) {
  const auto set = ReadPolicyText(yaml, "baseline", surroundings);
  if (!set) {
    return false;
  }
  std::vector<appraisal::AppliedPolicy> applied;
  for (const auto& policy : set->policies) {
    applied.push_back({.policy = policy, .last = std::nullopt});
  }
  appraisal::IdentityFacts identity;
  identity.decision = appraisal::Decision::kApproved;
  identity.admissions = {{appraisal::AdmissionRecord::By::kHuman, "1"}};
  identity.key_profile = crypto::KeyProfile::kP256;
  return appraisal::JudgePolicies(facts, identity, applied).verdict == appraisal::Verdict::kTrusted;
}

}  // namespace

int NodeBaseline(const NodeBaselineOptions& options, const Surroundings& surroundings) {
  auto connection = Connection::Open(options.connection, surroundings);
  if (!connection) {
    return Failed(connection.error(), surroundings);
  }
  const auto node = ReadNodeFacts(*connection, options.node);
  if (!node) {
    return Failed(node.error(), surroundings);
  }
  if (node->attestation.status.summary == "Untrusted") {
    Printer(surroundings.err)
        .Line(fmt::format("kubectl plimsoll: warning: node {} is Untrusted; what is learnt from it "
                          "accepts what it booted",
                          options.node));
  }
  const std::string name = options.name.empty() ? "baseline-" + options.node : options.name;
  return PrintBaseline(
      Learner(name, {&node->facts}), options.kinds, options.format,
      [&](const std::string& yaml) { return PassesItsOwn(node->facts, yaml, surroundings); },
      surroundings);
}

}  // namespace plimsoll::plugin
