#include "policy/attestation_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/json.h"
#include "policy/selector_reader.h"
#include "policy/spec_limits.h"
#include "policy/spec_reader.h"

namespace plimsoll::policy {
namespace {

using nlohmann::json;

FirstUseRule ReadFirstUse(SpecReader reader) {
  FirstUseRule rule;
  rule.not_after = reader.Time("notAfter");
  reader.Number("quorum", 1, kMaxQuorum, rule.quorum);
  rule.reference_refs = reader.Texts("referenceValueRefs", kMaxReferenceRefs, kMaxObjectNameBytes);
  reader.RefuseOthers();
  return rule;
}

IdentityRule ReadIdentity(SpecReader identity) {
  IdentityRule rule;
  identity.Choice<Admission>("admission",
                             {{"Approved", Admission::kApproved},
                              {"EndorsementCertificate", Admission::kEndorsementCertificate},
                              {"FirstUse", Admission::kFirstUse}},
                             rule.admission);
  rule.authority_refs =
      identity.Texts("endorsementAuthorityRefs", kMaxAuthorityRefs, kMaxObjectNameBytes);
  rule.first_use = ReadFirstUse(identity.Object("firstUse"));
  if (identity.Get("keyProfiles") != nullptr) {
    rule.key_profiles.clear();
    for (const std::string& word :
         identity.Texts("keyProfiles", kMaxKeyProfiles, kMaxVendorIdBytes)) {
      if (const auto profile = crypto::KeyProfileFromName(word)) {
        rule.key_profiles.push_back(*profile);
      } else {
        identity.Refuse("keyProfiles", "a key profile that this version does not know");
      }
    }
    if (rule.key_profiles.empty()) {
      identity.Refuse("keyProfiles", "empty");
    }
  }
  identity.RefuseOthers();
  return rule;
}

Freshness ReadFreshness(SpecReader reader) {
  Freshness freshness;
  int64_t interval = freshness.interval.count();
  int64_t expire = freshness.expire.count();
  reader.Number("intervalSeconds", kMinSeconds, kMaxSeconds, interval);
  reader.Number("expireSeconds", kMinSeconds, kMaxSeconds, expire);
  if (expire < 2 * interval) {
    reader.Refuse("expireSeconds", "less than twice the interval");
  }
  reader.RefuseOthers();
  return {std::chrono::seconds(interval), std::chrono::seconds(expire)};
}

PcrRule ReadPcrRule(SpecReader reader) {
  PcrRule rule;
  rule.bank = reader.Hash("bank").value_or(tcg::AlgorithmId::kSha256);
  int64_t index = -1;
  reader.Number("index", 0, kMaxPcr, index);
  if (index < 0) {
    reader.Refuse("index", "missing");
  }
  rule.index = static_cast<uint32_t>(std::max<int64_t>(index, 0));
  reader.Choice<PcrMatch>("match",
                          {{"Reference", PcrMatch::kReference},
                           {"EventLogOnly", PcrMatch::kEventLogOnly},
                           {"Unchanged", PcrMatch::kUnchanged},
                           {"FirstUse", PcrMatch::kFirstUse}},
                          rule.match);
  rule.any_of = reader.Digests("anyOf", rule.bank, kMaxDigestsPerRule);
  rule.reference_refs = reader.Texts("referenceValueRefs", kMaxReferenceRefs, kMaxObjectNameBytes);
  const bool lists_values = !rule.any_of.empty() || !rule.reference_refs.empty();
  if (rule.match == PcrMatch::kReference && !lists_values) {
    reader.Refuse("anyOf", "empty, and no reference values named: no value would be accepted");
  }
  if (rule.match != PcrMatch::kReference && lists_values) {
    reader.Refuse("match", fmt::format("{} takes no listed values", ToString(rule.match)));
  }
  reader.RefuseOthers();
  return rule;
}

std::vector<PcrRule> ReadPcrRules(SpecReader& spec) {
  std::vector<PcrRule> rules;
  for (const json* item : spec.List("pcrs", kMaxPcrRules)) {
    PcrRule rule = ReadPcrRule(spec.Element("pcrs", rules.size(), *item));
    const bool repeated = std::any_of(rules.begin(), rules.end(), [&rule](const PcrRule& other) {
      return other.bank == rule.bank && other.index == rule.index;
    });
    if (repeated) {
      spec.Refuse("pcrs", "the same bank and index twice");
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

TpmRule ReadTpmRule(SpecReader reader) {
  TpmRule rule;
  reader.Choice<bool>("clockSafe", {{"Ignore", false}, {"Require", true}}, rule.require_clock_safe);
  reader.Choice<bool>("unexplainedReset", {{"Report", false}, {"Reject", true}},
                      rule.reject_unexplained_reset);
  for (const json* item : reader.List("firmwareFloor", kMaxFirmwareFloors)) {
    SpecReader entry = reader.Element("firmwareFloor", rule.firmware_floor.size(), *item);
    FirmwareFloor floor;
    floor.manufacturer = entry.Text("manufacturer", kMaxVendorIdBytes).value_or("");
    const auto version =
        FirmwareVersion::Parse(entry.Text("version", kMaxVersionBytes).value_or(""));
    if (floor.manufacturer.empty() || !version) {
      entry.Refuse("version", "manufacturer or version (A.B.C.D) missing or malformed");
    }
    floor.version = version.value_or(FirmwareVersion{});
    entry.RefuseOthers();
    rule.firmware_floor.push_back(std::move(floor));
  }
  reader.RefuseOthers();
  return rule;
}

// A whole number, or a percentage as in "25%".
bool IsIntOrPercent(const json& value) {
  if (value.is_number_integer()) {
    return value >= 0 && value <= kMaxUntrustedNodes;
  }
  const auto* text = value.get_ptr<const std::string*>();
  if (text == nullptr || text->size() < 2 || text->size() > 4 || text->back() != '%') {
    return false;
  }
  int percent = 0;
  const char* end = text->data() + text->size() - 1;
  const auto [stop, error] = std::from_chars(text->data(), end, percent);
  return error == std::errc() && stop == end && percent >= 0 && percent <= 100;
}

void ReadEnforcement(SpecReader enforcement, AttestationPolicy& policy) {
  SpecReader taint = enforcement.Object("taint");
  taint.Choice<TaintEffect>("effect",
                            {{"None", TaintEffect::kNone},
                             {"PreferNoSchedule", TaintEffect::kPreferNoSchedule},
                             {"NoSchedule", TaintEffect::kNoSchedule},
                             {"NoExecute", TaintEffect::kNoExecute}},
                            policy.taint_effect);
  taint.RefuseOthers();
  EnforcementRule& rule = policy.enforcement;
  if (const json* limit = enforcement.Get("maxUntrusted")) {
    if (IsIntOrPercent(*limit)) {
      rule.max_untrusted = limit->is_string() ? limit->get<std::string>() : limit->dump();
    } else {
      enforcement.Refuse("maxUntrusted", "neither a number of nodes nor a percentage");
    }
  }
  int64_t grace = 0;
  enforcement.Number("unknownGraceSeconds", 0, kMaxSeconds, grace);
  rule.unknown_grace = std::chrono::seconds(grace);
  enforcement.Choice<Recovery>(
      "recovery", {{"Automatic", Recovery::kAutomatic}, {"Acknowledged", Recovery::kAcknowledged}},
      rule.recovery);
  enforcement.RefuseOthers();
}

std::optional<RolloutRule> ReadRollout(SpecReader& spec, Problem& problem) {
  if (spec.Get("rollout") == nullptr) {
    return std::nullopt;
  }
  RolloutRule rule;
  SpecReader rollout = spec.Object("rollout");
  rollout.Number("percent", 0, 100, rule.percent);
  if (rollout.Get("selector") != nullptr) {
    rule.selector = ReadSelector(rollout, "selector", problem);
  }
  rollout.Number("haltAfterFailures", 1, kMaxUntrustedNodes, rule.halt_after_failures);
  rollout.RefuseOthers();
  return rule;
}

Mode ReadMode(SpecReader& spec) {
  if (spec.Get("mode") == nullptr) {
    return Mode::kAudit;
  }
  // A word that is not understood must not turn an enforcing policy into one that decides nothing.
  Mode mode = Mode::kEnforce;
  spec.Choice<Mode>(
      "mode",
      {{"Audit", Mode::kAudit}, {"Enforce", Mode::kEnforce}, {"Suspended", Mode::kSuspended}},
      mode);
  return mode;
}

}  // namespace

std::string_view ToString(Mode mode) {
  switch (mode) {
    case Mode::kAudit:
      return "Audit";
    case Mode::kEnforce:
      return "Enforce";
    case Mode::kSuspended:
      return "Suspended";
  }
  return "";
}

std::string_view ToString(Admission admission) {
  switch (admission) {
    case Admission::kApproved:
      return "Approved";
    case Admission::kEndorsementCertificate:
      return "EndorsementCertificate";
    case Admission::kFirstUse:
      return "FirstUse";
  }
  return "";
}

std::string_view ToString(TaintEffect effect) {
  switch (effect) {
    case TaintEffect::kNone:
      return "None";
    case TaintEffect::kPreferNoSchedule:
      return "PreferNoSchedule";
    case TaintEffect::kNoSchedule:
      return "NoSchedule";
    case TaintEffect::kNoExecute:
      return "NoExecute";
  }
  return "";
}

std::string_view ToString(PcrMatch match) {
  switch (match) {
    case PcrMatch::kReference:
      return "Reference";
    case PcrMatch::kEventLogOnly:
      return "EventLogOnly";
    case PcrMatch::kUnchanged:
      return "Unchanged";
    case PcrMatch::kFirstUse:
      return "FirstUse";
  }
  return "";
}

std::string_view ToString(Recovery recovery) {
  switch (recovery) {
    case Recovery::kAutomatic:
      return "Automatic";
    case Recovery::kAcknowledged:
      return "Acknowledged";
  }
  return "";
}

Result<AttestationPolicy> AttestationPolicy::Parse(std::string_view text) {
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, ParseJson(text, {kMaxObjectBytes, kMaxObjectDepth}));
  AttestationPolicy policy;
  PLIMSOLL_ASSIGN_OR_RETURN(policy.meta, ReadMeta(object, "AttestationPolicy"));
  Problem problem;
  const auto value = object.find("spec");
  if (value == object.end() || !value->is_object()) {
    policy.mode = Mode::kEnforce;
    policy.problem = "spec: missing";
    return policy;
  }
  SpecReader spec(&*value, "spec", problem);
  policy.mode = ReadMode(spec);
  policy.node_selector = ReadSelector(spec, "nodeSelector", problem).value_or(LabelSelector());
  policy.identity = ReadIdentity(spec.Object("identity"));
  policy.freshness = ReadFreshness(spec.Object("freshness"));
  policy.pcrs = ReadPcrRules(spec);
  if (spec.Get("boot") != nullptr) {
    policy.boot = ReadBootRule(spec.Object("boot"));
  }
  policy.runtime = ReadRuntimeRule(spec.Object("runtime"));
  policy.tpm = ReadTpmRule(spec.Object("tpm"));
  ReadEnforcement(spec.Object("enforcement"), policy);
  policy.rollout = ReadRollout(spec, problem);
  spec.RefuseOthers();
  policy.problem = problem.text();
  policy.unknown_field = problem.unknown_field();
  return policy;
}

}  // namespace plimsoll::policy
