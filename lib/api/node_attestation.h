#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/condition.h"
#include "base/clock.h"
#include "base/result.h"
#include "kube/resource.h"

namespace plimsoll::api {

// One reason why a policy was not met, as people read it.
struct Violation {
  std::string check = {};   // the id of the check, for example Q17 or P4
  std::string reason = {};  // of appraisal::Reason; empty: a remark, which fails nothing
  std::optional<int64_t> pcr = {};
  std::optional<int64_t> event = {};  // index in the boot event log or in the IMA list
  std::string event_type = {};
  std::string observed = {};
  std::string expected = {};  // the closest accepted value
  std::string closest = {};   // the ReferenceValues object that has it; empty: the policy itself
  std::string message = {};

  bool operator==(const Violation&) const = default;
};

struct PolicyResult {
  std::string name;
  std::string uid;
  int64_t observed_generation = 0;
  std::string mode;    // Enforce, Audit, Suspended
  std::string result;  // Pass, Fail, Unknown
  std::string reason;
  bool held_over = false;  // a part of it is an earlier result, which stored facts do not tell anew
  std::optional<WallTime> judged_time;  // of the last real judgement; a Suspended policy's result
                                        // stands from then on until it expires
  std::vector<Violation> violations;    // at most 16
  // What the IMA rules have rejected since boot, though the list may not count yet; at most 4.
  std::vector<Violation> runtime_rejected = {};
  std::vector<std::string> reference_values = {};  // names of the sets that the node matches

  bool operator==(const PolicyResult&) const = default;
};

struct PcrValue {
  std::string bank;
  int64_t index = 0;
  std::string digest;  // lower-case hex
  std::string result;  // Pass, Fail, or empty where no policy reads it

  bool operator==(const PcrValue&) const = default;
};

// Of the last quote that verified. clock is in milliseconds of the TPM's own time.
struct TpmClock {
  int64_t clock = 0;
  int64_t reset_count = 0;
  int64_t restart_count = 0;
  bool safe = false;
  bool unexplained_reset =
      false;                     // the boot epoch began with a TPM reset under an unchanged boot ID
  std::string firmware_version;  // the quote's firmwareVersion as A.B.C.D

  bool operator==(const TpmClock&) const = default;
};

// What the boot event log proved beside the last good quote: status.boot, with the facts complete
// (appraisal/boot_archive.h) for judging again. Tens of kilobytes a node, so informers drop the
// text and keep its digest; who judges again reads the object itself.
struct BootRecord {
  std::string json;    // the canonical text of status.boot; empty when it was dropped
  std::string digest;  // SHA-256 of it in hex; empty: nothing is recorded

  static BootRecord Of(std::string json);
  bool dropped() const { return json.empty() && !digest.empty(); }
  bool operator==(const BootRecord& other) const { return digest == other.digest; }
};

// How far the IMA list of this boot was judged.
struct ImaRecord {
  int64_t entries = 0;     // judged so far, those of other PCRs too: where the next chunk begins
  std::string bank;        // of the quoted PCR 10
  std::string digest;      // PCR 10 after them, in hex
  int64_t violations = 0;  // since boot
  std::string boot_aggregate;  // hex; empty: none was seen
  bool begun = false;          // ima::Generation
  bool kexec_pending = false;
  std::string rules;  // fingerprint of the IMA rules that judged them

  bool operator==(const ImaRecord&) const = default;
};

struct Transition {
  WallTime time{};
  std::string from;
  std::string to;
  std::string reason;

  bool operator==(const Transition&) const = default;
};

// A proven failure that was not acknowledged, under a policy with recovery: Acknowledged.
struct Failure {
  WallTime time{};
  std::string reason;
  std::string inputs;        // that it was judged with; empty: it was under an earlier Node
  int64_t reset_count = -1;  // of the boot that failed; -1: not known
  int64_t restart_count = -1;

  bool operator==(const Failure&) const = default;
};

// What the controller believes about one node, and why. Times that are absent are nullopt.
struct NodeAttestationStatus {
  std::string summary = "Unknown";  // Trusted, Untrusted, Unknown
  std::string node_uid;             // the Node object that all of this is about
  std::string boot_id;
  std::string tpm_identity;
  std::optional<WallTime>
      last_verified_time;  // of the last quote whose signature, nonce and PCR digest were good
  std::optional<WallTime> last_trusted_time;  // of the last appraisal that gave Trusted; absent =
                                              // never under this node UID
  std::optional<WallTime> expiration_time;    // until when the last verified evidence counts
  int64_t consecutive_failures = 0;
  std::string inputs;           // hash of everything that was judged with (policies::InputsHash)
  std::string failed_policies;  // comma-joined names, at most 256 characters
  std::vector<PolicyResult> policies;
  std::vector<PcrValue> pcrs;
  std::optional<TpmClock> clock;
  BootRecord boot;
  std::optional<ImaRecord> ima;
  std::string enforced_label;  // what the leader last saw on the Node
  std::string enforced_taint;
  std::string withheld_by;  // why a taint is not there that the verdict asks for; empty: it is
  std::optional<Failure> failure;       // that stands in the way of trust
  std::vector<Transition> transitions;  // the last ten
  Conditions conditions;                // Trusted, EvidenceFresh, IdentityVerified, BootVerified,
                                        // RuntimeVerified, AuditPassed, Enforced

  bool operator==(const NodeAttestationStatus&) const = default;
};

// The NodeAttestation resource: named after its Node and owned by it; written by the controller
// alone.
struct NodeAttestation {
  kube::ObjectMeta meta;
  std::string owner_uid;  // of the Node that owns it; empty where no Node does
  NodeAttestationStatus status;

  enum class Boot : uint8_t { kKeep, kDrop };  // the text of status.boot

  static Result<NodeAttestation> Parse(std::string_view json, Boot boot = Boot::kKeep);

  // Whether a person has asked for everything anew (annotation reattest-requested-at) since the
  // last evidence. A request of the future is none.
  bool ReattestationIsDue(WallTime now) const;

  // The object as it is created for a Node: no status, owned by that Node so that it goes when the
  // Node goes.
  static std::string EncodeForCreate(std::string_view node_name, std::string_view node_uid);

  // The whole object with its resourceVersion, for PUT on /status: a compare-and-swap, the single
  // lock of a node. Only for a status whose boot record was not dropped.
  std::string EncodeForStatusUpdate() const;

  // The same as a merge patch (RFC 7386) that leaves status.boot as it is: for a status whose boot
  // record is the one of `before`.
  std::string EncodeForStatusPatch(const NodeAttestationStatus& before) const;
};

}  // namespace plimsoll::api
