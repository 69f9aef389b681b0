#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/condition.h"
#include "api/node.h"
#include "api/node_attestation.h"
#include "api/tpm_identity.h"
#include "base/clock.h"
#include "kubectl-plugin/cluster/connection.h"
#include "policy/attestation_policy.h"
#include "policy/endorsement_authority.h"
#include "policy/reference_values.h"

// What a cluster holds of Plimsoll's objects, read once for one command.
namespace plimsoll::plugin {

struct PolicyRecord {
  kube::ObjectMeta meta;
  policy::AttestationPolicy policy;
  int64_t matched = 0;
  int64_t passing = 0;
  int64_t failing = 0;
  int64_t unknown = 0;
  int64_t tainted = 0;
  api::Conditions conditions;
};

struct ReferenceRecord {
  kube::ObjectMeta meta;
  policy::ReferenceValues values;
  int64_t matched_nodes = 0;
  bool reported = false;     // the controller has written a status
  std::string policy_names;  // comma-joined
  std::optional<WallTime> last_matched;
  api::Conditions conditions;
};

struct AuthorityRecord {
  kube::ObjectMeta meta;
  policy::EndorsementAuthority authority;
  int64_t certificates = 0;
  std::optional<std::chrono::sys_seconds> earliest_expiry;
  api::Conditions conditions;
};

struct ExceptionRecord {
  kube::ObjectMeta meta;
  std::string reason;
  std::vector<std::string> node_names;
  bool selects = false;  // by a selector, too
  std::vector<std::string> policy_refs;
  std::optional<WallTime> expires_at;
  int64_t nodes = 0;
  api::Conditions conditions;
};

struct Fleet {
  std::vector<api::NodeAttestation> attestations;
  std::vector<api::TpmIdentity> identities;
  std::vector<PolicyRecord> policies;
  std::vector<ReferenceRecord> references;
  std::vector<AuthorityRecord> authorities;
  std::vector<ExceptionRecord> exceptions;
  std::optional<std::vector<api::Node>> nodes;  // absent: the user may not read Nodes
  std::vector<std::string> problems;            // objects and kinds that could not be read

  const api::NodeAttestation* Attestation(const std::string& node) const;
  const api::TpmIdentity* Identity(const std::string& name) const;
  const api::Node* Node(const std::string& name) const;
};

// Reads all of it; every list is sorted by name. NodeAttestations without their boot record, unless
// `boot` is kKeep. Fails only when the NodeAttestations or the policies cannot be read; what else
// is forbidden is a problem.
Result<Fleet> ReadFleet(Connection& connection,
                        api::NodeAttestation::Boot boot = api::NodeAttestation::Boot::kDrop);

Result<PolicyRecord> ParsePolicy(std::string_view json);
Result<ReferenceRecord> ParseReferences(std::string_view json);
Result<AuthorityRecord> ParseAuthority(std::string_view json);
Result<ExceptionRecord> ParseException(std::string_view json);

}  // namespace plimsoll::plugin
