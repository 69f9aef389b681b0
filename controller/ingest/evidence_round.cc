#include "controller/ingest/evidence_round.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "api/stored_facts.h"
#include "appraisal/reason.h"
#include "controller/identity/admission.h"
#include "controller/identity/first_records.h"
#include "controller/ingest/evidence_keeper.h"
#include "controller/ingest/node_identity.h"
#include "controller/record/transition.h"
#include "crypto/names.h"
#include "evidence/evidence.h"
#include "evidence/statement.h"
#include "tcg/name.h"

namespace plimsoll::controller::ingest {
namespace {

using appraisal::Appraisal;
using appraisal::Disposition;
using appraisal::Reason;
using appraisal::Verdict;

constexpr std::string_view kTrusted = "Trusted";  // the condition
constexpr std::chrono::seconds kRetryAfterLoss{5};

bool HoldsKey(const TpmIdentity& identity, const AgentPrincipal& agent, const std::string& key) {
  return identity.node_name == agent.node_name() && identity.status.node_uid == agent.node_uid() &&
         identity.status.attestation_key && identity.status.attestation_key->name == key;
}

// The reason of the recorded verdict, which may be another than that of the last evidence.
std::string RecordedReason(const NodeAttestationStatus& status) {
  const Condition* trusted = Find(status.conditions, kTrusted);
  return trusted == nullptr ? std::string(appraisal::ToString(Reason::kNotEnrolled))
                            : trusted->reason;
}

// Of the enrolled EK, below which the AK may be. Absent for keys that were enrolled before it was
// recorded.
std::optional<tcg::QualifiedName> EndorsementKey(const ActivatedKey& key) {
  const auto name = tcg::Name::FromHex(key.endorsement_key_name);
  return name ? std::optional(crypto::QualifiedNameOfEndorsementPrimary(*name)) : std::nullopt;
}

bool IsRejectedForReset(const Appraisal& appraisal) {
  return std::any_of(appraisal.policies.begin(), appraisal.policies.end(), [](const auto& result) {
    return result.mode != policy::Mode::kAudit && result.reason == Reason::kUnexplainedReset;
  });
}

}  // namespace

http::Response EvidenceRound::Run(Result<evidence::Evidence> evidence) {
  policies_ = PoliciesOf(context_, agent_);
  if (const auto attestation = context_.d.attestations.Get(agent_.node_name());
      attestation && attestation->status.node_uid == agent_.node_uid()) {
    status_ = attestation->status;
  }
  if (auto refusal = FindIdentity()) {
    return *std::move(refusal);
  }
  const auto lock = context_.clocks.Lock(identity_->meta.uid);
  if (auto refusal = RecallClock()) {
    return *std::move(refusal);
  }
  if (evidence) {
    if (auto refusal = CompleteLogs(*evidence)) {
      return *std::move(refusal);
    }
  }
  auto appraisal = Appraise(evidence);
  if (appraisal) {
    appraisal = WithFirstRecords(evidence, *std::move(appraisal));
  }
  if (!appraisal) {
    return Unavailable(context_, agent_, "appraise evidence", appraisal.error());
  }
  if (evidence) {
    KeepLog(*evidence, *appraisal);
    KeepEvidence(context_.d.kept_evidence, agent_, challenge_, *identity_, *evidence);
  }
  switch (appraisal->disposition) {
    case Disposition::kJudged:
      return Judged(*appraisal);
    case Disposition::kStale:
      return Stale();
    case Disposition::kCountersReset:
      return ActivationLost(*appraisal, identity::ActivationLoss::kCountersReset);
    case Disposition::kSharedTpm:
      return ActivationLost(*appraisal, identity::ActivationLoss::kSharedTpm);
  }
  return Unavailable(context_, agent_, "appraise evidence", Error{});
}

// The identity that was challenged must still be what it was.
std::optional<http::Response> EvidenceRound::FindIdentity() {
  identity_ = context_.d.identities.Get(challenge_.identity);
  if (!identity_ || !HoldsKey(*identity_, agent_, challenge_.attestation_key_name)) {
    auto live = context_.d.store.Get(challenge_.identity);
    if (!live) {
      return Unavailable(context_, agent_, "read the node's identity", live.error());
    }
    if (!*live || !HoldsKey(**live, agent_, challenge_.attestation_key_name)) {
      return Reject(context_, agent_, 409, appraisal::wire::kUnknownChallenge,
                    "the challenge was for a key that is no longer activated");
    }
    identity_ = std::make_shared<const TpmIdentity>(**std::move(live));
  }
  if (!identity_->MayAttest()) {
    return RefuseIdentity(context_, agent_, NodeIdentity::State::kDenied);
  }
  return std::nullopt;
}

// Reads the identity itself when the book is of another boot: one of the two is behind.
std::optional<http::Response> EvidenceRound::RecallClock() {
  const auto known = context_.clocks.Get(identity_->meta.uid);
  if (!AgreesWith(known, *identity_)) {
    auto live = context_.d.store.Get(challenge_.identity);
    if (!live) {
      return Unavailable(context_, agent_, "read the node's identity", live.error());
    }
    if (!*live || !HoldsKey(**live, agent_, challenge_.attestation_key_name)) {
      return Reject(context_, agent_, 409, appraisal::wire::kUnknownChallenge,
                    "the challenge was for a key that is no longer activated");
    }
    identity_ = std::make_shared<const TpmIdentity>(**std::move(live));
  }
  clock_ = Recall(known, *identity_, status_);
  return std::nullopt;
}

// Puts in the log that the challenge did not ask for. What the statement says is not proven yet;
// whether the log is the quoted one is judged like any other's.
std::optional<http::Response> EvidenceRound::CompleteLogs(evidence::Evidence& evidence) {
  const auto again = [this](std::string_view detail) {
    return Reject(context_, agent_, 409, appraisal::wire::kLogRequired, detail);
  };
  if (evidence.ima && challenge_.runtime_rules != policies_.runtime_rules) {
    return again("the rules about the IMA list have changed since the challenge");
  }
  if (evidence.boot_event_log || !evidence.statement || !challenge_.log) {
    return std::nullopt;  // one that was asked for and did not come is missing
  }
  const auto statement = evidence::DecodeStatement(*evidence.statement);
  if (!statement || !statement->boot_event_log) {
    return std::nullopt;
  }
  if (challenge_.log_sha256 == statement->boot_event_log->sha256) {
    evidence.boot_event_log = *challenge_.log;
    return std::nullopt;
  }
  return again("this controller does not hold the boot event log that the statement names");
}

// Only a log that the quote vouched for is worth keeping.
void EvidenceRound::KeepLog(const evidence::Evidence& evidence, const Appraisal& appraisal) {
  if (!evidence.boot_event_log || !appraisal.facts || !appraisal.facts->boot ||
      appraisal.facts->boot->state != appraisal::BootEvidence::State::kReplayed) {
    return;
  }
  const Bytes& sha256 = appraisal.facts->boot->sha256;
  if (context_.logs.Get(agent_.node_uid(), sha256) == nullptr) {
    context_.logs.Put(agent_.node_uid(), sha256, *evidence.boot_event_log);
  }
}

// Whether we may write over `current`. Where it was judged with other inputs, it may be because its
// writer knew more: policies are then compared with the API server's, and the identity is read.
bool EvidenceRound::InputsAreCurrent(const NodeAttestation& current, const std::string& inputs) {
  if (current.status.node_uid != agent_.node_uid() || current.status.inputs.empty() ||
      current.status.inputs == inputs) {
    return true;
  }
  if (!context_.d.currency.Await(current.meta.resource_version)) {
    return false;
  }
  const auto live = context_.d.store.Get(identity_->meta.name);
  return live && *live && policies::InputsHash(PoliciesOf(context_, agent_), &**live) == inputs;
}

Result<Appraisal> EvidenceRound::Appraise(const Result<evidence::Evidence>& evidence) {
  auto applied = record::Applied(policies_, status_, context_.d.clock.Wall());
  if (challenge_.runtime) {
    for (appraisal::AppliedPolicy& policy : applied) {
      const auto rejected = challenge_.runtime->rejected.find(policy.policy->meta().uid);
      if (rejected != challenge_.runtime->rejected.end()) {
        policy.runtime_rejected = rejected->second;
      }
    }
  }
  if (!evidence) {
    return appraisal::RejectMalformed(evidence.error(), applied);
  }
  const auto key = Key();
  const appraisal::Expectation expectation{
      .key = *key,
      .qualifying_data =
          appraisal::ChallengeBinding{.nonce = challenge_.nonce, .node_uid = agent_.node_uid()},
      .selection = challenge_.selection,
      .endorsement_key = EndorsementKey(*identity_->status.attestation_key),
      .identity = api::IdentityFactsOf(*identity_),
      .recorded = clock_ ? std::optional(clock_->recorded) : std::nullopt,
      .runtime = challenge_.runtime ? std::optional(challenge_.runtime->position) : std::nullopt};
  const MonotonicTime started = context_.d.clock.Monotonic();
  auto appraisal = appraisal::Appraise(*evidence, expectation, applied, started);
  context_.d.metrics.StageDuration(
      "signature", std::chrono::duration<double>(context_.d.clock.Monotonic() - started).count());
  return appraisal;
}

// What the quote shows for the first time is recorded before its verdict, and then judged with what
// is recorded, which may be what another replica saw at the same time.
Result<Appraisal> EvidenceRound::WithFirstRecords(const Result<evidence::Evidence>& evidence,
                                                  Appraisal appraisal) {
  const std::vector<identity::FirstRecord> records = identity::FirstRecordsOf(
      *identity_, appraisal, policies_,
      {context_.d.nodes, context_.d.identities, context_.d.attestations}, context_.d.clock.Wall());
  if (records.empty()) {
    return appraisal;
  }
  PLIMSOLL_ASSIGN_OR_RETURN(TpmIdentity recorded,
                            context_.d.changes.RecordFirst(*identity_, agent_.node_uid(), records));
  if (!HoldsKey(recorded, agent_, challenge_.attestation_key_name)) {
    return Fail(ErrorCode::kConflict, "another key was activated meanwhile");
  }
  identity_ = std::make_shared<const TpmIdentity>(std::move(recorded));
  return Appraise(evidence);
}

// Built once for each activated key, since reading a key costs more than a signature check.
std::shared_ptr<const appraisal::SigningKey> EvidenceRound::Key() {
  const ActivatedKey& stored = *identity_->status.attestation_key;
  if (auto kept = context_.signing_keys.Get(stored.name)) {
    return *std::move(kept);
  }
  const auto name = tcg::Name::FromHex(stored.name);
  auto key = std::make_shared<const appraisal::SigningKey>(appraisal::SigningKey::FromPublicArea(
      stored.public_area, name ? std::optional(*name) : std::nullopt));
  if (name && !key->rejection()) {
    context_.signing_keys.Put(stored.name, key);
  }
  return key;
}

http::Response EvidenceRound::Judged(const Appraisal& appraisal) {
  // The epoch before the verdict: a quote whose boot is not recorded must not count for it.
  if (const Status kept = KeepClock(appraisal); !kept) {
    return Unavailable(context_, agent_, "record the boot of a TPM", kept.error());
  }
  const std::string inputs = policies::InputsHash(policies_, identity_.get());
  bool displaced = false;
  bool dropped = false;
  bool behind = false;
  const auto recorded = context_.d.recorder.ApplyToObject(
      agent_.node_name(), agent_.node_uid(), policies_.expire,
      [&](const NodeAttestation& object) -> std::optional<NodeAttestationStatus> {
        const NodeAttestationStatus& current = object.status;
        const bool of_this_node = current.node_uid == agent_.node_uid();
        displaced = of_this_node && !current.tpm_identity.empty() &&
                    current.tpm_identity != identity_->meta.name;
        dropped = of_this_node && record::JudgedWithNewerInputs(current, policies_);
        behind = !displaced && !dropped && !InputsAreCurrent(object, inputs);
        if (displaced || dropped || behind) {
          return std::nullopt;
        }
        return record::AfterAppraisal(
            current, appraisal, identity_->meta.name,
            {.node_uid = agent_.node_uid(),
             .policies = policies_,
             .inputs = inputs,
             .now = context_.d.clock.Wall(),
             .earlier_failure = identity_->status.unacknowledged_failure});
      });
  if (!recorded) {
    return Unavailable(context_, agent_, "record a verdict", recorded.error());
  }
  if (displaced) {
    return Reject(context_, agent_, 409, appraisal::ToString(Reason::kNotEnrolled),
                  "another TPM has enrolled for this node since");
  }
  if (behind) {
    return Unavailable(context_, agent_, "judge with the present policies",
                       Error{ErrorCode::kUnavailable,
                             "the verdict on record was given with other inputs than are known "
                             "here",
                             Retry::kBackoff,
                             {}});
  }
  if (!dropped) {
    Announce(appraisal);
    KeepFailure(*recorded);
  }
  if (appraisal.reason == Reason::kEvidenceMalformed && appraisal.verdict == Verdict::kUntrusted) {
    return http::ProblemResponse(422, appraisal::ToString(appraisal.reason), appraisal.message);
  }
  return Answer(*recorded, appraisal);
}

http::Response EvidenceRound::Stale() {
  CountStale();
  return Reject(context_, agent_, 409, appraisal::wire::kStaleEvidence,
                "the quote is not later than the last one of this TPM");
}

http::Response EvidenceRound::ActivationLost(const Appraisal& appraisal,
                                             identity::ActivationLoss loss) {
  const auto status = context_.d.changes.ClearActivation(*identity_, agent_.node_uid(), loss);
  if (!status) {
    return Unavailable(context_, agent_, "clear an activation", status.error());
  }
  context_.clocks.Forget(identity_->meta.uid);
  context_.challenges.Forget(agent_.node_uid());
  context_.d.metrics.Verification(appraisal::ToString(appraisal.verdict),
                                  appraisal::ToString(appraisal.reason));
  context_.d.metrics.EvidenceRejected(appraisal::ToString(appraisal.reason));
  policies_.interval = kRetryAfterLoss;  // the agent can enrol again at once
  return Answer(*status, appraisal);
}

// Remembers the quote that was accepted, for others too when it is of another boot.
Status EvidenceRound::KeepClock(const Appraisal& appraisal) {
  if (!appraisal.clock) {
    if (appraisal.reason == Reason::kReplayedQuote) {
      CountStale();
    }
    return {};
  }
  const appraisal::BootEpoch& epoch = appraisal.clock->epoch;
  const bool same_boot = clock_ && clock_->recorded.epoch == epoch;
  if (!same_boot) {
    const auto wall = std::chrono::duration_cast<std::chrono::milliseconds>(
        context_.d.clock.Wall().time_since_epoch());
    PLIMSOLL_RETURN_IF_ERROR(context_.d.changes.RecordEpoch(
        *identity_,
        {.reset_count = epoch.reset_count,
         .restart_count = epoch.restart_count,
         .boot_id = epoch.boot_id,
         .offset_milliseconds =
             static_cast<int64_t>(appraisal.clock->clock_ms.value_or(0)) - wall.count()}));
  }
  // Known once, it is reported once; but where it is rejected, a person must have been asked.
  const bool unexplained = appraisal.clock->unexplained_reset;
  const bool known = same_boot && clock_->recorded.unexplained_reset;
  const bool rejected = IsRejectedForReset(appraisal);
  const bool report =
      unexplained && (!known || (rejected && !identity::ApprovalAskedAgain(*identity_)));
  if (report) {
    PLIMSOLL_ASSIGN_OR_RETURN(TpmIdentity reported,
                              context_.d.changes.ReportUnexplainedReset(*identity_, rejected));
    // The verdict stands on what the reset has taken away, so it is recorded with that.
    identity_ = std::make_shared<const TpmIdentity>(std::move(reported));
  }
  const int64_t reset_generation = clock_ ? clock_->reset_generation : 0;
  context_.clocks.Put(identity_->meta.uid,
                      {.recorded = *appraisal.clock,
                       .reset_generation = report ? identity_->meta.generation : reset_generation});
  return {};
}

void EvidenceRound::CountStale() {
  if (clock_) {
    clock_->recorded.stale_in_a_row += 1;
    context_.clocks.Put(identity_->meta.uid, *clock_);
  }
}

// Proof of failure outlives the Node object beside the identity. It is for people: what cannot be
// written now is written with the next verdict.
void EvidenceRound::KeepFailure(const NodeAttestationStatus& status) {
  const bool untrusted = status.summary == appraisal::ToString(Verdict::kUntrusted);
  const bool trusted = status.summary == appraisal::ToString(Verdict::kTrusted);
  const bool known = identity_->status.unacknowledged_failure.has_value();
  if ((!untrusted || known) && (!trusted || !known)) {
    return;
  }
  std::optional<UnacknowledgedFailure> failure;
  if (untrusted) {
    failure = {.time = context_.d.clock.Wall(), .reason = RecordedReason(status)};
  }
  if (const Status kept = context_.d.changes.RecordFailure(*identity_, failure); !kept) {
    context_.d.logger.Warning("failure not kept with the identity",
                              {{"node", agent_.node_name()}, {"error", kept.error().message}});
  }
}

void EvidenceRound::Announce(const Appraisal& appraisal) {
  const std::string_view reason = appraisal::ToString(appraisal.reason);
  context_.d.metrics.Verification(appraisal::ToString(appraisal.verdict), reason);
  if (appraisal.facts || appraisal.verdict != Verdict::kUntrusted) {
    return;  // genuine evidence; the recorder tells of changed verdicts
  }
  context_.d.metrics.EvidenceRejected(reason);
  context_.d.logger.Warning("evidence rejected", {{"node", agent_.node_name()},
                                                  {"pod", agent_.pod_name()},
                                                  {"identity", identity_->meta.name},
                                                  {"reason", reason},
                                                  {"message", appraisal.message}});
  context_.d.events.Record(agent_.node_name(), kube::EventType::kWarning, "EvidenceRejected",
                           "Appraise", fmt::format("evidence was rejected: {}", reason));
}

// What is recorded is what is answered: a verdict that sticks is not hidden by newer evidence.
http::Response EvidenceRound::Answer(const NodeAttestationStatus& status,
                                     const Appraisal& appraisal) {
  const std::string recorded = RecordedReason(status);
  evidence::EvidenceResponse response{.verdict = status.summary,
                                      .reason = recorded,
                                      .message = appraisal.message,
                                      .next_attestation_in = {}};
  if (recorded != appraisal::ToString(appraisal.reason)) {
    response.message = fmt::format("the recorded verdict stands; this evidence: {}",
                                   appraisal::ToString(appraisal.reason));
  }
  const double share = 0.9 + 0.1 * UniformReal(context_.d.random);
  const auto seconds = std::llround(static_cast<double>(policies_.interval.count()) * share);
  response.next_attestation_in = std::chrono::seconds(std::max<int64_t>(1, seconds));
  return http::JsonResponse(200, evidence::Encode(response));
}

}  // namespace plimsoll::controller::ingest
