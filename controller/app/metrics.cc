#include "controller/app/metrics.h"

#include <fmt/format.h>

#include "appraisal/reason.h"

namespace plimsoll::controller {
namespace {

using telemetry::MetricFamily;
using telemetry::MetricType;

constexpr std::array kFamilies = {
    MetricFamily{.name = "plimsoll_build_info",
                 .help = "Version of the running program; always 1.",
                 .labels = {"component", "version", "revision"}},
    MetricFamily{.name = "plimsoll_nodes",
                 .help = "Nodes by verdict; from the leader.",
                 .labels = {"verdict"}},
    MetricFamily{.name = "plimsoll_node_verdict",
                 .help = "1 for the verdict that the node has, 0 for the others; from the leader.",
                 .labels = {"node", "verdict"}},
    MetricFamily{.name = "plimsoll_node_last_verified_timestamp_seconds",
                 .help = "When the node's last quote verified; from the leader.",
                 .labels = {"node"}},
    MetricFamily{.name = "plimsoll_node_policy_failing",
                 .help = "1 for each policy that the node fails; from the leader.",
                 .labels = {"node", "policy"}},
    MetricFamily{.name = "plimsoll_policy_nodes",
                 .help = "Nodes that a policy selects, by result; from the leader.",
                 .labels = {"policy", "result"}},
    MetricFamily{.name = "plimsoll_policy_ready",
                 .help = "Whether the policy can be judged; from the leader.",
                 .labels = {"policy"}},
    MetricFamily{.name = "plimsoll_verifications_total",
                 .help = "Appraisals by verdict and reason.",
                 .type = MetricType::kCounter,
                 .labels = {"result", "reason"}},
    MetricFamily{.name = "plimsoll_verification_duration_seconds",
                 .help = "Time that a stage of an appraisal took.",
                 .type = MetricType::kHistogram,
                 .labels = {"stage"}},
    MetricFamily{.name = "plimsoll_evidence_rejected_total",
                 .help = "Requests and evidence that were refused, by reason.",
                 .type = MetricType::kCounter,
                 .labels = {"reason"}},
    MetricFamily{.name = "plimsoll_evidence_size_bytes",
                 .help = "Size of evidence bodies.",
                 .type = MetricType::kHistogram,
                 .buckets = telemetry::kBytesBuckets},
    MetricFamily{.name = "plimsoll_identities",
                 .help = "TPM identities by decision; from the leader.",
                 .labels = {"decision"}},
    MetricFamily{.name = "plimsoll_enforcement_actions_total",
                 .help = "Writes to Nodes by action and result.",
                 .type = MetricType::kCounter,
                 .labels = {"action", "result"}},
    MetricFamily{.name = "plimsoll_enforcement_blocked",
                 .help = "Nodes whose taint the budget of the policy holds back; from the leader.",
                 .labels = {"policy"}},
    MetricFamily{.name = "plimsoll_exceptions_active",
                 .help = "AttestationExceptions that are in force; from the leader."},
    MetricFamily{.name = "plimsoll_policy_rollout_halted",
                 .help = "Whether the staged rollout of the policy is halted; from the leader.",
                 .labels = {"policy"}},
    MetricFamily{.name = "plimsoll_endorsement_authority_expiry_timestamp_seconds",
                 .help = "When the first certificate of the authority expires; from the leader.",
                 .labels = {"authority"}},
    MetricFamily{.name = "plimsoll_weak_firmware_nodes",
                 .help = "Nodes whose TPM has firmware that is known to be weak; from the leader."},
    MetricFamily{.name = "plimsoll_controller_leader",
                 .help = "Whether this replica is the leader."},
    MetricFamily{.name = "plimsoll_kube_requests_total",
                 .help = "Requests to the API server; code 0 means no response.",
                 .type = MetricType::kCounter,
                 .labels = {"verb", "resource", "code"}},
    MetricFamily{.name = "plimsoll_kube_request_duration_seconds",
                 .help = "Duration of requests to the API server; of watches until they begin.",
                 .type = MetricType::kHistogram,
                 .labels = {"verb", "resource"}},
    MetricFamily{
        .name = "workqueue_depth", .help = "Keys that wait in the queue.", .labels = {"name"}},
    MetricFamily{.name = "workqueue_adds_total",
                 .help = "Keys added to the queue.",
                 .type = MetricType::kCounter,
                 .labels = {"name"}},
    MetricFamily{.name = "workqueue_retries_total",
                 .help = "Keys added again after a failure.",
                 .type = MetricType::kCounter,
                 .labels = {"name"}},
};

// The reason of a request that the server refused before any handler saw it; empty for others,
// which the handlers count themselves.
std::string_view ServerReason(const http::RequestRecord& record) {
  namespace wire = appraisal::wire;
  if (record.status == 413 || record.status == 431) {
    return wire::kTooLarge;
  }
  if (record.route.empty()) {
    return record.status == 404   ? wire::kNotFound
           : record.status == 405 ? wire::kMethodNotAllowed
                                  : wire::kRequestMalformed;
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ProgramMetrics>> ProgramMetrics::Create() {
  static_assert(kFamilies.size() == static_cast<size_t>(Family::kWorkqueueRetries) + 1);
  PLIMSOLL_ASSIGN_OR_RETURN(auto families, telemetry::Metrics::Create(kFamilies));
  auto metrics = std::unique_ptr<ProgramMetrics>(new ProgramMetrics(std::move(families)));
  metrics->families()
      .Gauge(Family::kBuildInfo, {"controller", PLIMSOLL_VERSION, PLIMSOLL_REVISION})
      .Set(1);
  return metrics;
}

void ProgramMetrics::Verification(std::string_view result, std::string_view reason) {
  families_->Counter(Family::kVerifications, {result, reason}).Increment();
}

void ProgramMetrics::StageDuration(std::string_view stage, double seconds) {
  families_->Histogram(Family::kVerificationDuration, {stage}).Observe(seconds);
}

void ProgramMetrics::EvidenceRejected(std::string_view reason) {
  families_->Counter(Family::kEvidenceRejected, {reason}).Increment();
}

void ProgramMetrics::EvidenceSize(double bytes) {
  families_->Histogram(Family::kEvidenceSize).Observe(bytes);
}

void ProgramMetrics::EnforcementAction(std::string_view action, std::string_view result) {
  families_->Counter(Family::kEnforcementActions, {action, result}).Increment();
}

void ProgramMetrics::OnRequest(const http::RequestRecord& record) {
  if (record.status < 400) {
    return;
  }
  if (const std::string_view reason = ServerReason(record); !reason.empty()) {
    EvidenceRejected(reason);
  }
}

void ProgramMetrics::KubeRequest(const kube::RequestRecord& record) {
  families_
      ->Counter(Family::kKubeRequests,
                {record.verb, record.resource, fmt::format("{}", record.code)})
      .Increment();
  families_->Histogram(Family::kKubeRequestDuration, {record.verb, record.resource})
      .Observe(record.duration.count());
}

}  // namespace plimsoll::controller
