#include "controller/policies/status_writer.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "controller/policies/counts.h"
#include "controller/policies/policy_checks.h"

namespace plimsoll::controller::policies {
namespace {

using nlohmann::json;

constexpr std::string_view kReady = "Ready";
constexpr std::string_view kNotReadyReason = "PolicyNotReady";
constexpr std::chrono::days kExpiryWarning{30};

std::string Canonical(const json& status) {
  return status.dump(-1, ' ', false, json::error_handler_t::replace);
}

ConditionStatus TrueIf(bool holds) {
  return holds ? ConditionStatus::kTrue : ConditionStatus::kFalse;
}

Condition ReadyCondition(const policy::CompiledPolicy& compiled) {
  return {.type = std::string(kReady),
          .status = TrueIf(compiled.ready()),
          .reason = compiled.ready() ? "Resolved" : std::string(kNotReadyReason),
          .message = compiled.ready() ? "the policy can be judged with" : compiled.problem()};
}

Condition SelectorCondition(const policy::CompiledPolicy& compiled) {
  const auto key = WritableSelectorKey(compiled.spec().node_selector);
  return {.type = "SelectorTamperProof",
          .status = TrueIf(!key),
          .reason = key ? "KubeletWritableLabel" : "ProtectedLabels",
          .message = key ? fmt::format("a node can leave the policy by changing its label {}", *key)
                         : "no node can leave the policy by changing its own labels"};
}

Condition ConflictCondition(const std::optional<std::string>& contradiction, int64_t matched) {
  if (contradiction) {
    return {.type = "ConflictFree",
            .status = ConditionStatus::kFalse,
            .reason = "PoliciesContradict",
            .message = *contradiction};
  }
  if (matched == 0) {
    return {.type = "ConflictFree",
            .status = ConditionStatus::kFalse,
            .reason = "NoNodeMatches",
            .message = "the selector matches no node"};
  }
  return {.type = "ConflictFree",
          .status = ConditionStatus::kTrue,
          .reason = "NoConflict",
          .message = "no contradiction with another policy was found"};
}

Condition EnforcedCondition(const policy::CompiledPolicy& compiled) {
  Condition condition;
  condition.type = "Enforced";
  condition.status = ConditionStatus::kTrue;
  switch (compiled.mode()) {
    case policy::Mode::kAudit:
      condition.status = ConditionStatus::kFalse;
      condition.reason = "Audit";
      condition.message = "the policy is judged and shown, and decides nothing";
      break;
    case policy::Mode::kEnforce:
      condition.reason = "Enforce";
      condition.message = "nodes are marked by the policy's result";
      break;
    case policy::Mode::kSuspended:
      condition.reason = "Suspended";
      condition.message = "the last result of each node stands until it expires";
      break;
  }
  return condition;
}

Conditions WithConditions(Conditions conditions, std::vector<Condition> wanted, int64_t generation,
                          WallTime now) {
  for (Condition& condition : wanted) {
    condition.observed_generation = generation;
    Set(conditions, std::move(condition), now);
  }
  return conditions;
}

}  // namespace

StatusWriter::StatusWriter(kube::Client& client, StatusSources sources, kube::EventRecorder& events,
                           const Clock& clock, telemetry::Logger& logger, std::string taint_key,
                           std::function<bool()> may_write)
    : client_(client),
      sources_(sources),
      events_(events),
      clock_(clock),
      logger_(logger),
      taint_key_(std::move(taint_key)),
      may_write_(std::move(may_write)) {}

void StatusWriter::WriteChanged() {
  const auto all = sources_.picture.All();
  const auto nodes = sources_.nodes.List();
  std::map<std::string, std::shared_ptr<const policy::CompiledPolicy>> compiled;
  for (const auto& policy : all) {
    compiled.emplace(policy->meta().name, policy);
  }
  for (const auto& object : sources_.policies.List()) {
    const auto found = compiled.find(object->meta.name);
    // One that came between the two looks is left to the next call.
    if (found != compiled.end() && found->second->meta().generation == object->meta.generation) {
      WritePolicy(*object, *found->second, all, nodes);
    }
  }
  for (const auto& object : sources_.authorities.List()) {
    WriteAuthority(*object);
  }
  const auto uses = CountReferenceUse(all, nodes, sources_.attestations);
  for (const auto& object : sources_.references.List()) {
    const auto use = uses.find(object->meta.name);
    WriteReference(*object, use == uses.end() ? ReferenceUse{} : use->second);
  }
}

void StatusWriter::WritePolicy(
    const PolicyObject& object, const policy::CompiledPolicy& compiled,
    const std::vector<std::shared_ptr<const policy::CompiledPolicy>>& all,
    const std::vector<std::shared_ptr<const Node>>& nodes) {
  const PolicyCounts counts = CountNodes(compiled, nodes, sources_.attestations, taint_key_);
  const json status = {{"observedGeneration", object.meta.generation},
                       {"matchedNodes", counts.matched},
                       {"passingNodes", counts.passing},
                       {"failingNodes", counts.failing},
                       {"unknownNodes", counts.unknown},
                       {"taintedNodes", counts.tainted}};
  std::vector<Condition> wanted = {
      ReadyCondition(compiled), SelectorCondition(compiled),
      ConflictCondition(ContradictionOnSomeNode(compiled, all, nodes), counts.matched),
      EnforcedCondition(compiled)};
  if (sources_.rollouts != nullptr) {
    wanted.push_back(ProgressingCondition(
        object, ProgressOf(object, *sources_.rollouts, nodes, sources_.attestations)));
  }
  const Conditions conditions =
      WithConditions(object.conditions, std::move(wanted), object.meta.generation, clock_.Wall());
  const std::string text = Canonical(status);
  if (text == object.status_text && conditions == object.conditions) {
    return;
  }
  if (!Write(kube::kAttestationPolicy, object.meta, text, conditions) || compiled.ready()) {
    return;
  }
  const Condition* before = Find(object.conditions, kReady);
  const Condition* now = Find(conditions, kReady);
  if (before == nullptr || before->status != now->status || before->message != now->message) {
    events_.Record({kube::kAttestationPolicy, object.meta.name, object.meta.uid},
                   kube::EventType::kWarning, std::string(kNotReadyReason), "Resolve",
                   compiled.problem());
  }
}

void StatusWriter::WriteAuthority(const AuthorityObject& object) {
  const auto resolved = sources_.picture.Authority(object.meta.name);
  if (!resolved || resolved->meta.generation != object.meta.generation) {
    return;  // it changed between two looks: the next call has it
  }
  const policy::EndorsementAuthority& authority = *resolved;
  const bool ready = authority.problem.empty() && authority.roots.has_value();
  json status = {{"observedGeneration", object.meta.generation}};
  std::vector<Condition> wanted = {
      {.type = std::string(kReady),
       .status = TrueIf(ready),
       .reason = ready ? "Resolved" : "BundleNotUsable",
       .message = ready ? "chains can be checked against it" : authority.problem}};
  if (ready) {
    // In whole seconds: many CAs of TPMs end in the year 9999, which WallTime cannot hold.
    const std::chrono::sys_seconds expiry = authority.roots->earliest_expiry();
    status["certificates"] = authority.roots->anchor_count();
    status["earliestExpiry"] = FormatTime(expiry);
    const bool expiring =
        expiry < std::chrono::floor<std::chrono::seconds>(clock_.Wall()) + kExpiryWarning;
    wanted.push_back({.type = "Expiring",
                      .status = TrueIf(expiring),
                      .reason = expiring ? "CertificateEnds" : "NotExpiring",
                      .message = fmt::format("the first certificate ends {}", FormatTime(expiry))});
  } else {
    status["certificates"] = 0;
    wanted.push_back({.type = "Expiring",
                      .status = ConditionStatus::kUnknown,
                      .reason = "BundleNotUsable",
                      .message = "no certificate can be read"});
  }
  const Conditions conditions =
      WithConditions(object.conditions, std::move(wanted), object.meta.generation, clock_.Wall());
  const std::string text = Canonical(status);
  if (text != object.status_text || !(conditions == object.conditions)) {
    Write(kube::kEndorsementAuthority, object.meta, text, conditions);
  }
}

void StatusWriter::WriteReference(const ReferenceObject& object, const ReferenceUse& use) {
  const auto now = std::chrono::floor<std::chrono::seconds>(clock_.Wall());
  const auto resolved = sources_.picture.Reference(object.meta.name);
  if (!resolved || resolved->set->meta.generation != object.meta.generation) {
    return;  // it changed between two looks: the next call has it
  }
  const std::string text = Canonical(ReferenceStatus(object, *resolved, use));
  const Conditions conditions =
      WithConditions(object.conditions, ReferenceConditions(*resolved, use, now),
                     object.meta.generation, clock_.Wall());
  if (text != object.status_text || !(conditions == object.conditions)) {
    Write(kube::kReferenceValues, object.meta, text, conditions);
  }
}

bool StatusWriter::Write(const kube::ResourceKind& kind, const kube::ObjectMeta& meta,
                         const std::string& status_text, const Conditions& conditions) {
  if (!may_write_()) {
    return false;
  }
  json status = json::parse(status_text);
  status["conditions"] = ToJson(conditions);
  const json body = {
      {"apiVersion", kube::ApiVersion(kind)},
      {"kind", kind.kind},
      {"metadata",
       {{"name", meta.name}, {"uid", meta.uid}, {"resourceVersion", meta.resource_version}}},
      {"status", std::move(status)}};
  const auto written = client_.UpdateStatus({kind, meta.name}, Canonical(body));
  if (!written && written.error().code != ErrorCode::kConflict) {
    logger_.Warning("status was not written",
                    {{"kind", kind.kind}, {"name", meta.name}, {"error", written.error().message}});
  }
  return written.has_value();
}

}  // namespace plimsoll::controller::policies
