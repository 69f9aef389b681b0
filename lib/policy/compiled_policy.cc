#include "policy/compiled_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace plimsoll::policy {

// Resolves one policy. The first thing that keeps it from being judged is kept.
class PolicyCompiler {
 public:
  PolicyCompiler(CompiledPolicy& policy, const PolicyInputs& inputs)
      : compiled_(policy), spec_(policy.policy_), inputs_(inputs) {}

  void Run() {
    compiled_.now_ = inputs_.now;
    Note(spec_.problem);
    CheckThatSomethingIsDemanded();
    CheckAuthorities();
    CompileFirstUse();
    for (const PcrRule& rule : spec_.pcrs) {
      CompilePcrRule(rule);
    }
    if (spec_.boot) {
      CompileBoot(*spec_.boot);
    }
    CompileRuntime();
  }

 private:
  void Note(std::string problem) {
    if (compiled_.problem_.empty()) {
      compiled_.problem_ = std::move(problem);
    }
  }

  void CheckThatSomethingIsDemanded() {
    const bool boot_demands =
        spec_.boot &&
        (spec_.boot->require_event_log || spec_.boot->require_secure_boot ||
         !spec_.boot->database_refs.empty() || !spec_.boot->component_refs.empty() ||
         spec_.boot->command_line.demands_something() || !spec_.boot->uki_phases.empty());
    if (spec_.pcrs.empty() && !boot_demands && spec_.runtime.mode != RuntimeMode::kRequired) {
      Note("spec demands no measurement");
    }
  }

  void CheckAuthorities() {
    const IdentityRule& identity = spec_.identity;
    if (identity.admission != Admission::kEndorsementCertificate) {
      return;  // a person decides, authorities are not looked at
    }
    if (identity.authority_refs.empty()) {
      Note("spec.identity.endorsementAuthorityRefs: empty, so no certificate could count");
    }
    for (const std::string& name : identity.authority_refs) {
      const auto found = inputs_.authorities.find(name);
      if (found == inputs_.authorities.end() || found->second == nullptr) {
        Note("EndorsementAuthority " + name + " does not exist");
      } else if (!found->second->problem.empty()) {
        Note("EndorsementAuthority " + name + ": " + found->second->problem);
      }
    }
  }

  // Null, with a problem noted, when there is no such set or it cannot be read.
  ReferenceSet Resolve(const std::string& name) {
    const auto found = inputs_.references.find(name);
    if (found == inputs_.references.end() || found->second == nullptr) {
      Note("ReferenceValues " + name + " does not exist");
      return nullptr;
    }
    if (!found->second->problem.empty()) {
      Note("ReferenceValues " + name + ": " + found->second->problem);
      return nullptr;
    }
    return found->second;
  }

  // The sets named, each of which must have what it is named for.
  std::vector<ReferenceSet> ResolveAll(const std::vector<std::string>& names, std::string_view what,
                                       bool (*has)(const ReferenceValues&)) {
    std::vector<ReferenceSet> sets;
    for (const std::string& name : names) {
      if (ReferenceSet set = Resolve(name)) {
        if (!has(*set)) {
          Note(fmt::format("ReferenceValues {} has no {}", name, what));
        }
        sets.push_back(std::move(set));
      }
    }
    return sets;
  }

  void CompilePcrRule(const PcrRule& rule) {
    constexpr uint32_t kImaPcr = 10;
    constexpr uint32_t kFirstPcrOfTheOperatingSystem = 16;
    if (rule.match == PcrMatch::kEventLogOnly &&
        (rule.index == kImaPcr || rule.index >= kFirstPcrOfTheOperatingSystem)) {
      Note(
          fmt::format("spec.pcrs: PCR {} is not explained by the boot event log, so EventLogOnly "
                      "cannot be judged",
                      rule.index));
    }
    CompiledPcrRule compiled{rule, {}};
    for (const Bytes& digest : rule.any_of) {
      compiled.values.push_back({digest, nullptr});
    }
    for (const std::string& name : rule.reference_refs) {
      const ReferenceSet set = Resolve(name);
      if (!set) {
        continue;
      }
      const auto pcr =
          std::find_if(set->pcrs.begin(), set->pcrs.end(), [&rule](const ReferencePcr& listed) {
            return listed.bank == rule.bank && listed.index == rule.index;
          });
      if (pcr == set->pcrs.end()) {
        Note(fmt::format("ReferenceValues {} has no value of {} PCR {}", name,
                         tcg::BankName(rule.bank), rule.index));
        continue;
      }
      for (const Bytes& digest : pcr->digests) {
        compiled.values.push_back({digest, set});
      }
    }
    compiled_.pcr_rules_.push_back(std::move(compiled));
  }

