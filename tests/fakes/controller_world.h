#pragma once

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "controller/identity/admission_reconciler.h"
#include "controller/identity/binding.h"
#include "controller/identity/endorsement.h"
#include "controller/identity/identity_changes.h"
#include "controller/identity/identity_store.h"
#include "controller/identity/node_events.h"
#include "controller/policies/picture.h"
#include "controller/policies/policy_objects.h"
#include "controller/record/recorder.h"
#include "crypto/random.h"
#include "fakes/fake_api_server.h"
#include "fakes/fake_clock.h"
#include "fakes/policy_picture.h"
#include "fakes/recording_logger.h"
#include "fakes/recording_metrics.h"
#include "fakes/software_ca.h"
#include "kube/client.h"
#include "kube/events.h"

namespace plimsoll::fakes {

inline constexpr char kWorkerUid[] = "11111111-1111-4111-8111-111111111111";
inline constexpr char kOtherWorkerUid[] = "22222222-2222-4222-8222-222222222222";

// An API server with two nodes, worker-1 and worker-2, and what a controller is made of around it.
struct ControllerWorld {
  ControllerWorld() {
    AddNode("worker-1", kWorkerUid);
    AddNode("worker-2", kOtherWorkerUid);
  }

  void AddNode(const std::string& name, const std::string& uid) {
    server.Put({kube::kNode, name}, {{"metadata", {{"uid", uid}}}});
  }

  // An AttestationPolicy; `spec` completes a nodeSelector that selects every node.
  void AddPolicy(const std::string& name, nlohmann::json spec) {
    spec["nodeSelector"] = nlohmann::json::object();
    server.Put({kube::kAttestationPolicy, name}, {{"spec", std::move(spec)}});
  }

  // A policy that accepts one value of PCR 0 (sha256), and EK certificates of that authority.
  void AddCertificatePolicy(const std::string& name, const std::string& authority,
                            const std::string& pcr0 = std::string(64, '0')) {
    AddPolicy(
        name,
        {{"mode", "Enforce"},
         {"identity",
          {{"admission", "EndorsementCertificate"}, {"endorsementAuthorityRefs", {authority}}}},
         {"pcrs", {Pcr0(pcr0)}}});
  }

  static nlohmann::json Pcr0(const std::string& digest) {
    return {{"bank", "sha256"}, {"index", 0}, {"match", "Reference"}, {"anyOf", {digest}}};
  }

  void AddAuthority(const std::string& name, const SoftwareCa& ca,
                    nlohmann::json more = nlohmann::json::object()) {
    more["bundles"] = {{{"inline", ca.Pem()}}};
    server.Put({kube::kEndorsementAuthority, name}, {{"spec", std::move(more)}});
  }

  controller::NodeAttestationStatus StatusOf(const std::string& node) const {
    const auto attestation = attestations.Get(node);
    return attestation ? attestation->status : controller::NodeAttestationStatus{};
  }
  std::string ReasonOf(const std::string& node) const {
    const auto status = StatusOf(node);
    const auto* trusted = controller::Find(status.conditions, "Trusted");
    return trusted == nullptr ? "" : trusted->reason;
  }
  controller::TpmIdentity IdentityNamed(const std::string& name) const {
    const auto identity = identities.Get(name);
    return identity ? *identity : controller::TpmIdentity{};
  }
  void Decide(const std::string& identity, const std::string& decision) {
    server.Edit({kube::kTpmIdentity, identity},
                [&](nlohmann::json& object) { object["spec"]["decision"] = decision; });
  }

  // Whether the event recorder has written an Event of that reason about the Node, or does so soon.
  bool HasEvent(const std::string& node, const std::string& reason) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    do {
      for (const auto& event : server.All(kube::kEvent)) {
        if (event.value("reason", "") == reason && event["regarding"]["kind"] == "Node" &&
            event["regarding"]["name"] == node) {
          return true;
        }
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    } while (std::chrono::steady_clock::now() < deadline);
    return false;
  }
  bool HasNoEventYet(const std::string& reason) const {
    for (const auto& event : server.All(kube::kEvent)) {
      if (event.value("reason", "") == reason) {
        return false;
      }
    }
    return true;
  }

  FakeClock clock;
  crypto::SystemRandom random;
  RecordingLogger logger;
  RecordingMetrics metrics;
  FakeApiServer server;
  kube::Client client{server, clock};
  ApiLookup<controller::Node> nodes{server, kube::kNode};
  ApiLookup<controller::TpmIdentity> identities{server, kube::kTpmIdentity};
  ApiLookup<controller::NodeAttestation> attestations{server, kube::kNodeAttestation};
  PolicyPicture policy_picture{server, client, clock};
  ApiLookup<controller::policies::PolicyObject>& policies = policy_picture.policies;
  ApiLookup<controller::policies::AuthorityObject>& authorities = policy_picture.authorities;
  ApiLookup<controller::policies::ReferenceObject>& references = policy_picture.references;
  FakeTexts& texts = policy_picture.texts;
  controller::policies::Picture& picture = policy_picture.picture;
  controller::policies::Currency& currency = policy_picture.currency;
  controller::record::Recorder recorder{client, attestations, clock, logger, {}};
  kube::EventRecorder event_recorder{client, clock, {.reporting_instance = "controller-0"}};
  controller::identity::NodeEvents events{event_recorder, nodes, attestations};
  controller::identity::EndorsementJudge judge{picture, clock};
  controller::identity::Dependencies dependencies{client,   nodes,  picture, judge,
                                                  recorder, events, clock,   logger};
  controller::identity::Binding binding{dependencies};
  controller::identity::IdentityChanges changes{dependencies};
  controller::identity::IdentityStore store{client};
  bool may_write = true;
  controller::identity::AdmissionReconciler reconciler{dependencies, identities, attestations,
                                                       [this] { return may_write; }};
};

}  // namespace plimsoll::fakes
