#include "controller/enforce/reconciler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace plimsoll::controller::enforce {
namespace {

constexpr std::string_view kEnforced = "Enforced";

// The identities as the informer knows them, but for one that was read from the API server.
class WithLiveIdentity final : public Lookup<TpmIdentity> {
 public:
  WithLiveIdentity(const Lookup<TpmIdentity>& others, std::string name,
                   std::shared_ptr<const TpmIdentity> live)
      : others_(others), name_(std::move(name)), live_(std::move(live)) {}

  std::shared_ptr<const TpmIdentity> Get(const std::string& name) const override {
    return name == name_ ? live_ : others_.Get(name);
  }
  std::vector<std::shared_ptr<const TpmIdentity>> List() const override { return others_.List(); }

 private:
  const Lookup<TpmIdentity>& others_;
  const std::string name_;
  const std::shared_ptr<const TpmIdentity> live_;  // null: there is none
};

Condition EnforcedCondition(const std::optional<DesiredMarks>& marks,
                            const std::optional<std::string>& refusal) {
  Condition enforced;
  enforced.type = kEnforced;
  enforced.status = ConditionStatus::kFalse;
  if (!marks) {
    enforced.reason = "MarksRefused";
    enforced.message = refusal.value_or("");
  } else if (!marks->withheld_by.empty()) {
    enforced.reason = marks->withheld_by.substr(0, marks->withheld_by.find('/'));
    enforced.message =
        fmt::format("label {}, the taint is withheld by {}", marks->label, marks->withheld_by);
  } else {
    enforced.status = ConditionStatus::kTrue;
    enforced.reason = "MarksApplied";
    enforced.message =
        fmt::format("label {}, {}", marks->label,
                    marks->taints.empty() ? "no taint" : "taint " + TaintText(marks->taints));
  }
  return enforced;
}

bool EvidenceHasExpired(const NodeAttestationStatus& before, const NodeAttestationStatus& after) {
  const Condition* was = Find(before.conditions, "EvidenceFresh");
  const Condition* is = Find(after.conditions, "EvidenceFresh");
  return was != nullptr && was->status == ConditionStatus::kTrue && is != nullptr &&
         is->status != ConditionStatus::kTrue && is->reason == "EvidenceExpired";
}

// When something ends by the wall clock: a result that was held over, or the validity of a
// reference set.
std::optional<WallTime> WallDeadline(const NodeAttestationStatus& status,
                                     const policies::NodePolicies& policies) {
  std::optional<WallTime> due;
  if (const auto end = HeldOverUntil(status, policies)) {
    due = *end;
  }
  if (policies.changes && (!due || *policies.changes < *due)) {
    due = *policies.changes;
  }
  return due;
}

}  // namespace

// One pass over one node.
struct NodeReconciler::Pass {
  std::shared_ptr<const Node> node;
  std::shared_ptr<const NodeAttestation> attestation;  // of this Node UID; may be null
  policies::NodePolicies policies;
  NodeAttestationStatus status;  // the newest that is known
  std::optional<WallTime> acknowledged_at;
  bool settling = false;  // inputs differ; looked at again soon
  bool rejudging_failed = false;
  std::optional<DesiredMarks> marks;  // that the Node carries now
  std::optional<std::string> refusal;
};

EventNode NodeReconciler::AboutOf(const Pass& pass) {
  return {pass.node->meta.name, pass.node->meta.uid,
          pass.attestation ? pass.attestation->meta.uid : ""};
}

NodeReconciler::NodeReconciler(kube::Client& client, NodeSources sources,
                               record::Recorder& recorder, MarkWriter& writer, NodeEvents events,
                               const Clock& clock, ReconcilerOptions options,
                               std::function<bool()> may_write)
    : client_(client),
      sources_(sources),
      recorder_(recorder),
      writer_(writer),
      events_(events),
      clock_(clock),
      options_(std::move(options)),
      may_write_(std::move(may_write)),
      decider_(sources, clock, options_.names, options_.unmatched),
      memory_of_failures_(client, sources_.identities, clock, may_write_) {}