  void CompileFirstUse() {
    if (spec_.identity.admission != Admission::kFirstUse) {
      return;
    }
    std::vector<CompiledPcrRule>& rules = compiled_.first_use_rules_;
    for (const ReferenceSet& set :
         ResolveAll(spec_.identity.first_use.reference_refs, "pcrs",
                    [](const ReferenceValues& values) { return !values.pcrs.empty(); })) {
      for (const ReferencePcr& pcr : set->pcrs) {
        auto rule = std::find_if(rules.begin(), rules.end(), [&pcr](const CompiledPcrRule& r) {
          return r.rule.bank == pcr.bank && r.rule.index == pcr.index;
        });
        if (rule == rules.end()) {
          PcrRule wanted;
          wanted.bank = pcr.bank;
          wanted.index = pcr.index;
          rule = rules.insert(rules.end(), {std::move(wanted), {}});
        }
        for (const Bytes& digest : pcr.digests) {
          rule->values.push_back({digest, set});
        }
      }
    }
  }

  void CompileBoot(const BootRule& boot) {
    compiled_.database_sets_ =
        ResolveAll(boot.database_refs, "secureBootDatabases",
                   [](const ReferenceValues& set) { return !set.databases.empty(); });
    compiled_.component_sets_ =
        ResolveAll(boot.component_refs, "components",
                   [](const ReferenceValues& set) { return !set.components.empty(); });
    compiled_.command_line_sets_ =
        ResolveAll(boot.command_line.reference_refs, "commandLines",
                   [](const ReferenceValues& set) { return !set.command_lines.empty(); });
  }

  // Only sets that count accept files and give keys; what a revoked list names is rejected.
  void CompileRuntime() {
    const RuntimeRule& rule = spec_.runtime;
    if (rule.mode == RuntimeMode::kIgnored) {
      return;
    }
    ima::Rules rules;
    rules.violations =
        rule.count_violations ? ima::ViolationRule::kCount : ima::ViolationRule::kReject;
    AddAllowLists(rule, rules);
    AddKeys(rule, rules);
    auto exclude = ima::ExcludePatterns::Compile(rule.exclude);
    if (exclude) {
      rules.exclude = *std::move(exclude);
    } else {
      Note("spec.runtime.ima.exclude: " + exclude.error().message);
    }
    if (rule.mode == RuntimeMode::kRequired && rule.allow_list_refs.empty() &&
        rule.key_refs.empty()) {
      Note("spec.runtime.ima: neither an allow-list nor a key, so nothing could be accepted");
    }
    compiled_.ima_rules_ = std::make_shared<const ima::Rules>(std::move(rules));
  }

  void AddAllowLists(const RuntimeRule& rule, ima::Rules& rules) {
    for (const std::string& name : rule.allow_list_refs) {
      const ReferenceSet set = Resolve(name);
      if (!set) {
        continue;
      }
      const auto list = inputs_.allow_lists.find(name);
      if (list == inputs_.allow_lists.end() || list->second == nullptr) {
        const auto problem = inputs_.allow_list_problems.find(name);
        if (set->allow_list_config_maps.empty() && set->allow_list_file.empty()) {
          Note(fmt::format("ReferenceValues {} names no allow-list in spec.files", name));
        } else if (problem != inputs_.allow_list_problems.end()) {
          Note(fmt::format("the allow-list of ReferenceValues {}: {}", name, problem->second));
        } else {
          Note(fmt::format("the allow-list of ReferenceValues {} is not here", name));
        }
      } else if (set->state == ReferenceState::kRevoked) {
        rules.revoked.push_back(list->second);
      } else if (compiled_.Accepts(*set)) {
        rules.allow_lists.push_back(list->second);
      }
    }
  }

  void AddKeys(const RuntimeRule& rule, ima::Rules& rules) {
    for (const ReferenceSet& set :
         ResolveAll(rule.key_refs, "keys",
                    [](const ReferenceValues& values) { return !values.keys.empty(); })) {
      for (const ReferenceKey& key : set->keys) {
        auto parsed = crypto::DigestVerificationKey::FromPem(key.pem);
        if (!parsed) {
          Note(fmt::format("ReferenceValues {}: key {}: {}", set->meta.name, key.name,
                           parsed.error().message));
        } else if (compiled_.Accepts(*set)) {
          rules.keys.push_back({set->meta.name + "/" + key.name, *std::move(parsed)});
        }
      }
    }
  }

  CompiledPolicy& compiled_;
  const AttestationPolicy& spec_;
  const PolicyInputs& inputs_;
};

CompiledPolicy CompiledPolicy::Compile(AttestationPolicy policy, const PolicyInputs& inputs) {
  CompiledPolicy compiled;
  compiled.policy_ = std::move(policy);
  PolicyCompiler(compiled, inputs).Run();
  return compiled;
}

}  // namespace plimsoll::policy
