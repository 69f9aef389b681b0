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
};

enum class TaintEffect : uint8_t { kNone, kPreferNoSchedule, kNoSchedule };

std::string_view ToString(Mode mode);
std::string_view ToString(Admission admission);
std::string_view ToString(TaintEffect effect);  // the very words of Kubernetes; "None" is ours

struct IdentityRule {
  Admission admission = Admission::kApproved;
  std::vector<std::string> authority_refs;  // names of EndorsementAuthority objects
  std::vector<crypto::KeyProfile> key_profiles = {
      crypto::KeyProfile::kP384, crypto::KeyProfile::kP256, crypto::KeyProfile::kRsa2048};
};

struct Freshness {
  std::chrono::seconds interval{300};
  std::chrono::seconds expire{900};
};

// spec.pcrs[]: the PCR must hold one of the values.
struct PcrRule {
  tcg::AlgorithmId bank = tcg::AlgorithmId::kSha256;
  uint32_t index = 0;         // 0-23
  std::vector<Bytes> any_of;  // each of the bank's digest size
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
  TpmRule tpm;
  TaintEffect taint_effect = TaintEffect::kNoSchedule;
  std::string problem;  // empty when the whole spec was understood

  // From the object's JSON. Fails only when it is no AttestationPolicy with a name.
  static Result<AttestationPolicy> Parse(std::string_view json);
};

}  // namespace plimsoll::policy
