#pragma once

#include <memory>
#include <optional>

#include "appraisal/appraisal.h"
#include "controller/ingest/challenge_store.h"
#include "controller/ingest/ingest_context.h"
#include "evidence/evidence.h"

namespace plimsoll::controller::ingest {

// One answer to a challenge, from the decoded body to the recorded verdict. Made for one request.
class EvidenceRound {
 public:
  // All references must outlive it.
  EvidenceRound(IngestContext& context, const AgentPrincipal& agent, const Challenge& challenge)
      : context_(context), agent_(agent), challenge_(challenge) {}

  // Judges the evidence, records what follows and answers. `evidence` is what the body decoded to,
  // or why it did not. An answer other than 200 and 422 leaves the verdict as it was.
  http::Response Run(Result<evidence::Evidence> evidence);

 private:
  std::optional<http::Response> FindIdentity();
  std::optional<http::Response> RecallClock();
  std::optional<http::Response> CompleteLogs(evidence::Evidence& evidence);
  void KeepLog(const evidence::Evidence& evidence, const appraisal::Appraisal& appraisal);
  bool InputsAreCurrent(const NodeAttestation& current, const std::string& inputs);
  Result<appraisal::Appraisal> Appraise(const Result<evidence::Evidence>& evidence);
  Result<appraisal::Appraisal> WithFirstRecords(const Result<evidence::Evidence>& evidence,
                                                appraisal::Appraisal appraisal);
  std::shared_ptr<const appraisal::SigningKey> Key();

  http::Response Judged(const appraisal::Appraisal& appraisal);
  http::Response Stale();
  http::Response ActivationLost(const appraisal::Appraisal& appraisal,
                                identity::ActivationLoss loss);
  Status KeepClock(const appraisal::Appraisal& appraisal);
  void CountStale();
  void KeepFailure(const NodeAttestationStatus& status);
  void Announce(const appraisal::Appraisal& appraisal);
  http::Response Answer(const NodeAttestationStatus& status, const appraisal::Appraisal& appraisal);

  IngestContext& context_;
  const AgentPrincipal& agent_;
  const Challenge& challenge_;
  policies::NodePolicies policies_;
  NodeAttestationStatus status_;  // as this replica last saw it; empty when of another Node UID
  std::shared_ptr<const TpmIdentity> identity_;
  std::optional<ClockBook::Entry> clock_;
};

}  // namespace plimsoll::controller::ingest
