#include "kubectl-plugin/cluster/fleet.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/json_fields.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::json;
namespace fields = api::json_fields;

struct StatusFields {
  json status;
  api::Conditions conditions;
};

Result<StatusFields> ReadStatus(const json& object) {
  StatusFields read;
  PLIMSOLL_ASSIGN_OR_RETURN(read.status, fields::Object(object, "status"));
  PLIMSOLL_ASSIGN_OR_RETURN(const json list, fields::List(read.status, "conditions"));
  PLIMSOLL_ASSIGN_OR_RETURN(read.conditions, api::ConditionsFromJson(list));
  return read;
}

template <class T>
void SortByName(std::vector<T>& all) {
  std::sort(all.begin(), all.end(),
            [](const T& a, const T& b) { return a.meta.name < b.meta.name; });
}

template <class T>
const T* FindByName(const std::vector<T>& all, const std::string& name) {
  const auto found = std::lower_bound(
      all.begin(), all.end(), name,
      [](const T& object, const std::string& wanted) { return object.meta.name < wanted; });
  return found == all.end() || found->meta.name != name ? nullptr : &*found;
}

class Reader {
 public:
  Reader(Connection& connection, Fleet& fleet) : connection_(connection), fleet_(fleet) {}

  template <class T, class Parse>
  Status Required(const kube::ResourceKind& kind, Parse parse, std::vector<T>& to) {
    PLIMSOLL_ASSIGN_OR_RETURN(to, connection_.ReadAll<T>(kind, parse, fleet_.problems));
    SortByName(to);
    return {};
  }

  // False, with a problem noted, when it cannot be read.
  template <class T, class Parse>
  bool Optional(const kube::ResourceKind& kind, Parse parse, std::vector<T>& to) {
    auto all = connection_.ReadAll<T>(kind, parse, fleet_.problems);
    if (!all) {
      fleet_.problems.push_back(std::string(kind.plural) +
                                " cannot be read: " + all.error().message);
      return false;
    }
    to = *std::move(all);
    SortByName(to);
    return true;
  }

 private:
  Connection& connection_;
  Fleet& fleet_;
};

}  // namespace

const api::NodeAttestation* Fleet::Attestation(const std::string& node) const {
  return FindByName(attestations, node);
}

const api::TpmIdentity* Fleet::Identity(const std::string& name) const {
  return FindByName(identities, name);
}

const api::Node* Fleet::Node(const std::string& name) const {
  return nodes ? FindByName(*nodes, name) : nullptr;
}

