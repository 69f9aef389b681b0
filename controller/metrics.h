#pragma once

#include <string_view>

namespace plimsoll::controller {

// What the parts of the controller count. The program's implementation is a table of Prometheus
// families (app/metrics.h); tests bring their own. Thread-safe. Label values are words of ours
// (reasons, stages, actions) or names of API objects, never bytes from an agent.
class Metrics {
 public:
  virtual ~Metrics() = default;
  virtual void Verification(std::string_view result,
                            std::string_view reason) = 0;  // plimsoll_verifications_total
  virtual void StageDuration(std::string_view stage,
                             double seconds) = 0;              // token, signature, policy
  virtual void EvidenceRejected(std::string_view reason) = 0;  // plimsoll_evidence_rejected_total
  virtual void EvidenceSize(double bytes) = 0;
  virtual void EnforcementAction(std::string_view action, std::string_view result) = 0;
};

}  // namespace plimsoll::controller
