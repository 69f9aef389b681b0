#include "controller/policies/picture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "crypto/digest.h"

namespace plimsoll::controller::policies {
namespace {

using CompiledPtr = std::shared_ptr<const policy::CompiledPolicy>;

constexpr size_t kRulesDigits = 32;  // of a fingerprint that tells rules apart

policy::Authorities NamedBy(const policy::AttestationPolicy& policy, const References& references,
                            std::vector<std::string>& inputs) {
  policy::Authorities named;
  for (const std::string& name : policy.identity.authority_refs) {
    if (const auto found = references.Authority(name)) {
      named.emplace(name, found->authority);
      inputs.insert(inputs.end(), found->inputs.begin(), found->inputs.end());
    } else {
      inputs.push_back(fmt::format("EndorsementAuthority - {}\n", name));
    }
  }
  return named;
}

bool Decides(policy::Mode mode) { return mode != policy::Mode::kAudit; }

}  // namespace

// A policy as compiled, with all that it was compiled from.
struct Picture::Compiled {
  CompiledPtr policy;
  std::vector<std::string> inputs;
  std::optional<std::chrono::sys_seconds> changes;
};

struct Picture::Cache {
  std::shared_ptr<const Compiled> Find(const std::string& name,
                                       const std::vector<std::string>& inputs) {
    const std::lock_guard lock(mutex);
    const auto found = entries.find(name);
    return found != entries.end() && found->second->inputs == inputs ? found->second : nullptr;
  }

  void Keep(const std::string& name, std::shared_ptr<const Compiled> compiled) {
    const std::lock_guard lock(mutex);
    entries.insert_or_assign(name, std::move(compiled));
  }

  void KeepOnly(const std::vector<std::shared_ptr<const PolicyObject>>& objects) {
    const std::lock_guard lock(mutex);
    if (entries.size() <= objects.size()) {
      return;
    }
    std::erase_if(entries, [&](const auto& entry) {
      return std::none_of(objects.begin(), objects.end(), [&](const auto& object) {
        return object->meta.name == entry.first.substr(0, entry.first.find('/'));
      });
    });
  }

