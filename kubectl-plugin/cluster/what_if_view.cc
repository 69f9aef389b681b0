#include "kubectl-plugin/cluster/what_if_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "api/stored_facts.h"

namespace plimsoll::plugin {
namespace {

using appraisal::PolicyOutcome;
using appraisal::PolicyResult;
using nlohmann::ordered_json;

using Compiled = std::vector<std::shared_ptr<const policy::CompiledPolicy>>;

// An authority whose texts lie in other objects is not read here: its word on certificates is in
// the admissions, and what is asked of it is only whether it is ready.
std::shared_ptr<const policy::EndorsementAuthority> AsReported(const AuthorityRecord& record) {
  auto authority = std::make_shared<policy::EndorsementAuthority>(record.authority);
  const api::Condition* ready = api::Find(record.conditions, "Ready");
  if (ready != nullptr && ready->status == api::ConditionStatus::kTrue) {
    authority->problem.clear();
  }
  return authority;
}

policy::PolicyInputs PresentInputs(const Fleet& fleet, WallTime now) {
  policy::PolicyInputs inputs;
  inputs.now = std::chrono::floor<std::chrono::seconds>(now);
  const auto empty = std::make_shared<const ima::AllowList>(*ima::AllowList::Parse(""));
  for (const ReferenceRecord& set : fleet.references) {
    inputs.references[set.meta.name] = std::make_shared<const policy::ReferenceValues>(set.values);
    if (!set.values.allow_list_file.empty() || !set.values.allow_list_config_maps.empty()) {
      inputs.allow_lists[set.meta.name] = empty;
    }
  }
  for (const AuthorityRecord& authority : fleet.authorities) {
    inputs.authorities[authority.meta.name] = AsReported(authority);
  }
  return inputs;
}

policy::ObjectMeta MetaOf(const kube::ObjectMeta& meta) {
  return {.name = meta.name,
          .uid = meta.uid,
          .generation = meta.generation,
          .resource_version = meta.resource_version};
}

Compiled CompileAll(const std::vector<policy::AttestationPolicy>& policies,
                    const policy::PolicyInputs& inputs) {
  Compiled compiled;
  for (const policy::AttestationPolicy& policy : policies) {
    compiled.push_back(std::make_shared<const policy::CompiledPolicy>(
        policy::CompiledPolicy::Compile(policy, inputs)));
  }
  return compiled;
}

// The last result that was recorded of a policy that stays as it is.
std::optional<PolicyResult> LastResult(const api::NodeAttestationStatus& status,
                                       const policy::ObjectMeta& meta) {
  for (const api::PolicyResult& recorded : status.policies) {
    const auto reason = appraisal::ParseReason(recorded.reason);
    if (meta.uid.empty() || recorded.uid != meta.uid || !reason || recorded.result == "Unknown") {
      continue;
    }
    PolicyResult last;
    last.name = recorded.name;
    last.uid = recorded.uid;
    last.generation = recorded.observed_generation;
    last.outcome = recorded.result == "Pass" ? PolicyOutcome::kPass : PolicyOutcome::kFail;
    last.reason = *reason;
    last.stands = true;
    for (const api::Violation& violation : recorded.violations) {
      last.findings.push_back({.check = "policy",
                               .reason = appraisal::ParseReason(violation.reason),
                               .message = violation.message});
    }
    return last;
  }
  return std::nullopt;
}

struct Tally {
  int64_t matched = 0;
  int64_t passing = 0;
  int64_t failing = 0;
  int64_t unknown = 0;
  bool judged_differently = false;
  ordered_json nodes = ordered_json::array();
};

std::string FirstMessage(const PolicyResult& result) {
  for (const appraisal::Finding& finding : result.findings) {
    if (finding.reason) {
      return finding.message;
    }
  }
  return {};
}

class WhatIf {
 public:
  WhatIf(const Fleet& fleet, PolicyObjects proposed, WallTime now)
      : fleet_(fleet), proposed_(std::move(proposed)) {
    policy::PolicyInputs inputs = PresentInputs(fleet, now);
    std::vector<policy::AttestationPolicy> policies;
    for (const PolicyRecord& record : fleet.policies) {
      policies.push_back(record.policy);
      policies.back().meta = MetaOf(record.meta);
    }
    before_ = CompileAll(policies, inputs);
    for (const auto& [name, set] : proposed_.inputs.references) {
      inputs.references[name] = set;
      inputs.allow_lists.erase(name);
    }
    inputs.allow_lists.insert(proposed_.inputs.allow_lists.begin(),
                              proposed_.inputs.allow_lists.end());
    for (const auto& [name, authority] : proposed_.inputs.authorities) {
      inputs.authorities[name] = authority;
    }
    for (policy::AttestationPolicy& policy : proposed_.policies) {
      in_files_.insert(policy.meta.name);
      const auto present = std::find_if(policies.begin(), policies.end(), [&](const auto& other) {
        return other.meta.name == policy.meta.name;
      });
      if (present == policies.end()) {
        new_.insert(policy.meta.name);
        policies.push_back(policy);
        continue;
      }
      // Baselines and first uses are remembered by the policy's uid.
      policy.meta.uid = present->meta.uid;
      *present = policy;
    }
    after_ = CompileAll(policies, inputs);
  }

