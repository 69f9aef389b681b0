#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "api/attestation_exception.h"
#include "base/clock.h"
#include "base/random.h"
#include "controller/objects.h"
#include "controller/policies/policy_objects.h"
#include "controller/policies/policy_revision.h"
#include "controller/tls/serving_tls.h"
#include "kube/client.h"
#include "kube/informer.h"
#include "kube/lookup.h"
#include "telemetry/log.h"

namespace plimsoll::controller {

// One kind of object, watched: an informer that the controller's parts read as a Lookup.
template <class T>
class Watched final : public Lookup<T> {
 public:
  using Parse = Result<T> (*)(std::string_view json);

  Watched(
      kube::Client& client, const Clock& clock, Random& random, kube::ResourceRef resource,
      Parse parse = [](std::string_view json) { return T::Parse(json); },
      std::string label_selector = {})
      : informer(client, clock, random,
                 {.resource = std::move(resource), .label_selector = std::move(label_selector)},
                 parse) {}

  std::shared_ptr<const T> Get(const std::string& name) const override {
    return informer.Get(name);
  }
  std::vector<std::shared_ptr<const T>> List() const override { return informer.List(); }

  kube::Informer<T> informer;
};

// Everything that the controller watches. Made, subscribed to and started once; members are read by
// all threads.
struct Caches {
  Caches(kube::Client& client, const Clock& clock, Random& random,
         const std::string& namespace_name);

  // Logs what cannot be listed, watched or read. Before Start.
  void LogErrors(telemetry::Logger& logger);

  void Start();
  void Stop();

  // Whether every kind has been listed once; before that an absent object means nothing.
  bool Synced() const;

  // Waits for that, or for `stop`.
  bool WaitForSync(std::stop_token stop) const;

  Watched<Node> nodes;
  Watched<policies::PolicyObject> policies;
  Watched<policies::PolicyRevision> revisions;  // by "namespace/name"
  Watched<policies::AuthorityObject> authorities;
  Watched<policies::ReferenceObject> references;
  Watched<api::AttestationException> exceptions;
  Watched<TpmIdentity> identities;
  Watched<NodeAttestation> attestations;
  Watched<tls::ServingTls> serving_tls;  // the one Secret, by "namespace/name"
};

}  // namespace plimsoll::controller
