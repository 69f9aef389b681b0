#include "controller/app/caches.h"

#include <chrono>

namespace plimsoll::controller {
namespace {

template <class T>
void LogErrorsOf(Watched<T>& watched, const char* kind, telemetry::Logger& logger) {
  watched.informer.OnError([kind, &logger](const std::string& name, const Error& error) {
    logger.Warning(name.empty() ? "watching failed; it is tried again"
                                : "object cannot be read and counts as absent",
                   {{"kind", kind}, {"name", name}, {"error", error.message}});
  });
}

}  // namespace

Caches::Caches(kube::Client& client, const Clock& clock, Random& random,
               const std::string& namespace_name)
    : nodes(client, clock, random, {kube::kNode, ""}),
      policies(client, clock, random, {kube::kAttestationPolicy, ""}),
      revisions(
          client, clock, random, {kube::kControllerRevision, "", namespace_name},
          [](std::string_view json) { return policies::PolicyRevision::Parse(json); },
          policies::kPolicyUidLabel),
      authorities(client, clock, random, {kube::kEndorsementAuthority, ""}),
      references(client, clock, random, {kube::kReferenceValues, ""}),
      exceptions(client, clock, random, {kube::kAttestationException, ""}),
      identities(client, clock, random, {kube::kTpmIdentity, ""}),
      attestations(client, clock, random, {kube::kNodeAttestation, ""},
                   [](std::string_view json) {
                     return NodeAttestation::Parse(json, NodeAttestation::Boot::kDrop);
                   }),
      serving_tls(client, clock, random, {kube::kSecret, tls::kSecretName, namespace_name}) {}

void Caches::LogErrors(telemetry::Logger& logger) {
  LogErrorsOf(nodes, "Node", logger);
  LogErrorsOf(policies, "AttestationPolicy", logger);
  LogErrorsOf(revisions, "ControllerRevision", logger);
  LogErrorsOf(authorities, "EndorsementAuthority", logger);
  LogErrorsOf(references, "ReferenceValues", logger);
  LogErrorsOf(exceptions, "AttestationException", logger);
  LogErrorsOf(identities, "TPMIdentity", logger);
  LogErrorsOf(attestations, "NodeAttestation", logger);
  LogErrorsOf(serving_tls, "Secret", logger);
}

void Caches::Start() {
  nodes.informer.Start();
  policies.informer.Start();
  revisions.informer.Start();
  authorities.informer.Start();
  references.informer.Start();
  exceptions.informer.Start();
  identities.informer.Start();
  attestations.informer.Start();
  serving_tls.informer.Start();
}

void Caches::Stop() {
  nodes.informer.Stop();
  policies.informer.Stop();
  revisions.informer.Stop();
  authorities.informer.Stop();
  references.informer.Stop();
  exceptions.informer.Stop();
  identities.informer.Stop();
  attestations.informer.Stop();
  serving_tls.informer.Stop();
}

bool Caches::Synced() const {
  return nodes.informer.HasSynced() && policies.informer.HasSynced() &&
         revisions.informer.HasSynced() && authorities.informer.HasSynced() &&
         references.informer.HasSynced() && exceptions.informer.HasSynced() &&
         identities.informer.HasSynced() && attestations.informer.HasSynced() &&
         serving_tls.informer.HasSynced();
}

bool Caches::WaitForSync(std::stop_token stop) const {
  constexpr std::chrono::hours kForever{24 * 365};
  return nodes.informer.WaitForSync(kForever, stop) &&
         policies.informer.WaitForSync(kForever, stop) &&
         revisions.informer.WaitForSync(kForever, stop) &&
         authorities.informer.WaitForSync(kForever, stop) &&
         references.informer.WaitForSync(kForever, stop) &&
         exceptions.informer.WaitForSync(kForever, stop) &&
         identities.informer.WaitForSync(kForever, stop) &&
         attestations.informer.WaitForSync(kForever, stop) &&
         serving_tls.informer.WaitForSync(kForever, stop);
}

}  // namespace plimsoll::controller