Result<NodeReconciler::Again> NodeReconciler::Reconcile(const std::string& node_name) {
  Pass pass;
  pass.node = sources_.nodes.Get(node_name);
  if (!pass.node || pass.node->meta.deletion_timestamp) {
    Forget(node_name);
    return Again();
  }
  pass.attestation = sources_.attestations.Get(node_name);
  if (pass.attestation && pass.attestation->owner_uid != pass.node->meta.uid) {
    pass.attestation = nullptr;
  }
  pass.policies = sources_.picture.For(*pass.node);
  if (pass.attestation) {
    pass.status = pass.attestation->status;
    pass.acknowledged_at = AcknowledgedAt(pass.attestation->meta);
  }
  // A verdict that cannot be written must not keep marks from being taken away, so its failure is
  // reported only after them.
  const Status verdict = UpdateVerdict(pass);
  PLIMSOLL_RETURN_IF_ERROR(UpdateMarks(pass));
  PLIMSOLL_RETURN_IF_ERROR(RecordEnforcement(pass));
  PLIMSOLL_RETURN_IF_ERROR(
      memory_of_failures_.Update(*pass.node, pass.status, pass.policies, pass.acknowledged_at));
  PLIMSOLL_RETURN_IF_ERROR(verdict);
  if (pass.refusal) {
    return Fail(ErrorCode::kDenied, "marks were refused: " + *pass.refusal, Retry::kBackoff);
  }
  return NextLook(pass);
}

// A status that names other inputs than ours was judged before ours changed, or by a replica that
// knows more than our informers do. The first is judged again at once; the second settles by
// itself in a moment.
bool NodeReconciler::InputsMustSettle(Pass& pass) {
  const NodeView view{*pass.node, pass.policies, sources_.identities};
  const std::string own = InputsOf(pass.status, view);
  const MonotonicTime now = clock_.Monotonic();
  const std::lock_guard lock(mutex_);
  Memory& memory = memory_[pass.node->meta.name];
  const bool ours_changed = !memory.own_inputs.empty() && memory.own_inputs != own;
  memory.own_inputs = own;
  if (pass.status.node_uid != pass.node->meta.uid || pass.status.inputs == own) {
    memory.differs_since.reset();
    return false;
  }
  if (!memory.differs_since) {
    memory.differs_since = now;
  }
  const auto differs_for = now - *memory.differs_since;
  pass.rejudging_failed = differs_for >= kInputsPatience;
  return !ours_changed && differs_for < kInputsSettle;
}

Status NodeReconciler::UpdateVerdict(Pass& pass) {
  pass.settling = InputsMustSettle(pass);
  const bool expired = decider_.HasExpired(*pass.node, pass.status, pass.policies);
  const NodeView view{*pass.node, pass.policies, sources_.identities, pass.acknowledged_at};
  if (pass.attestation &&
      ((pass.settling && !expired) || !NextStatus(pass.status, view, expired, clock_.Wall()))) {
    return {};
  }
  if (!may_write_()) {
    return Fail(ErrorCode::kTimeout, "not the leader any more");
  }
  // An activation or approval may be newer than the informer's copy, and evidence is judged with
  // it by then: what is changed on account of an identity is changed by its live state.
  const std::string identity_name = pass.status.tpm_identity;
  std::shared_ptr<const TpmIdentity> live_identity;
  if (!identity_name.empty()) {
    const auto json = client_.Get({kube::kTpmIdentity, identity_name});
    if (json) {
      PLIMSOLL_ASSIGN_OR_RETURN(TpmIdentity parsed, TpmIdentity::Parse(*json));
      live_identity = std::make_shared<const TpmIdentity>(std::move(parsed));
    } else if (json.error().code != ErrorCode::kNotFound) {
      return Wrap("read TPMIdentity", json.error());
    }
  }
  const WithLiveIdentity identities(sources_.identities, identity_name, live_identity);
  NodeView live_view{*pass.node, pass.policies, identities, std::nullopt};
  bool announce = false;
  Status current_inputs;
  const auto change = [&](const NodeAttestation& object) -> std::optional<NodeAttestationStatus> {
    const NodeAttestationStatus& current = object.status;
    const bool over = decider_.HasExpired(*pass.node, current, pass.policies);
    live_view.acknowledged_at = AcknowledgedAt(object.meta);
    auto next = NextStatus(current, live_view, over, clock_.Wall());
    // Judged with other inputs than ours: by an earlier picture, or by one that is newer than ours.
    if (next && current.node_uid == pass.node->meta.uid && !current.inputs.empty() &&
        current.inputs != InputsOf(current, live_view)) {
      current_inputs = sources_.currency.Confirm(object.meta.resource_version);
      if (!current_inputs) {
        return std::nullopt;
      }
    }
    announce = next && EvidenceHasExpired(current, *next);
    return next;
  };
  auto written =
      recorder_.ApplyToObject(pass.node->meta.name, pass.node->meta.uid, pass.policies.expire,
                              change, record::Recorder::Need::kWhole);
  if (!written) {
    return Wrap("update verdict", written.error());
  }
  PLIMSOLL_RETURN_IF_ERROR(current_inputs);
  pass.status = *std::move(written);
  if (announce) {
    events_.Warning(AboutOf(pass), "EvidenceExpired", "Expire",
                    fmt::format("no good evidence for {} s", pass.policies.expire.count()));
  }
  return {};
}

