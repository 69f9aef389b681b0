#include "controller/policies/rollout.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "crypto/digest.h"

namespace plimsoll::controller::policies {
namespace {

constexpr std::string_view kProgressing = "Progressing";
constexpr std::string_view kHaltedReason = "HaltedByFailures";
constexpr uint32_t kPercent = 100;
constexpr size_t kHashDigits = 7;  // of the hex hash: 28 bits, even enough for percents

policy::Labels LabelsOf(const Node& node) {
  return {node.meta.labels.begin(), node.meta.labels.end()};
}

// The node's result under the policy's present generation; empty where it has none.
std::string ResultUnder(const PolicyObject& policy, const NodeAttestation& attestation) {
  for (const PolicyResult& result : attestation.status.policies) {
    if (result.uid == policy.meta.uid && result.observed_generation == policy.meta.generation) {
      return result.result;
    }
  }
  return {};
}

bool WasHalted(const PolicyObject& policy) {
  const Condition* progressing = Find(policy.conditions, kProgressing);
  return progressing != nullptr && progressing->reason == kHaltedReason &&
         progressing->observed_generation == policy.meta.generation;
}

}  // namespace

bool IsInShare(const policy::RolloutRule& rollout, const std::string& policy_uid,
               const Node& node) {
  if (rollout.selector && !rollout.selector->Matches(LabelsOf(node))) {
    return false;
  }
  const std::string text = policy_uid + "/" + node.meta.uid;
  const std::string hash = crypto::Sha256Hex(AsBytes(text)).substr(0, kHashDigits);
  uint32_t number = 0;
  std::from_chars(hash.data(), hash.data() + hash.size(), number, 16);
  return number % kPercent < static_cast<uint64_t>(rollout.percent);
}

std::shared_ptr<const PolicyObject> Rollouts::InsteadOf(const PolicyObject& policy,
                                                        const Node& node) const {
  const auto& rollout = policy.policy.rollout;
  if (!rollout || IsInShare(*rollout, policy.meta.uid, node)) {
    return nullptr;
  }
  const auto good = LastGood(policy);
  if (!good || good->good.content == policy.content) {
    return nullptr;
  }
  auto instead = std::make_shared<PolicyObject>(good->good);
  instead->kept_generation = good->good.meta.generation;
  instead->meta = policy.meta;
  instead->policy.meta = policy.policy.meta;
  return instead;
}

std::shared_ptr<const PolicyRevision> Rollouts::LastGood(const PolicyObject& policy) const {
  for (auto& revision : Revisions(policy.meta.uid)) {
    if (revision->good.meta.generation <= policy.meta.generation) {
      return std::move(revision);
    }
  }
  return nullptr;
}

std::vector<std::shared_ptr<const PolicyRevision>> Rollouts::Revisions(
    const std::string& policy_uid) const {
  auto revisions = revisions_.List();
  std::erase_if(revisions,
                [&](const auto& revision) { return revision->good.meta.uid != policy_uid; });
  std::sort(revisions.begin(), revisions.end(), [](const auto& a, const auto& b) {
    return a->good.meta.generation > b->good.meta.generation;
  });
  return revisions;
}

RolloutProgress ProgressOf(const PolicyObject& policy, const Rollouts& rollouts,
                           const std::vector<std::shared_ptr<const Node>>& nodes,
                           const Lookup<NodeAttestation>& attestations) {
  RolloutProgress progress;
  const auto good = rollouts.LastGood(policy);
  const bool differs = good && good->good.content != policy.content;
  for (const auto& node : nodes) {
    if (!policy.policy.node_selector.Matches(LabelsOf(*node))) {
      continue;
    }
    ++progress.selected;
    if (differs && policy.policy.rollout &&
        !IsInShare(*policy.policy.rollout, policy.meta.uid, *node)) {
      progress.staged = true;
      continue;
    }
    ++progress.share;
    const auto attestation = attestations.Get(node->meta.name);
    if (!attestation || attestation->status.node_uid != node->meta.uid) {
      continue;
    }
    const std::string result = ResultUnder(policy, *attestation);
    const Condition* fresh = Find(attestation->status.conditions, "EvidenceFresh");
    progress.failing += result == "Fail" ? 1 : 0;
    progress.pending +=
        result.empty() && fresh != nullptr && fresh->status == ConditionStatus::kTrue ? 1 : 0;
  }
  const bool too_many =
      policy.policy.rollout && progress.failing > policy.policy.rollout->halt_after_failures;
  if (policy.policy.rollout && (too_many || WasHalted(policy))) {
    progress.phase = RolloutPhase::kHalted;
  } else if (progress.staged || progress.pending > 0) {
    progress.phase = RolloutPhase::kRunning;
  }
  return progress;
}

Condition ProgressingCondition(const PolicyObject& policy, const RolloutProgress& progress) {
  Condition condition;
  condition.type = kProgressing;
  condition.status = ConditionStatus::kTrue;
  switch (progress.phase) {
    case RolloutPhase::kHalted:
      condition.status = ConditionStatus::kFalse;
      condition.reason = kHaltedReason;
      condition.message = fmt::format(
          "more than {} of the nodes that this generation judges fail it; the others stay at the "
          "last good one",
          policy.policy.rollout ? policy.policy.rollout->halt_after_failures : 0);
      break;
    case RolloutPhase::kRunning:
      condition.reason = "RollingOut";
      condition.message =
          fmt::format("this generation judges {} of {} nodes", progress.share, progress.selected);
      break;
    case RolloutPhase::kComplete:
      condition.reason = "Complete";
      condition.message = "this generation judges every node that the policy selects";
      break;
  }
  return condition;
}

}  // namespace plimsoll::controller::policies
