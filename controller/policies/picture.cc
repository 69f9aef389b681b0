#include "controller/policies/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "crypto/digest.h"

namespace plimsoll::controller::policies {
namespace {

using CompiledPtr = std::shared_ptr<const policy::CompiledPolicy>;

// One version of an object. Objects that never were on an API server have no uid; their generation
// tells versions apart.
std::string VersionOf(std::string_view kind, const policy::ObjectMeta& meta) {
  return fmt::format("{} {} {}\n", kind, meta.uid, meta.generation);
}

policy::Authorities NamedBy(const PolicyObject& object,
                            const Lookup<AuthorityObject>& authorities) {
  policy::Authorities named;
  for (const std::string& ref : object.policy.identity.authority_refs) {
    if (const auto found = authorities.Get(ref)) {
      named.emplace(ref, found->authority);
    }
  }
  return named;
}

bool Decides(policy::Mode mode) { return mode != policy::Mode::kAudit; }

}  // namespace

// By policy name: the versions that it was compiled from, and the outcome.
struct Picture::Cache {
  struct Entry {
    std::string versions;
    CompiledPtr compiled;
  };

  CompiledPtr Get(const PolicyObject& object, const policy::Authorities& authorities) {
    std::string versions = VersionOf("AttestationPolicy", object.policy.meta);
    for (const auto& [name, authority] : authorities) {
      versions += VersionOf("EndorsementAuthority", authority->meta);
    }
    {
      const std::lock_guard lock(mutex);
      const auto found = entries.find(object.meta.name);
      if (found != entries.end() && found->second.versions == versions) {
        return found->second.compiled;
      }
    }
    auto compiled = std::make_shared<const policy::CompiledPolicy>(
        policy::CompiledPolicy::Compile(object.policy, {.authorities = authorities}));
    const std::lock_guard lock(mutex);
    entries.insert_or_assign(object.meta.name, Entry{std::move(versions), compiled});
    return compiled;
  }

  void KeepOnly(const std::vector<std::shared_ptr<const PolicyObject>>& objects) {
    const std::lock_guard lock(mutex);
    if (entries.size() <= objects.size()) {
      return;
    }
    std::erase_if(entries, [&](const auto& entry) {
      return std::none_of(objects.begin(), objects.end(),
                          [&](const auto& object) { return object->meta.name == entry.first; });
    });
  }

  std::mutex mutex;
  std::map<std::string, Entry> entries;
};

Picture::Picture(const Lookup<PolicyObject>& policies, const Lookup<AuthorityObject>& authorities,
                 policy::Freshness default_freshness)
    : policies_(policies),
      authorities_(authorities),
      default_freshness_(default_freshness),
      cache_(std::make_unique<Cache>()) {}

Picture::~Picture() = default;

NodePolicies Picture::For(const Node& node) const {
  const policy::Labels labels(node.meta.labels.begin(), node.meta.labels.end());
  NodePolicies chosen;
  std::chrono::seconds audit_expire{0};
  const auto shorten = [](std::chrono::seconds& to, std::chrono::seconds by) {
    to = to.count() == 0 ? by : std::min(to, by);
  };
  for (const auto& object : policies_.List()) {
    if (!object->policy.node_selector.Matches(labels)) {
      continue;
    }
    policy::Authorities named = NamedBy(*object, authorities_);
    CompiledPtr compiled = cache_->Get(*object, named);
    const policy::AttestationPolicy& spec = compiled->spec();
    shorten(chosen.interval, spec.freshness.interval);
    if (Decides(spec.mode)) {
      chosen.enforced = true;
      chosen.taint_effect = std::max(chosen.taint_effect, spec.taint_effect);
      shorten(chosen.expire, spec.freshness.expire);
    } else {
      shorten(audit_expire, spec.freshness.expire);
    }
    chosen.authorities.merge(named);
    chosen.policies.push_back(std::move(compiled));
  }
  if (chosen.policies.empty()) {
    chosen.interval = default_freshness_.interval;
    chosen.expire = default_freshness_.expire;
  } else if (!chosen.enforced) {
    chosen.expire = audit_expire;
  }
  std::sort(chosen.policies.begin(), chosen.policies.end(),
            [](const auto& a, const auto& b) { return a->meta().name < b->meta().name; });
  return chosen;
}

std::vector<CompiledPtr> Picture::All() const {
  const auto objects = policies_.List();
  std::vector<CompiledPtr> all;
  all.reserve(objects.size());
  for (const auto& object : objects) {
    all.push_back(cache_->Get(*object, NamedBy(*object, authorities_)));
  }
  cache_->KeepOnly(objects);
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a->meta().name < b->meta().name; });
  return all;
}

std::string InputsHash(const NodePolicies& policies, const TpmIdentity* identity) {
  std::vector<std::string> lines;
  for (const auto& compiled : policies.policies) {
    lines.push_back(VersionOf("AttestationPolicy", compiled->meta()));
  }
  for (const auto& [name, authority] : policies.authorities) {
    lines.push_back(VersionOf("EndorsementAuthority", authority->meta));
  }
  if (identity != nullptr) {
    std::vector<std::string> admissions;
    for (const Admission& admission : identity->status.admissions) {
      admissions.push_back(fmt::format(
          " {}={}", admission.by == Admission::By::kHuman ? "Human" : "EndorsementCertificate",
          admission.ref));
    }
    std::sort(admissions.begin(), admissions.end());
    const auto& key = identity->status.attestation_key;
    lines.push_back(fmt::format("TPMIdentity {} {} {} {} {} {}{}\n", identity->meta.uid,
                                identity->meta.generation, identity->status.node_uid,
                                key ? key->name : "-", identity->status.endorsement.manufacturer,
                                ToString(identity->decision), fmt::join(admissions, "")));
  }
  std::sort(lines.begin(), lines.end());
  const std::string text = fmt::format("{}", fmt::join(lines, ""));
  return crypto::Sha256Hex(AsBytes(text));
}

}  // namespace plimsoll::controller::policies
