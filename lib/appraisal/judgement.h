#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "appraisal/boot_evidence.h"
#include "appraisal/finding.h"
#include "appraisal/reason.h"
#include "appraisal/runtime_evidence.h"
#include "crypto/attestation_key.h"
#include "evidence/evidence.h"
#include "policy/compiled_policy.h"
#include "tcg/attest.h"

// From facts to a verdict. The same code judges fresh evidence and, when an input has changed, the
// facts that were stored.
namespace plimsoll::appraisal {

// What genuine evidence has proven. Where stored facts lack a member, rules that read it are
// Unknown/EvidenceExpired until new evidence comes.
struct Facts {
  std::vector<evidence::PcrValue> pcrs;  // exactly those that the quote covers
  std::optional<tcg::ClockInfo> clock;
  std::optional<policy::FirmwareVersion> firmware;
  std::string boot_id;
  bool unexplained_reset = false;
  std::optional<BootEvidence> boot;  // absent in stored facts that lack it
  bool key_proven = true;            // false: the key has no public area to judge
};

enum class Decision : uint8_t {
  kPending,
  kApproved,
  kDenied,
  kRevoked
};  // TPMIdentity spec.decision

struct AdmissionRecord {  // TPMIdentity status.admissions[]
  enum class By : uint8_t { kHuman, kEndorsementCertificate, kFirstUse };
  By by = By::kHuman;
  std::string ref;  // of a certificate: the EndorsementAuthority; of a first use: the policy's uid
};

// The values that a policy holds the node to (TPMIdentity status.baselines[]). A value that cannot
// be read is there with no bytes, so that nothing equals it.
struct BaselineRecord {
  std::string policy_uid;
  std::vector<evidence::PcrValue> pcrs;
};

// What is known of the identity (TPMIdentity) that the key belongs to.
struct IdentityFacts {
  // What can be known of the admission. In a cluster everything; from a bundle nobody's decision,
  // and of an endorsement only what its certificate proves.
  enum class Source : uint8_t { kCluster, kBundleWithEndorsement, kBundle };
  Source source = Source::kCluster;

  Decision decision = Decision::kPending;
  std::vector<AdmissionRecord> admissions;
  crypto::KeyProfile key_profile = crypto::KeyProfile::kOther;
  std::string denial;  // why an endorsement was refused, for people; of a bundle only
  std::string
      manufacturer;  // TCG vendor id, by a good EK certificate or an approved identity; empty when unknown
  std::vector<BaselineRecord> baselines = {};
};

// What a cluster may still give an identity or record of it, before it judges again. A pure
// function cannot: others may do the same at the same time.
struct Outstanding {
  // Of the quoted PCRs with `match: Unchanged` or `FirstUse`, those whose value is to be recorded.
  std::vector<evidence::PcrValue> baseline = {};
  // The policy admits by first use, and this identity, which nobody has decided about, is not
  // admitted.
  bool first_use = false;
  std::string floor_problem = {};  // why identity.firstUse.referenceValueRefs do not hold
  bool nothing_else = false;       // but for the above the policy passes
};

enum class PolicyOutcome : uint8_t { kUnknown, kFail, kPass };

std::string_view ToString(PolicyOutcome outcome);  // "Unknown", "Fail", "Pass"

// How one policy fares on one node: an entry of NodeAttestation status.policies.
struct PolicyResult {
  std::string name;
  std::string uid;
  int64_t generation = 0;
  policy::Mode mode = policy::Mode::kAudit;
  PolicyOutcome outcome = PolicyOutcome::kUnknown;
  Reason reason = Reason::kPolicyNotReady;  // kAllPoliciesPassed for kPass
  // IdentityPending or IdentityDenied when the policy's admission does not hold. The measurements
  // are judged and shown all the same, but decide nothing.
  std::optional<Reason> identity;
  Outstanding outstanding = {};
  bool stands = false;     // Suspended: this is its last result, not a new one
  bool held_over = false;  // a part of it is the last result's, since stored facts do not tell it
  std::vector<std::string> matched_sets = {};  // ReferenceValues that accept something of the node
  bool deprecated = false;                     // one of them is Deprecated
  bool asks_boot = false;                      // the policy has rules about the boot event log
  bool asks_runtime = false;                   // the policy needs the IMA list
  Findings findings;
  Findings runtime_rejected = {};  // what the IMA rules have rejected since boot; goes on to the
                                   // next appraisal of the same boot by the same rules
};

// A policy that selects the node.
struct AppliedPolicy {
  std::shared_ptr<const policy::CompiledPolicy> policy;

  // Its last result, if that has not expired. It stands for a Suspended policy; and, where stored
  // facts are judged, for what they do not tell (IMA entries, facts that were too large to store),
  // as long as `may_hold_over`.
  std::optional<PolicyResult> last;
  bool may_hold_over = false;
  Findings runtime_rejected = {};  // PolicyResult::runtime_rejected of the last appraisal
};

struct Judgement {
  Verdict verdict = Verdict::kUnknown;
  Reason reason = Reason::kNoEnforcingPolicy;
  std::string message;                 // a sentence; names policies and PCRs, no values
  std::vector<PolicyResult> policies;  // in the order given

  // The condition AuditPassed: whether every Audit policy passes; absent without one.
  std::optional<bool> audit_passed;
};

// Judges every policy. A pure function; never Trusted without an Enforce (or Suspended) policy, a
// proven key and an admitted identity.
//
// `rejection`: the evidence itself is rejected for this reason (a log that does not fit the quote),
// whatever the policies find; `runtime`: the IMA list, null when there is only what was stored.
Judgement JudgePolicies(const Facts& facts, const IdentityFacts& identity,
                        const std::vector<AppliedPolicy>& policies,
                        const std::optional<Finding>& rejection = std::nullopt,
                        RuntimeEvidence* runtime = nullptr);

}  // namespace plimsoll::appraisal
