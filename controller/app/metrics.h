#pragma once

#include <array>
#include <memory>
#include <string>

#include "base/result.h"
#include "controller/metrics.h"
#include "http/observer.h"
#include "kube/client.h"
#include "telemetry/metrics.h"

namespace plimsoll::controller {

// The controller's metric families, in the order of the table in metrics.cc.
enum class Family : size_t {
  kBuildInfo,
  kNodes,
  kNodeVerdict,
  kNodeLastVerified,
  kNodePolicyFailing,
  kPolicyNodes,
  kPolicyReady,
  kVerifications,
  kVerificationDuration,
  kEvidenceRejected,
  kEvidenceSize,
  kIdentities,
  kEnforcementActions,
  kEnforcementBlocked,
  kExceptionsActive,
  kRolloutHalted,
  kAuthorityExpiry,
  kWeakFirmwareNodes,
  kLeader,
  kKubeRequests,
  kKubeRequestDuration,
  kWorkqueueDepth,
  kWorkqueueAdds,
  kWorkqueueRetries,
};

// What the parts of the controller count, as Prometheus families. Thread-safe.
class ProgramMetrics final : public Metrics, public http::Observer {
 public:
  static Result<std::unique_ptr<ProgramMetrics>> Create();

  void Verification(std::string_view result, std::string_view reason) override;
  void StageDuration(std::string_view stage, double seconds) override;
  void EvidenceRejected(std::string_view reason) override;
  void EvidenceSize(double bytes) override;
  void EnforcementAction(std::string_view action, std::string_view result) override;

  // http::Observer: refusals that the server itself makes.
  void OnRequest(const http::RequestRecord& record) override;

  void KubeRequest(const kube::RequestRecord& record);

  telemetry::Metrics& families() { return *families_; }

 private:
  explicit ProgramMetrics(std::unique_ptr<telemetry::Metrics> families)
      : families_(std::move(families)) {}
  std::unique_ptr<telemetry::Metrics> families_;
};

}  // namespace plimsoll::controller
