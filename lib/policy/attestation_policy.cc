#include "policy/attestation_policy.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/json.h"
#include "policy/spec_reader.h"

namespace plimsoll::policy {
namespace {

using nlohmann::json;
using Operator = LabelSelector::Operator;

// The bounds of the CRD's schema, api.md section 2; the API server holds objects to them too.
constexpr size_t kMaxAuthorityRefs = 16;
constexpr size_t kMaxKeyProfiles = 3;
constexpr size_t kMaxPcrRules = 96;
constexpr size_t kMaxDigestsPerRule = 64;
constexpr size_t kMaxFirmwareFloors = 32;
constexpr size_t kMaxSelectorItems = 64;
constexpr size_t kMaxLabelBytes = 317;  // prefix 253, slash, name 63
constexpr size_t kMaxVendorIdBytes = 8;
constexpr size_t kMaxVersionBytes = 23;
constexpr size_t kMaxDigestBytes = 128;
constexpr int64_t kMinSeconds = 10;
constexpr int64_t kMaxSeconds = 86'400;
constexpr int64_t kMaxPcr = 23;

void ReadMatchLabels(SpecReader& selector, std::vector<LabelSelector::Requirement>& requirements,
                     Problem& problem) {
  const json* labels = selector.Get("matchLabels");
  if (labels == nullptr) {
    return;
  }
  if (!labels->is_object() || labels->size() > kMaxSelectorItems) {
    problem.Note(selector.path() + ".matchLabels: not a map of labels");
    return;
  }
  for (const auto& [key, value] : labels->items()) {
    if (!value.is_string() || key.empty() || key.size() > kMaxLabelBytes) {
      problem.Note(selector.path() + ".matchLabels: not a map of labels");
      return;
    }
    requirements.push_back({key, Operator::kIn, {value.get<std::string>()}});
  }
}

// nullopt when the selector could not be read to the letter.
std::optional<LabelSelector> ReadSelector(SpecReader& spec, Problem& outer) {
  Problem problem;
  std::vector<LabelSelector::Requirement> requirements;
  const json* value = spec.Get("nodeSelector");
  if (value == nullptr) {
    spec.Refuse("nodeSelector", "missing");
    return std::nullopt;
  }
  SpecReader selector(value, spec.path() + ".nodeSelector", problem);
  ReadMatchLabels(selector, requirements, problem);
  size_t index = 0;
  for (const json* item : selector.List("matchExpressions", kMaxSelectorItems)) {
    SpecReader expression = selector.Element("matchExpressions", index++, *item);
    LabelSelector::Requirement requirement;
    requirement.key = expression.Text("key", kMaxLabelBytes).value_or("");
    std::optional<Operator> op;
    expression.Choice<std::optional<Operator>>("operator",
                                               {{"In", Operator::kIn},
                                                {"NotIn", Operator::kNotIn},
                                                {"Exists", Operator::kExists},
                                                {"DoesNotExist", Operator::kDoesNotExist}},
                                               op);
    requirement.values = expression.Texts("values", kMaxSelectorItems, kMaxLabelBytes);
    expression.RefuseOthers();
    const bool wants_values = op == Operator::kIn || op == Operator::kNotIn;
    if (!op || requirement.key.empty() || requirement.values.empty() == wants_values) {
      expression.Refuse("operator", "key, operator and values do not go together");
      break;
    }
    requirement.op = *op;
    requirements.push_back(std::move(requirement));
  }
  selector.RefuseOthers();
  if (problem.any()) {
    outer.Note(problem.text());
    return std::nullopt;
  }
  return LabelSelector(std::move(requirements));
}

IdentityRule ReadIdentity(SpecReader identity) {
  IdentityRule rule;
  identity.Choice<Admission>("admission",
                             {{"Approved", Admission::kApproved},
                              {"EndorsementCertificate", Admission::kEndorsementCertificate}},
                             rule.admission);
  rule.authority_refs =
      identity.Texts("endorsementAuthorityRefs", kMaxAuthorityRefs, kMaxObjectNameBytes);
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
  const auto bank = tcg::BankFromName(reader.Text("bank", kMaxVendorIdBytes).value_or(""));
  if (!bank) {
    reader.Refuse("bank", "not sha1, sha256, sha384 or sha512");
  }
  rule.bank = bank.value_or(tcg::AlgorithmId::kSha256);
  int64_t index = -1;
  reader.Number("index", 0, kMaxPcr, index);
  if (index < 0) {
    reader.Refuse("index", "missing");
  }
  rule.index = static_cast<uint32_t>(std::max<int64_t>(index, 0));
  bool reference = true;
  reader.Choice<bool>("match", {{"Reference", true}}, reference);
  for (const std::string& text : reader.Texts("anyOf", kMaxDigestsPerRule, kMaxDigestBytes)) {
    auto digest = FromHex(text);
    if (!digest || digest->size() != tcg::DigestSize(rule.bank)) {
      reader.Refuse("anyOf", "a value that is not lower-case hex of the bank's length");
      break;
    }
    rule.any_of.push_back(*std::move(digest));
  }
  if (rule.any_of.empty()) {
    reader.Refuse("anyOf", "empty: no value would be accepted");
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

TaintEffect ReadTaintEffect(SpecReader enforcement) {
  TaintEffect effect = TaintEffect::kNoSchedule;
  SpecReader taint = enforcement.Object("taint");
  taint.Choice<TaintEffect>("effect",
                            {{"None", TaintEffect::kNone},
                             {"PreferNoSchedule", TaintEffect::kPreferNoSchedule},
                             {"NoSchedule", TaintEffect::kNoSchedule}},
                            effect);
  taint.RefuseOthers();
  enforcement.RefuseOthers();
  return effect;
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
  policy.node_selector = ReadSelector(spec, problem).value_or(LabelSelector());
  policy.identity = ReadIdentity(spec.Object("identity"));
  policy.freshness = ReadFreshness(spec.Object("freshness"));
  policy.pcrs = ReadPcrRules(spec);
  policy.tpm = ReadTpmRule(spec.Object("tpm"));
  policy.taint_effect = ReadTaintEffect(spec.Object("enforcement"));
  spec.RefuseOthers();
  policy.problem = problem.text();
  return policy;
}

}  // namespace plimsoll::policy
