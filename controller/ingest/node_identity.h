#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "controller/ingest/ingest_context.h"
#include "controller/objects.h"

namespace plimsoll::controller::ingest {

// The identity that a node attests with, as seen for one request.
struct NodeIdentity {
  enum class State : uint8_t {
    kReady,
    kNotEnrolled,  // no activated key on this Node
    kUnknownKey,   // a key is activated, but not this one
    kDenied,       // a person has denied or revoked it
    kConflict,     // another identity is admitted for the node, and this one is not
  };
  State state = State::kNotEnrolled;
  std::shared_ptr<const TpmIdentity> identity;  // set when kReady, kDenied, kConflict
};

// The identity with that AK among the identities of one node. A pure function.
NodeIdentity ChooseIdentity(const std::vector<std::shared_ptr<const TpmIdentity>>& identities,
                            const std::string& node_name, const std::string& node_uid,
                            const std::string& attestation_key_name);

// The same from the cache, and from the API server when the cache does not have the key: the agent
// may have been activated a moment ago, by another replica.
Result<NodeIdentity> FindIdentity(IngestContext& context, const AgentPrincipal& agent,
                                  const std::string& attestation_key_name);

// The refusal that a state other than kReady means.
http::Response RefuseIdentity(IngestContext& context, const AgentPrincipal& agent,
                              NodeIdentity::State state);

}  // namespace plimsoll::controller::ingest
