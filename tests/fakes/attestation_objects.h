#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "api/node_attestation.h"
#include "api/stored_facts.h"
#include "fakes/measured_node.h"

// NodeAttestations as an appraisal of a machine with a software TPM leaves them, for tests of what
// reads them.
namespace plimsoll::fakes {

inline api::Violation ViolationOf(const appraisal::Finding& finding) {
  api::Violation violation;
  violation.check = finding.check;
  violation.reason = finding.reason ? appraisal::ToString(*finding.reason) : "";
  if (finding.pcr) {
    violation.pcr = finding.pcr->index;
  }
  if (finding.event) {
    violation.event = finding.event->index;
    violation.event_type = finding.event->type;
  }
  violation.observed = finding.observed;
  violation.expected = finding.expected;
  violation.closest = finding.closest;
  violation.message = finding.message;
  return violation;
}

// The uid of a policy in what AttestationOf makes.
inline std::string PolicyUid(const std::string& name) { return "uid-of-" + name; }

// Verified at `verified`, by these policies, under the identity "ek-NAME".
inline api::NodeAttestation AttestationOf(const std::string& name, const std::string& node_uid,
                                          MeasuredNode& machine,
                                          const std::vector<MeasuredNode::Json>& policies,
                                          WallTime verified) {
  const appraisal::Appraisal judged = machine.Judge(machine.Evidence(), policies);
  api::NodeAttestation attestation;
  attestation.meta.name = name;
  api::NodeAttestationStatus& status = attestation.status;
  status.summary = appraisal::ToString(judged.verdict);
  status.node_uid = node_uid;
  status.boot_id = "3f3e5c05-2f7a-4d9c-9a53-d3a1f5a4c0de";
  status.tpm_identity = "ek-" + name;
  status.last_verified_time = verified;
  status.expiration_time = verified + std::chrono::seconds(900);
  for (const appraisal::PolicyResult& result : judged.policies) {
    api::PolicyResult entry;
    entry.name = result.name;
    entry.uid = PolicyUid(result.name);
    entry.mode = policy::ToString(result.mode);
    entry.result = appraisal::ToString(result.outcome);
    entry.reason = appraisal::ToString(result.reason);
    entry.reference_values = result.matched_sets;
    for (const appraisal::Finding& finding : result.findings) {
      entry.violations.push_back(ViolationOf(finding));
    }
    if (entry.result == "Fail") {
      status.failed_policies += (status.failed_policies.empty() ? "" : ",") + entry.name;
    }
    status.policies.push_back(std::move(entry));
  }
  for (const evidence::PcrValue& pcr : judged.facts->pcrs) {
    status.pcrs.push_back({std::string(tcg::BankName(pcr.bank)), pcr.index, ToHex(pcr.digest), ""});
  }
  status.clock = api::TpmClock{.clock = 1000,
                               .reset_count = 1,
                               .restart_count = 0,
                               .safe = true,
                               .unexplained_reset = false,
                               .firmware_version = "7.2.3.1"};
  status.boot = api::RecordOf(*judged.facts->boot);
  const std::string reason(appraisal::ToString(judged.reason));
  status.transitions = {{verified, "Unknown", status.summary, reason}};
  auto condition = api::ConditionStatus::kUnknown;
  if (judged.verdict != appraisal::Verdict::kUnknown) {
    condition = judged.verdict == appraisal::Verdict::kTrusted ? api::ConditionStatus::kTrue
                                                               : api::ConditionStatus::kFalse;
  }
  api::Set(status.conditions,
           {.type = "Trusted", .status = condition, .reason = reason, .message = judged.message},
           verified);
  return attestation;
}

// A machine whose boot loader starts one more image.
inline MeasuredNode WithOtherBootLoader() {
  MeasuredNode machine;
  machine.log.AddImage(4, "\\EFI\\evil.efi", "evil");
  machine.Measure();
  return machine;
}

// MeasuredNode::FullPolicy without IMA, which stored facts do not tell.
inline MeasuredNode::Json MeasuredBootPolicy(const std::string& name = "measured-boot") {
  MeasuredNode::Json policy = MeasuredNode::FullPolicy();
  policy["metadata"]["name"] = name;
  policy["spec"].erase("runtime");
  return policy;
}

}  // namespace plimsoll::fakes