Result<PolicyRecord> ParsePolicy(std::string_view text) {
  PolicyRecord record;
  PLIMSOLL_ASSIGN_OR_RETURN(record.meta, kube::ParseObjectMeta(text));
  PLIMSOLL_ASSIGN_OR_RETURN(record.policy, policy::AttestationPolicy::Parse(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, fields::ParseObject(text));
  PLIMSOLL_ASSIGN_OR_RETURN(StatusFields read, ReadStatus(object));
  PLIMSOLL_ASSIGN_OR_RETURN(record.matched, fields::Integer(read.status, "matchedNodes"));
  PLIMSOLL_ASSIGN_OR_RETURN(record.passing, fields::Integer(read.status, "passingNodes"));
  PLIMSOLL_ASSIGN_OR_RETURN(record.failing, fields::Integer(read.status, "failingNodes"));
  PLIMSOLL_ASSIGN_OR_RETURN(record.unknown, fields::Integer(read.status, "unknownNodes"));
  PLIMSOLL_ASSIGN_OR_RETURN(record.tainted, fields::Integer(read.status, "taintedNodes"));
  record.conditions = std::move(read.conditions);
  return record;
}

Result<ReferenceRecord> ParseReferences(std::string_view text) {
  ReferenceRecord record;
  PLIMSOLL_ASSIGN_OR_RETURN(record.meta, kube::ParseObjectMeta(text));
  PLIMSOLL_ASSIGN_OR_RETURN(record.values, policy::ReferenceValues::Parse(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, fields::ParseObject(text));
  PLIMSOLL_ASSIGN_OR_RETURN(StatusFields read, ReadStatus(object));
  record.reported = fields::Has(read.status, "observedGeneration");
  PLIMSOLL_ASSIGN_OR_RETURN(record.matched_nodes, fields::Integer(read.status, "matchedNodes"));
  PLIMSOLL_ASSIGN_OR_RETURN(record.policy_names, fields::String(read.status, "policyNames"));
  PLIMSOLL_ASSIGN_OR_RETURN(record.last_matched,
                            fields::OptionalTime(read.status, "lastMatchedTime"));
  record.conditions = std::move(read.conditions);
  return record;
}

Result<AuthorityRecord> ParseAuthority(std::string_view text) {
  AuthorityRecord record;
  PLIMSOLL_ASSIGN_OR_RETURN(record.meta, kube::ParseObjectMeta(text));
  PLIMSOLL_ASSIGN_OR_RETURN(record.authority, policy::EndorsementAuthority::Parse(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, fields::ParseObject(text));
  PLIMSOLL_ASSIGN_OR_RETURN(StatusFields read, ReadStatus(object));
  PLIMSOLL_ASSIGN_OR_RETURN(record.certificates, fields::Integer(read.status, "certificates"));
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string expiry,
                            fields::String(read.status, "earliestExpiry"));
  if (!expiry.empty()) {
    PLIMSOLL_ASSIGN_OR_RETURN(record.earliest_expiry, ParseSeconds(expiry));
  }
  record.conditions = std::move(read.conditions);
  return record;
}

Result<ExceptionRecord> ParseException(std::string_view text) {
  ExceptionRecord record;
  PLIMSOLL_ASSIGN_OR_RETURN(record.meta, kube::ParseObjectMeta(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const json object, fields::ParseObject(text));
  PLIMSOLL_ASSIGN_OR_RETURN(const json spec, fields::Object(object, "spec"));
  PLIMSOLL_ASSIGN_OR_RETURN(record.reason, fields::String(spec, "reason"));
  PLIMSOLL_ASSIGN_OR_RETURN(record.node_names, fields::Texts(spec, "nodeNames"));
  PLIMSOLL_ASSIGN_OR_RETURN(record.policy_refs, fields::Texts(spec, "policyRefs"));
  PLIMSOLL_ASSIGN_OR_RETURN(record.expires_at, fields::OptionalTime(spec, "expiresAt"));
  record.selects = fields::Has(spec, "nodeSelector");
  PLIMSOLL_ASSIGN_OR_RETURN(StatusFields read, ReadStatus(object));
  PLIMSOLL_ASSIGN_OR_RETURN(record.nodes, fields::Integer(read.status, "nodes"));
  record.conditions = std::move(read.conditions);
  return record;
}

Result<Fleet> ReadFleet(Connection& connection, api::NodeAttestation::Boot boot) {
  Fleet fleet;
  Reader reader(connection, fleet);
  PLIMSOLL_RETURN_IF_ERROR(reader.Required(
      kube::kNodeAttestation,
      [boot](std::string_view json) { return api::NodeAttestation::Parse(json, boot); },
      fleet.attestations));
  PLIMSOLL_RETURN_IF_ERROR(reader.Required(kube::kAttestationPolicy, ParsePolicy, fleet.policies));
  reader.Optional(kube::kTpmIdentity, api::TpmIdentity::Parse, fleet.identities);
  reader.Optional(kube::kReferenceValues, ParseReferences, fleet.references);
  reader.Optional(kube::kEndorsementAuthority, ParseAuthority, fleet.authorities);
  reader.Optional(kube::kAttestationException, ParseException, fleet.exceptions);
  std::vector<api::Node> nodes;
  if (reader.Optional(kube::kNode, api::Node::Parse, nodes)) {
    fleet.nodes = std::move(nodes);
  }
  return fleet;
}

}  // namespace plimsoll::plugin
