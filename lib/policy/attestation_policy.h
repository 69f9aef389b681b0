#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/attestation_key.h"
#include "policy/boot_rule.h"
#include "policy/firmware_version.h"
#include "policy/label_selector.h"
#include "policy/object_meta.h"
#include "tcg/algorithm.h"

namespace plimsoll::policy {

enum class Mode : uint8_t {
  kAudit,  // judged and shown, decides nothing
  kEnforce,
  kSuspended,  // its last result stands until it expires
};

enum class Admission : uint8_t {
  kApproved,                // by a person
  kEndorsementCertificate,  // by an EK certificate of one of the authorities, or by a person
  kFirstUse,                // the first TPM that the node shows, within the policy's guard rails
};

enum class TaintEffect : uint8_t { kNone, kPreferNoSchedule, kNoSchedule, kNoExecute };

enum class PcrMatch : uint8_t {
  kReference,     // one of the listed values
  kEventLogOnly,  // exactly what the boot event log explains
  kUnchanged,     // the value at the identity's approval
  kFirstUse,      // the value at the first use under this policy
};

enum class Recovery : uint8_t {
  kAutomatic,
  kAcknowledged,  // Untrusted is left only by a new boot, changed inputs or a person's word
};

std::string_view ToString(Mode mode);
std::string_view ToString(Admission admission);
std::string_view ToString(TaintEffect effect);  // the very words of Kubernetes; "None" is ours
std::string_view ToString(PcrMatch match);
std::string_view ToString(Recovery recovery);

// spec.identity.firstUse
struct FirstUseRule {
  std::optional<std::chrono::sys_seconds> not_after;
  int64_t quorum = 1;  // how many nodes must show the same values
  std::vector<std::string> reference_refs;
};

struct IdentityRule {
  Admission admission = Admission::kApproved;
  std::vector<std::string> authority_refs;  // names of EndorsementAuthority objects
  FirstUseRule first_use;
  std::vector<crypto::KeyProfile> key_profiles = {
      crypto::KeyProfile::kP384, crypto::KeyProfile::kP256, crypto::KeyProfile::kRsa2048};
};

struct Freshness {
  std::chrono::seconds interval{300};
  std::chrono::seconds expire{900};
};

// spec.pcrs[]
struct PcrRule {
  tcg::AlgorithmId bank = tcg::AlgorithmId::kSha256;
  uint32_t index = 0;  // 0-23
  PcrMatch match = PcrMatch::kReference;
  std::vector<Bytes> any_of;                // each of the bank's digest size
  std::vector<std::string> reference_refs;  // sets whose values of this PCR count too
};

struct FirmwareFloor {
  std::string manufacturer;  // TCG vendor id
  FirmwareVersion version;
};

struct TpmRule {
  std::vector<FirmwareFloor> firmware_floor;
  bool require_clock_safe = false;        // clockSafe: Require
  bool reject_unexplained_reset = false;  // unexplainedReset: Reject
};

// spec.enforcement, but for the taint's effect.
struct EnforcementRule {
  std::string max_untrusted;  // a number or a percentage as written; empty: no limit of its own
  std::chrono::seconds unknown_grace{0};
  Recovery recovery = Recovery::kAutomatic;
};

// spec.rollout
struct RolloutRule {
  int64_t percent = 100;
  std::optional<LabelSelector> selector;
  int64_t halt_after_failures = 1;
};

// An AttestationPolicy object as read from the API server or a file.
//
// A policy that can be named is never lost: when its spec cannot be obeyed to the letter (a wrong
// value, a field of another version), `problem` says why, and the object still selects nodes, so
// that they become Unknown/PolicyNotReady. What could not be read falls to the side that holds more
// back: every node is selected, the mode is Enforce.
struct AttestationPolicy {
  ObjectMeta meta;
  Mode mode = Mode::kAudit;
  LabelSelector node_selector;
  IdentityRule identity;
  Freshness freshness;
  std::vector<PcrRule> pcrs;
  std::optional<BootRule> boot;  // absent: no boot rules
  RuntimeRule runtime;
  TpmRule tpm;
  TaintEffect taint_effect = TaintEffect::kNoSchedule;
  EnforcementRule enforcement;
  std::optional<RolloutRule> rollout;  // absent: everywhere at once
  std::string problem;                 // empty when the whole spec was understood
  std::string unknown_field;           // the first, when the problem is a field that is not known

  // From the object's JSON. Fails only when it is no AttestationPolicy with a name.
  static Result<AttestationPolicy> Parse(std::string_view json);
};

}  // namespace plimsoll::policy