  std::mutex mutex;
  std::map<std::string, std::shared_ptr<const Compiled>> entries;  // by policy name
};

Picture::Picture(PictureSources sources, policy::Freshness default_freshness)
    : sources_(sources), default_freshness_(default_freshness), cache_(std::make_unique<Cache>()) {}

Picture::~Picture() = default;

std::shared_ptr<const policy::EndorsementAuthority> Picture::Authority(
    const std::string& name) const {
  const auto resolved = sources_.references.Authority(name);
  return resolved ? resolved->authority : nullptr;
}

std::shared_ptr<const ResolvedReference> Picture::Reference(const std::string& name) const {
  return sources_.references.Reference(
      name, std::chrono::floor<std::chrono::seconds>(sources_.clock.Wall()));
}

std::shared_ptr<const Picture::Compiled> Picture::Get(const PolicyObject& object) const {
  const auto now = std::chrono::floor<std::chrono::seconds>(sources_.clock.Wall());
  Compiled compiled;
  policy::PolicyInputs inputs;
  inputs.now = now;
  compiled.inputs = {InputLine("AttestationPolicy", object.policy.meta)};
  if (object.kept_generation != 0) {
    compiled.inputs.push_back(
        fmt::format("ControllerRevision {} {}\n", object.meta.uid, object.kept_generation));
  }
  inputs.authorities = NamedBy(object.policy, sources_.references, compiled.inputs);
  for (const std::string& name : SetsNamedBy(object.policy)) {
    const auto found = sources_.references.Reference(name, now);
    if (!found) {
      compiled.inputs.push_back(fmt::format("ReferenceValues - {}\n", name));
      continue;
    }
    compiled.inputs.insert(compiled.inputs.end(), found->inputs.begin(), found->inputs.end());
    inputs.references.emplace(name, found->set);
    if (found->files) {
      inputs.allow_lists.emplace(name, found->files);
    } else if (!found->files_problem.empty()) {
      inputs.allow_list_problems.emplace(name, found->files_problem);
    }
    if (found->changes && (!compiled.changes || *found->changes < *compiled.changes)) {
      compiled.changes = found->changes;
    }
  }
  // A slash is in no name: beside the present generation one that is kept for a rollout.
  const std::string key = object.meta.name + (object.kept_generation != 0 ? "/kept" : "");
  if (auto kept = cache_->Find(key, compiled.inputs)) {
    return kept;
  }
  compiled.policy = std::make_shared<const policy::CompiledPolicy>(
      policy::CompiledPolicy::Compile(object.policy, inputs));
  auto shared = std::make_shared<const Compiled>(std::move(compiled));
  cache_->Keep(key, shared);
  return shared;
}

NodePolicies Picture::For(const Node& node) const {
  const policy::Labels labels(node.meta.labels.begin(), node.meta.labels.end());
  NodePolicies chosen;
  std::chrono::seconds audit_expire{0};
  const auto shorten = [](std::chrono::seconds& to, std::chrono::seconds by) {
    to = to.count() == 0 ? by : std::min(to, by);
  };
  std::string runtime_rules;
  for (auto object : sources_.policies.List()) {
    if (auto kept = sources_.rollouts ? sources_.rollouts->InsteadOf(*object, node) : nullptr) {
      object = std::move(kept);
    }
    if (!object->policy.node_selector.Matches(labels)) {
      continue;
    }
    const auto compiled = Get(*object);
    const policy::AttestationPolicy& spec = compiled->policy->spec();
    shorten(chosen.interval, spec.freshness.interval);
    if (Decides(spec.mode)) {
      chosen.enforced = true;
      chosen.taint_effect = std::max(chosen.taint_effect, spec.taint_effect);
      shorten(chosen.expire, spec.freshness.expire);
    } else {
      shorten(audit_expire, spec.freshness.expire);
    }
    if (compiled->changes && (!chosen.changes || *compiled->changes < *chosen.changes)) {
      chosen.changes = compiled->changes;
    }
    if (spec.runtime.mode != policy::RuntimeMode::kIgnored) {
      runtime_rules += fmt::format("{}", fmt::join(compiled->inputs, ""));
    }
    chosen.inputs.insert(chosen.inputs.end(), compiled->inputs.begin(), compiled->inputs.end());
    chosen.policies.push_back(compiled->policy);
  }
  if (chosen.policies.empty()) {
    chosen.interval = default_freshness_.interval;
    chosen.expire = default_freshness_.expire;
  } else if (!chosen.enforced) {
    chosen.expire = audit_expire;
  }
  std::sort(chosen.policies.begin(), chosen.policies.end(),
            [](const auto& a, const auto& b) { return a->meta().name < b->meta().name; });
  std::sort(chosen.inputs.begin(), chosen.inputs.end());
  chosen.inputs.erase(std::unique(chosen.inputs.begin(), chosen.inputs.end()), chosen.inputs.end());
  if (!runtime_rules.empty()) {
    chosen.runtime_rules = crypto::Sha256Hex(AsBytes(runtime_rules)).substr(0, kRulesDigits);
  }
  return chosen;
}

std::vector<CompiledPtr> Picture::All() const {
  const auto objects = sources_.policies.List();
  std::vector<CompiledPtr> all;
  all.reserve(objects.size());
  for (const auto& object : objects) {
    all.push_back(Get(*object)->policy);
  }
  cache_->KeepOnly(objects);
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a->meta().name < b->meta().name; });
  return all;
}

std::string InputsHash(const NodePolicies& policies, const TpmIdentity* identity) {
  std::vector<std::string> lines = policies.inputs;
  if (identity != nullptr) {
    std::vector<std::string> grounds;
    for (const Admission& admission : identity->status.admissions) {
      grounds.push_back(fmt::format(" {}={}", ToString(admission.by), admission.ref));
    }
    for (const Baseline& baseline : identity->status.baselines) {
      for (const BaselinePcr& pcr : baseline.pcrs) {
        grounds.push_back(
            fmt::format(" {}/{}:{}={}", baseline.policy_uid, pcr.bank, pcr.index, pcr.digest));
      }
    }
    std::sort(grounds.begin(), grounds.end());
    const auto& key = identity->status.attestation_key;
    lines.push_back(fmt::format("TPMIdentity {} {} {} {} {} {}{}\n", identity->meta.uid,
                                identity->meta.generation, identity->status.node_uid,
                                key ? key->name : "-", identity->status.endorsement.manufacturer,
                                ToString(identity->decision), fmt::join(grounds, "")));
  }
  std::sort(lines.begin(), lines.end());
  const std::string text = fmt::format("{}", fmt::join(lines, ""));
  return crypto::Sha256Hex(AsBytes(text));
}

}  // namespace plimsoll::controller::policies