Result<DesiredMarks> NodeReconciler::Decide(Pass& pass, const Node& node, bool live) {
  const auto decide = [&] {
    pass.policies = sources_.picture.For(node);
    return decider_.Decide({.node = node,
                            .status = pass.status,
                            .policies = pass.policies,
                            .rejudging_failed = pass.rejudging_failed});
  };
  DesiredMarks desired = decide();
  if (!live || desired.row != Row::kTrusted ||
      MissingMarks(node, desired, options_.names).empty()) {
    return desired;
  }
  // Trust is given by the status as it is on the API server: the informer's may be one that has
  // been taken back since.
  const auto json = client_.Get({kube::kNodeAttestation, node.meta.name});
  if (!json) {
    return Wrap("read NodeAttestation", json.error());
  }
  PLIMSOLL_ASSIGN_OR_RETURN(NodeAttestation attestation, NodeAttestation::Parse(*json));
  pass.status = attestation.owner_uid == node.meta.uid ? std::move(attestation.status)
                                                       : NodeAttestationStatus{};
  return decide();
}

Status NodeReconciler::UpdateMarks(Pass& pass) {
  const Node& cached = *pass.node;
  const auto decide = [&](const Node& node) { return Decide(pass, node, &node != &cached); };
  auto outcome = writer_.Apply(
      cached, AboutOf(pass),
      {.label = pass.status.enforced_label, .taint = pass.status.enforced_taint}, decide);
  if (!outcome && outcome.error().code == ErrorCode::kDenied) {
    // An admission policy or missing rights: it will not pass by itself, and people should see it.
    pass.refusal = outcome.error().message;
    return {};
  }
  if (!outcome) {
    return Wrap("write marks", outcome.error());
  }
  if (!outcome->gone && outcome->marks.row != Row::kRejudgeFirst) {
    pass.marks = std::move(outcome->marks);
    decider_.Written(cached, *pass.marks);
  }
  return {};
}

Status NodeReconciler::RecordEnforcement(const Pass& pass) {
  if (!pass.marks && !pass.refusal) {
    return {};
  }
  const auto change =
      [&](const NodeAttestationStatus& current) -> std::optional<NodeAttestationStatus> {
    if (current.node_uid != pass.node->meta.uid) {
      return std::nullopt;
    }
    NodeAttestationStatus next = current;
    if (pass.marks) {
      next.enforced_label = pass.marks->label;
      next.enforced_taint = TaintText(pass.marks->taints);
      next.withheld_by = pass.marks->withheld_by;
    }
    Set(next.conditions, EnforcedCondition(pass.marks, pass.refusal), clock_.Wall());
    return next == current ? std::nullopt : std::optional(std::move(next));
  };
  if (!change(pass.status)) {
    return {};
  }
  if (!may_write_()) {
    return Fail(ErrorCode::kTimeout, "not the leader any more");
  }
  const auto written =
      recorder_.Apply(pass.node->meta.name, pass.node->meta.uid, pass.policies.expire, change);
  if (!written) {
    return Wrap("record what is enforced", written.error());
  }
  if (pass.marks && !pass.marks->withheld_by.empty() &&
      pass.marks->withheld_by != pass.status.withheld_by) {
    events_.Warning(AboutOf(pass), "EnforcementWithheld", "Withhold",
                    fmt::format("the taint for {} is withheld: {}", pass.marks->condition.reason,
                                pass.marks->withheld_by));
  }
  return {};
}

NodeReconciler::Again NodeReconciler::NextLook(const Pass& pass) {
  constexpr std::chrono::nanoseconds kSoonest = std::chrono::milliseconds(10);
  const MonotonicTime now = clock_.Monotonic();
  Again again;
  const auto sooner = [&](MonotonicTime at) {
    const std::chrono::nanoseconds left = std::max<std::chrono::nanoseconds>(at - now, kSoonest);
    again = again ? std::min(*again, left) : left;
  };
  if (pass.settling || !pass.marks) {
    sooner(now + kInputsSettle);
  }
  if (const auto change = decider_.NextChange(
          {.node = *pass.node, .status = pass.status, .policies = pass.policies},
          pass.marks ? &*pass.marks : nullptr)) {
    sooner(*change);
  }
  if (const auto due = WallDeadline(pass.status, pass.policies)) {
    sooner(now + std::max<std::chrono::nanoseconds>(*due - clock_.Wall(), {}));
  }
  return again;
}

void NodeReconciler::Forget(const std::string& node_name) {
  decider_.Forget(node_name);
  writer_.Forget(node_name);
  const std::lock_guard lock(mutex_);
  memory_.erase(node_name);
}

}  // namespace plimsoll::controller::enforce
