#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "appraisal/signing_key.h"
#include "base/clock.h"
#include "base/random.h"
#include "controller/identity/binding.h"
#include "controller/identity/identity_changes.h"
#include "controller/identity/identity_store.h"
#include "controller/identity/node_events.h"
#include "controller/ingest/agent_principal.h"
#include "controller/ingest/bounded_cache.h"
#include "controller/ingest/challenge_store.h"
#include "controller/ingest/clock_book.h"
#include "controller/ingest/enrollment_store.h"
#include "controller/ingest/evidence_keeper.h"
#include "controller/ingest/log_cache.h"
#include "controller/metrics.h"
#include "controller/objects.h"
#include "controller/policies/currency.h"
#include "controller/policies/picture.h"
#include "controller/record/recorder.h"
#include "http/message.h"
#include "http/rate_limiter.h"
#include "kube/lookup.h"
#include "telemetry/log.h"

// What agents talk to, on every replica: enrolment, challenges, evidence, reports (docs: evidence
// protocol, version 1). The node of a request is the one that its token names. Knows no taint and
// no label: what follows from a verdict is for controller/enforce.
namespace plimsoll::controller::ingest {

struct IngestDependencies {
  const Clock& clock;
  Random& random;
  telemetry::Logger& logger;
  Metrics& metrics;
  const Lookup<Node>& nodes;
  const Lookup<TpmIdentity>& identities;
  const Lookup<NodeAttestation>& attestations;
  const policies::Picture& picture;
  policies::Currency& currency;
  record::Recorder& recorder;
  identity::Binding& binding;
  identity::IdentityChanges& changes;
  const identity::IdentityStore& store;
  identity::NodeEvents& events;
  std::string cluster_uid;                      // UID of the kube-system namespace
  size_t log_memory_bytes = size_t{64} << 20U;  // of boot event logs
  EvidenceKeeper* kept_evidence = nullptr;      // null: none is kept
};

// What the route handlers share: their surroundings, and the memory of this replica, all of it
// bounded. Thread-safe, and so are the handlers; it must outlive the routes.
struct IngestContext {
  static constexpr size_t kMaxNodes = 32'768;  // several times the largest cluster

  explicit IngestContext(IngestDependencies dependencies)
      : d(std::move(dependencies)),
        challenges(d.clock, d.random),
        enrollments(d.clock, d.random),
        enrollment_rate(http::kEnrollmentsPerNode, kMaxNodes, d.clock),
        clocks(kMaxNodes),
        logs(d.log_memory_bytes),
        signing_keys(kMaxNodes) {}

  const IngestDependencies d;
  ChallengeStore challenges;
  EnrollmentStore enrollments;
  http::RateLimiter enrollment_rate;
  ClockBook clocks;
  LogCache logs;
  BoundedCache<std::shared_ptr<const appraisal::SigningKey>> signing_keys;  // by AK Name
};

// The answer that a request is refused with: a problem document, one count of its reason and one
// line in the log. `detail` is a sentence without secrets, expected values or foreign bytes.
http::Response Reject(IngestContext& context, const AgentPrincipal& agent, int status,
                      std::string_view reason, std::string_view detail,
                      std::optional<std::chrono::seconds> retry_after = std::nullopt);

// 503: something that this replica needs did not work. Says nothing about the node.
http::Response Unavailable(IngestContext& context, const AgentPrincipal& agent,
                           std::string_view doing, const Error& error);

// The policies of the agent's node as this replica knows them.
policies::NodePolicies PoliciesOf(const IngestContext& context, const AgentPrincipal& agent);

}  // namespace plimsoll::controller::ingest
