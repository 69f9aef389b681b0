#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/condition.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "kube/resource.h"

namespace plimsoll::api {

enum class Decision : uint8_t { kPending, kApproved, kDenied, kRevoked };

std::string_view ToString(Decision decision);
Result<Decision> DecisionFromText(std::string_view text);

// Why an identity counts (api.md 3.3). `ref` is, for kHuman, the metadata.generation at which a
// person approved; for kEndorsementCertificate the name of the EndorsementAuthority that the EK
// certificate chains to; for kFirstUse the uid of the policy whose guard rails let it in.
struct Admission {
  enum class By : uint8_t { kHuman, kEndorsementCertificate, kFirstUse };
  By by = By::kHuman;
  std::string ref;

  bool operator==(const Admission&) const = default;
};

struct Endorsement {
  std::string certificate;  // base64 of the DER, as the agent sent it; empty = the TPM has none
  std::vector<std::string> chain;  // base64 of the DER of certificates that the agent offered
                                   // beside it: hints, never trusted
  std::string authority;           // EndorsementAuthority that it chains to; empty = none
  std::string issuer;
  std::optional<std::chrono::sys_seconds> not_after;  // often the year 9999
  std::string manufacturer;                           // TCG vendor id, for example IFX
  std::string model;
  std::string version;

  bool operator==(const Endorsement&) const = default;
};

// What the agent says about its TPM: shown to people, never judged.
struct TpmDescription {
  std::string manufacturer;
  std::string vendor;
  std::string firmware_version;
  std::string spec_revision;

  bool operator==(const TpmDescription&) const = default;
};

struct ActivatedKey {
  std::string name;     // AK Name in hex
  Bytes public_area;    // TPMT_PUBLIC as enrolled
  std::string profile;  // p384, p256, rsa2048
  WallTime activated_time{};
  std::string endorsement_key_name = {};  // Name of the EK in hex: the AK may be its child

  bool operator==(const ActivatedKey&) const = default;
};

// The boot epoch last seen (verification.md, 12).
struct BootEpoch {
  int64_t reset_count = 0;
  int64_t restart_count = 0;
  std::string boot_id;
  int64_t offset_milliseconds = 0;  // TPM clock minus time of receipt, in this epoch

  bool operator==(const BootEpoch&) const = default;
};

struct UnacknowledgedFailure {
  WallTime time{};
  std::string reason;

  bool operator==(const UnacknowledgedFailure&) const = default;
};

// A PCR value that a policy holds the node to.
struct BaselinePcr {
  std::string bank;
  int64_t index = 0;
  std::string digest;  // lower-case hex

  bool operator==(const BaselinePcr&) const = default;
};

// The values of a policy's PCRs with `match: Unchanged` or `FirstUse`, as they were when the
// identity began to count for it. At most kMaxBaselines.
struct Baseline {
  std::string policy_uid;
  std::optional<WallTime> time;
  std::vector<BaselinePcr> pcrs;

  bool operator==(const Baseline&) const = default;
};

inline constexpr size_t kMaxBaselines = 32;
inline constexpr size_t kMaxAdmissions = 32;

// The condition that remembers a decision Revoked. It is final: an identity that has it (True) is
// read as Revoked, whatever its spec says since.
inline constexpr char kRevokedCondition[] = "Revoked";

std::string_view ToString(Admission::By by);  // Human, EndorsementCertificate, FirstUse

struct TpmIdentityStatus {
  std::string node_uid;
  Endorsement endorsement;
  TpmDescription tpm;
  std::optional<ActivatedKey> attestation_key;
  std::vector<Admission> admissions;
  std::optional<BootEpoch> epoch;
  std::vector<Baseline> baselines;
  std::optional<UnacknowledgedFailure> unacknowledged_failure;
  Conditions conditions;  // EndorsementVerified, KeyActivated, ConflictFree, FirmwareWeak

  bool operator==(const TpmIdentityStatus&) const = default;
};

// The TPMIdentity resource: which EK belongs to which node, which AK is proven, and why it counts.
struct TpmIdentity {
  kube::ObjectMeta meta;
  std::string endorsement_key_sha256;  // hex of SHA-256 of the EK's DER SubjectPublicKeyInfo
  std::string node_name;
  std::string source;  // Manual or Discovered
  Decision decision = Decision::kPending;
  std::string decision_reason;
  TpmIdentityStatus status;

  static Result<TpmIdentity> Parse(std::string_view json);

  // "ek-" and the first 32 hex digits; whoever finds an object by this name still compares the
  // whole hash.
  static std::string NameFor(std::string_view endorsement_key_sha256);

  // Admitted identities alone exclude others (api.md 3.3): Approved, or Pending with an admission.
  bool Admitted() const;

  // Whether a quote under the recorded key may be asked for and judged at all.
  bool MayAttest() const {
    return status.attestation_key && decision != Decision::kDenied &&
           decision != Decision::kRevoked;
  }

  // The object as it is created: metadata.name and spec only.
  std::string EncodeForCreate() const;

  // The object with uid, resourceVersion and status, for PUT on /status: a compare-and-swap. The
  // API server keeps spec and labels as they are.
  std::string EncodeForStatusUpdate() const;
};

}  // namespace plimsoll::api
