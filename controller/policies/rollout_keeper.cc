#include "controller/policies/rollout_keeper.h"

#include <utility>

namespace plimsoll::controller::policies {

RolloutKeeper::RolloutKeeper(kube::Client& client, RolloutSources sources,
                             kube::EventRecorder& events, telemetry::Logger& logger,
                             std::string namespace_name, std::function<bool()> may_write)
    : client_(client),
      sources_(sources),
      events_(events),
      logger_(logger),
      namespace_name_(std::move(namespace_name)),
      may_write_(std::move(may_write)) {}

void RolloutKeeper::Update() {
  const auto nodes = sources_.nodes.List();
  std::map<std::string, bool> halted;
  for (const auto& policy : sources_.policies.List()) {
    const RolloutProgress progress =
        ProgressOf(*policy, sources_.rollouts, nodes, sources_.attestations);
    if (policy->policy.rollout) {
      halted[policy->meta.name] = progress.phase == RolloutPhase::kHalted;
      Announce(*policy, progress);
    }
    const auto good = sources_.rollouts.LastGood(*policy);
    if (progress.phase == RolloutPhase::kComplete && policy->policy.problem.empty() &&
        (!good || good->good.content != policy->content)) {
      if (const Status kept = Keep(*policy); !kept) {
        logger_.Warning("the good generation of a policy was not kept",
                        {{"policy", policy->meta.name}, {"error", kept.error().message}});
      }
    }
    Prune(policy->meta.uid);
  }
  const std::lock_guard lock(mutex_);
  halted_ = std::move(halted);
}

std::map<std::string, bool> RolloutKeeper::Halted() const {
  const std::lock_guard lock(mutex_);
  return halted_;
}

Status RolloutKeeper::Keep(const PolicyObject& policy) {
  const auto live = client_.Get({kube::kAttestationPolicy, policy.meta.name});
  if (!live) {
    return Wrap("read the policy", live.error());
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const kube::ObjectMeta meta,
                            kube::ParseObjectMeta(std::string_view(*live)));
  if (meta.uid != policy.meta.uid || meta.generation != policy.meta.generation) {
    return {};  // it has changed since: the next call looks at it anew
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string body,
                            PolicyRevision::EncodeForCreate(*live, namespace_name_));
  if (!may_write_()) {
    return {};
  }
  const auto created = client_.Create({kube::kControllerRevision, "", namespace_name_}, body);
  const bool known = !created && created.error().code == ErrorCode::kConflict;
  return created || known ? Status() : Status(tl::unexpected(created.error()));
}

void RolloutKeeper::Prune(const std::string& policy_uid) {
  const auto revisions = sources_.rollouts.Revisions(policy_uid);
  for (size_t i = kKept; i < revisions.size(); ++i) {
    if (!may_write_()) {
      return;
    }
    const Status deleted =
        client_.Delete({kube::kControllerRevision, revisions[i]->meta.name, namespace_name_},
                       {.uid = revisions[i]->meta.uid, .resource_version = {}});
    if (!deleted && deleted.error().code != ErrorCode::kNotFound) {
      logger_.Warning("an old generation of a policy was not removed",
                      {{"revision", revisions[i]->meta.name}, {"error", deleted.error().message}});
    }
  }
}

void RolloutKeeper::Announce(const PolicyObject& policy, const RolloutProgress& progress) {
  const bool before = [&] {
    const std::lock_guard lock(mutex_);
    const auto found = halted_.find(policy.meta.name);
    return found != halted_.end() && found->second;
  }();
  const Condition wanted = ProgressingCondition(policy, progress);
  const Condition* known = Find(policy.conditions, wanted.type);
  const bool told = known != nullptr && known->reason == wanted.reason &&
                    known->observed_generation == policy.meta.generation;
  if (progress.phase == RolloutPhase::kHalted && !before && !told && may_write_()) {
    events_.Record({kube::kAttestationPolicy, policy.meta.name, policy.meta.uid},
                   kube::EventType::kWarning, "RolloutHalted", "Halt", wanted.message);
  }
}

}  // namespace plimsoll::controller::policies