  ordered_json View() {
    for (const api::NodeAttestation& attestation : fleet_.attestations) {
      Judge(attestation);
    }
    return {{"policies", Policies()},
            {"changes", changes_},
            {"withoutFacts", without_facts_},
            {"notes", Notes()}};
  }

 private:
  appraisal::Judgement JudgeBy(const Compiled& policies, const appraisal::Facts& facts,
                               const api::NodeAttestation& attestation,
                               const policy::Labels& labels, bool proposed) const {
    const api::TpmIdentity* identity = fleet_.Identity(attestation.status.tpm_identity);
    std::vector<appraisal::AppliedPolicy> applied;
    for (const auto& policy : policies) {
      if (!policy->Selects(labels)) {
        continue;
      }
      appraisal::AppliedPolicy entry{.policy = policy, .last = std::nullopt};
      const bool same = !proposed || in_files_.count(policy->meta().name) == 0;
      if (same || policy->mode() == policy::Mode::kSuspended) {
        entry.last = LastResult(attestation.status, policy->meta());
        entry.may_hold_over = same;
      }
      applied.push_back(std::move(entry));
    }
    return appraisal::JudgePolicies(
        facts, identity == nullptr ? appraisal::IdentityFacts{} : api::IdentityFactsOf(*identity),
        applied);
  }

  void Judge(const api::NodeAttestation& attestation) {
    const std::string& name = attestation.meta.name;
    const auto facts = api::StoredFacts(attestation.status);
    const api::Node* node = fleet_.Node(name);
    if (node == nullptr) {
      return;  // gone, and its NodeAttestation goes with it
    }
    if (!facts || facts->pcrs.empty()) {
      without_facts_.push_back(name);
      return;
    }
    const policy::Labels labels(node->meta.labels.begin(), node->meta.labels.end());
    const auto before = JudgeBy(before_, *facts, attestation, labels, false);
    const auto after = JudgeBy(after_, *facts, attestation, labels, true);
    Count(name, before, after);
    if (before.verdict != after.verdict || before.reason != after.reason) {
      changes_.push_back({{"node", name},
                          {"from", appraisal::ToString(before.verdict)},
                          {"to", appraisal::ToString(after.verdict)},
                          {"reason", appraisal::ToString(after.reason)},
                          {"message", after.message}});
    }
  }

  void Count(const std::string& node, const appraisal::Judgement& before,
             const appraisal::Judgement& after) {
    for (const PolicyResult& result : after.policies) {
      Tally& tally = tallies_[result.name];
      ++tally.matched;
      const bool passes = result.outcome == PolicyOutcome::kPass && !result.identity;
      const bool fails = result.outcome == PolicyOutcome::kFail;
      ++(passes ? tally.passing : fails ? tally.failing : tally.unknown);
      const auto old = std::find_if(before.policies.begin(), before.policies.end(),
                                    [&](const auto& other) { return other.name == result.name; });
      tally.judged_differently = tally.judged_differently || old == before.policies.end() ||
                                 old->outcome != result.outcome || old->reason != result.reason;
      if (!passes) {
        const auto reason = result.identity && !fails ? *result.identity : result.reason;
        tally.nodes.push_back({{"name", node},
                               {"result", appraisal::ToString(result.outcome)},
                               {"reason", appraisal::ToString(reason)},
                               {"message", FirstMessage(result)}});
      }
    }
  }

  ordered_json Policies() {
    ordered_json rows = ordered_json::array();
    for (const auto& policy : after_) {
      const std::string& name = policy->meta().name;
      Tally& tally = tallies_[name];
      const bool in_files = in_files_.count(name) != 0;
      if (!in_files && !tally.judged_differently) {
        continue;
      }
      ordered_json row = {{"name", name},
                          {"change", new_.count(name) != 0 ? "new"
                                     : in_files            ? "changed"
                                                           : "same"},
                          {"mode", policy::ToString(policy->mode())}};
      if (!policy->ready()) {
        row["problem"] = policy->problem();
      }
      row["matched"] = tally.matched;
      row["passing"] = tally.passing;
      row["failing"] = tally.failing;
      row["unknown"] = tally.unknown;
      row["nodes"] = std::move(tally.nodes);
      rows.push_back(std::move(row));
    }
    return rows;
  }

  ordered_json Notes() const {
    ordered_json notes = ordered_json::array();
    for (const auto& policy : after_) {
      if (in_files_.count(policy->meta().name) != 0 &&
          policy->spec().runtime.mode != policy::RuntimeMode::kIgnored) {
        notes.push_back(fmt::format(
            "policy {}: rules about IMA cannot be judged from stored facts, which hold no list of "
            "files; they are Unknown here, and are judged when nodes send their next evidence",
            policy->meta().name));
      }
    }
    if (proposed_.policies.empty()) {
      notes.push_back(
          "the files have no AttestationPolicy: the present ones are judged again with "
          "what the files have");
    }
    return notes;
  }

  const Fleet& fleet_;
  PolicyObjects proposed_;
  Compiled before_;
  Compiled after_;
  std::set<std::string> in_files_;
  std::set<std::string> new_;
  std::map<std::string, Tally> tallies_;
  ordered_json changes_ = ordered_json::array();
  ordered_json without_facts_ = ordered_json::array();
};

}  // namespace

ordered_json WhatIfView(const Fleet& fleet, PolicyObjects proposed, WallTime now) {
  return WhatIf(fleet, std::move(proposed), now).View();
}

}  // namespace plimsoll::plugin
