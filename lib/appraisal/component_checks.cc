#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "appraisal/boot_checks.h"
#include "base/encoding.h"

namespace plimsoll::appraisal {
namespace {

using eventlog::Role;
using policy::ReferenceComponent;
using policy::ReferenceSet;
using policy::ReferenceState;

constexpr size_t kMaxComponentFindings = 32;  // that are kept for one policy

// Where something was measured, which is all that is proven about what it is; the kinds of entries
// of reference sets that count there; and the roles of the policy that make it judged.
struct Place {
  uint32_t pcr;
  std::vector<Role> entries;
  std::vector<Role> judged_for;
};

// In PCR 4 nothing but a name tells a boot loader from a kernel; in PCR 9 nothing but a name tells
// a kernel, an initrd and a configuration file apart, and those names are not covered. So one role
// stands for all of its place: a lie about a name must not help a file past the rule.
const std::array<Place, 5>& Places() {
  static const std::array<Place, 5> kPlaces = {{
      {0, {Role::kFirmware}, {Role::kFirmware}},
      {2, {Role::kOptionRom, Role::kDriver}, {Role::kOptionRom, Role::kDriver}},
      {4,
       {Role::kBootLoader, Role::kKernel, Role::kUki, Role::kDriver},
       {Role::kBootLoader, Role::kKernel, Role::kUki, Role::kDriver}},
      {9,
       {Role::kKernel, Role::kInitRd, Role::kBootLoader, Role::kOther},
       {Role::kKernel, Role::kInitRd, Role::kOther}},
      {11, {Role::kUki, Role::kKernel, Role::kInitRd}, {Role::kUki}},
  }};
  return kPlaces;
}

bool Contains(const std::vector<Role>& roles, Role role) {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

const Place* PlaceOf(const eventlog::Component& component) {
  for (const Place& place : Places()) {
    if (place.pcr == component.pcr) {
      return &place;
    }
  }
  return nullptr;
}

// Whether the policy's roles make this place one that is judged.
bool IsJudged(const Place& place, const std::vector<Role>& roles) {
  return std::any_of(place.judged_for.begin(), place.judged_for.end(),
                     [&roles](Role role) { return Contains(roles, role); });
}

bool Matches(const ReferenceComponent& entry, const eventlog::Component& component,
             tcg::AlgorithmId bank) {
  return std::any_of(entry.digests.begin(), entry.digests.end(),
                     [&](const policy::ReferenceDigest& digest) {
                       return digest.algorithm == bank && digest.value == component.digest;
                     });
}

// SbatLevel and MokListTrusted are shim's own state, which lets no image pass.
bool LetsNoImagePass(const eventlog::Authority& authority) {
  static const eventlog::Guid kShim =
      eventlog::GuidFromText("605dab50-e046-4300-abb6-3dd810dd8b23");
  return authority.covered && authority.variable_guid == kShim &&
         (authority.variable == "SbatLevel" || authority.variable == "MokListTrusted");
}

// Who signed what was loaded: the log does not say which authority let which image pass, so all of
// them count for each.
struct Signers {
  std::set<Bytes> certificates;  // that are proven
  bool all_known = true;         // no authority is hidden or cannot be read
  bool enforced = false;         // Secure Boot is proven: no image ran without one of them
};

// Precondition: the reader may read PCR 7.
Signers ReadSigners(const eventlog::BootFacts& facts) {
  constexpr uint32_t kSecureBootPcr = 7;
  Signers signers;
  // An authority may be hidden as an event of another type, which then is not what it should be.
  signers.all_known = !facts.authorities.truncated &&
                      facts.FirstProblem(kSecureBootPcr, eventlog::Severity::kDenies) == nullptr;
  for (const eventlog::Authority& authority : facts.authorities.items) {
    if (LetsNoImagePass(authority)) {
      continue;
    }
    if (authority.entry && authority.entry->kind == eventlog::SignatureKind::kCertificate) {
      signers.certificates.insert(authority.entry->value);
    } else {
      signers.all_known = false;
    }
  }
  signers.enforced = facts.secure_boot.state == eventlog::SecureBootState::kEnabled;
  return signers;
}

// What the reference sets say about one component.
struct Opinion {
  bool accepted = false;
  const policy::ReferenceValues* revoked = nullptr;
  const policy::ReferenceValues* maybe_revoked = nullptr;  // has a signer that may be hidden
  const policy::ReferenceValues* deprecated = nullptr;
  std::vector<const policy::ReferenceValues*> matched;
  const policy::ReferenceValues* closest = nullptr;  // has an entry of the same kind
  const ReferenceComponent* closest_entry = nullptr;
};

class ComponentRule {
 public:
  ComponentRule(const BootReader& reader, std::optional<Signers> signers)
      : policy_(reader.policy()), bank_(reader.bank()), signers_(std::move(signers)) {}

  // By digest, or by signers when all of them are accepted ones.
  Opinion Ask(const eventlog::Component& component, const Place& place) const {
    Opinion opinion;
    std::set<Bytes> accepted_signers;
    for (const ReferenceSet& set : policy_.component_sets()) {
      for (const ReferenceComponent& entry : set->components) {
        if (!Contains(place.entries, entry.role)) {
          continue;
        }
        if (set->state == ReferenceState::kRevoked) {
          Condemn(component, *set, entry, opinion);
        } else if (policy_.Accepts(*set)) {
          NoteClosest(component, *set, entry, opinion);
          accepted_signers.insert(entry.signers.begin(), entry.signers.end());
          if (Matches(entry, component, bank_)) {
            opinion.accepted = true;
            opinion.matched.push_back(set.get());
            opinion.deprecated =
                set->state == ReferenceState::kDeprecated ? set.get() : opinion.deprecated;
          }
        }
      }
    }
    if (IsImage(component) && signers_ && signers_->enforced && signers_->all_known &&
        !signers_->certificates.empty()) {
      opinion.accepted =
          opinion.accepted ||
          std::includes(accepted_signers.begin(), accepted_signers.end(),
                        signers_->certificates.begin(), signers_->certificates.end());
    }
    return opinion;
  }

 private:
  // Whether firmware or shim had to find a good signature before it ran.
  static bool IsImage(const eventlog::Component& component) {
    return component.pcr == 2 || component.pcr == 4;
  }

  void Condemn(const eventlog::Component& component, const policy::ReferenceValues& set,
               const ReferenceComponent& entry, Opinion& opinion) const {
    if (Matches(entry, component, bank_)) {
      opinion.revoked = &set;
    }
    if (!signers_ || !IsImage(component) || entry.signers.empty()) {
      return;
    }
    if (std::any_of(entry.signers.begin(), entry.signers.end(),
                    [this](const Bytes& s) { return signers_->certificates.contains(s); })) {
      opinion.revoked = &set;
    } else if (!signers_->all_known) {
      opinion.maybe_revoked = &set;
    }
  }

  // An entry whose name has a word of the component's file name beats one of the same role.
  static void NoteClosest(const eventlog::Component& component, const policy::ReferenceValues& set,
                          const ReferenceComponent& entry, Opinion& opinion) {
    const size_t slash = component.name.find_last_of("\\/");
    const std::string_view file = slash == std::string::npos
                                      ? std::string_view(component.name)
                                      : std::string_view(component.name).substr(slash + 1);
    const bool named = !file.empty() && entry.name.find(file) != std::string::npos;
    if (opinion.closest == nullptr || named) {
      opinion.closest = &set;
      opinion.closest_entry = &entry;
    }
  }

  const policy::CompiledPolicy& policy_;
  tcg::AlgorithmId bank_;
  std::optional<Signers> signers_;  // none: no set lists a signer
};

Finding FindingFor(const eventlog::Component& component, tcg::AlgorithmId bank) {
  Finding finding{.check = "B3", .reason = std::nullopt};
  finding.pcr = PcrReference{bank, component.pcr};
  finding.event = EventReference{component.event, eventlog::EventTypeName(component.type)};
  finding.observed = ToHex(component.digest);
  return finding;
}

bool ListsSigners(const policy::CompiledPolicy& policy) {
  const auto has_signer = [](const ReferenceComponent& entry) { return !entry.signers.empty(); };
  return std::any_of(
      policy.component_sets().begin(), policy.component_sets().end(), [&](const ReferenceSet& set) {
        return std::any_of(set->components.begin(), set->components.end(), has_signer);
      });
}

// The digest in this bank that the nearest entry has, if any.
std::string ExpectedOf(const ReferenceComponent* entry, tcg::AlgorithmId bank) {
  if (entry == nullptr) {
    return {};
  }
  for (const policy::ReferenceDigest& digest : entry->digests) {
    if (digest.algorithm == bank) {
      return ToHex(digest.value);
    }
  }
  return entry->signers.empty() ? std::string() : "signed by " + ToHex(entry->signers.front());
}

void Judge(const eventlog::Component& component, const Opinion& opinion, BootReader& reader,
           Findings& rejected) {
  Finding finding = FindingFor(component, reader.bank());
  if (opinion.revoked != nullptr) {
    finding.reason = Reason::kReferenceRevoked;
    finding.closest = opinion.revoked->meta.name;
    finding.message =
        fmt::format("{} is revoked by {}", Describe(component), opinion.revoked->meta.name);
    rejected.push_back(std::move(finding));
    return;
  }
  if (opinion.maybe_revoked != nullptr) {
    finding.reason = Reason::kBootComponentNotAccepted;
    finding.message = fmt::format(
        "{} may be signed by a signer that {} revokes: not all authorities of PCR 7 can be read",
        Describe(component), opinion.maybe_revoked->meta.name);
    rejected.push_back(std::move(finding));
    return;
  }
  if (opinion.accepted) {
    for (const policy::ReferenceValues* set : opinion.matched) {
      reader.Match(*set);
    }
    if (opinion.deprecated != nullptr) {
      finding.closest = opinion.deprecated->meta.name;
      finding.message = fmt::format("{} is in {}, which is deprecated", Describe(component),
                                    opinion.deprecated->meta.name);
      reader.Add("B3", std::nullopt, {}) = std::move(finding);
    }
    return;
  }
  finding.reason = Reason::kBootComponentNotAccepted;
  finding.expected = ExpectedOf(opinion.closest_entry, reader.bank());
  finding.closest = opinion.closest == nullptr ? std::string() : opinion.closest->meta.name;
  finding.message = fmt::format("{} is in no accepted reference set{}{}", Describe(component),
                                finding.closest.empty() ? "" : "; closest: ", finding.closest);
  rejected.push_back(std::move(finding));
}

}  // namespace

std::string Describe(const eventlog::Component& component) {
  std::string_view kind = "component";
  switch (component.role) {
    case Role::kFirmware:
      kind = "firmware";
      break;
    case Role::kOptionRom:
      kind = "option ROM";
      break;
    case Role::kBootLoader:
      kind = "boot loader";
      break;
    case Role::kKernel:
      kind = "kernel";
      break;
    case Role::kInitRd:
      kind = "initrd";
      break;
    case Role::kUki:
      kind = "UKI section";
      break;
    case Role::kDriver:
      kind = "driver";
      break;
    case Role::kOther:
      kind = component.pcr == 9 ? "file" : "component";
      break;
  }
  return fmt::format("{} {}", kind, component.name.empty() ? "without a name" : component.name);
}

void B03_ComponentsAreAccepted(BootReader& reader) {
  const policy::BootRule& boot = *reader.policy().spec().boot;
  if (boot.component_refs.empty() || !reader.HasLog("B3")) {
    return;
  }
  bool readable = true;
  for (const Place& place : Places()) {
    // Of PCR 11 only when something was measured there: it belongs to systemd-stub alone.
    const bool used = place.pcr != 11 || reader.WasQuoted(place.pcr);
    if (IsJudged(place, boot.component_roles) && used) {
      readable = reader.MayRead(place.pcr) && readable;
    }
  }
  const bool by_signer = ListsSigners(reader.policy());
  constexpr uint32_t kSecureBootPcr = 7;
  if (by_signer) {
    readable = reader.MayRead(kSecureBootPcr) && readable;
  }
  if (!readable) {
    return;
  }
  if (reader.log().components.truncated) {
    reader.Add("B3", Reason::kBootComponentNotAccepted,
               "the boot event log has more components than are kept, so not all can be judged");
    return;
  }
  const ComponentRule rule(reader,
                           by_signer ? std::optional(ReadSigners(reader.log())) : std::nullopt);
  Findings rejected;
  for (const eventlog::Component& component : reader.log().components.items) {
    const Place* place = PlaceOf(component);
    if (place != nullptr && IsJudged(*place, boot.component_roles)) {
      Judge(component, rule.Ask(component, *place), reader, rejected);
    }
  }
  const size_t count = rejected.size();
  if (count > kMaxComponentFindings) {
    rejected.resize(kMaxComponentFindings);
  }
  for (Finding& finding : rejected) {
    const auto reason = finding.reason;
    reader.Add(finding.check, reason, {}) = std::move(finding);
  }
  if (count > kMaxComponentFindings) {
    reader.Add("B3", std::nullopt,
               fmt::format("{} more components are not accepted", count - kMaxComponentFindings));
  }
}

}  // namespace plimsoll::appraisal
