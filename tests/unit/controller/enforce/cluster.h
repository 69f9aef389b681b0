#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "api/stored_facts.h"
#include "appraisal/judgement.h"
#include "base/encoding.h"
#include "controller/enforce/mark_writer.h"
#include "controller/enforce/reconciler.h"
#include "controller/record/recorder.h"
#include "controller/record/transition.h"
#include "fakes/api_objects.h"
#include "fakes/fake_api_server.h"
#include "fakes/fake_clock.h"
#include "fakes/policy_picture.h"
#include "unit/controller/enforce/recording.h"

namespace plimsoll::controller::enforce {

using fakes::json;

inline const std::string kNodeName = "worker-1";
inline const std::string kIdentityName = "ek-1";

// A leader and the parts that it works with, around an API server in memory: one node with one
// TPMIdentity, and what evidence of it would leave in its NodeAttestation.
class Cluster : public testing::Test {
 protected:
  Cluster() { StartLeader(); }

  // --- the world

  void PutNode(const json& labels = json::object(), const json& taints = json::array()) {
    server_.Put({kube::kNode, kNodeName}, fakes::NodeObject(labels, taints));
  }
  void PutPolicy(const std::string& name, const json& object) {
    server_.Put({kube::kAttestationPolicy, name}, object);
  }
  void EditPolicy(const std::string& name, const std::function<void(json&)>& change) {
    server_.Edit({kube::kAttestationPolicy, name}, [&](json& object) { change(object["spec"]); });
  }
  // An activated identity of the node; admitted by a person when it is Approved.
  void PutIdentity(const std::string& decision = "Approved") {
    TpmIdentity identity;
    identity.meta.name = kIdentityName;
    identity.endorsement_key_sha256 = std::string(64, 'e');
    identity.node_name = kNodeName;
    identity.source = "Discovered";
    identity.decision = *DecisionFromText(decision);
    identity.status.node_uid = NodeUid();
    identity.status.attestation_key = ActivatedKey{.name = "000b" + std::string(64, '1'),
                                                   .public_area = Bytes(4, 1),
                                                   .profile = "p384",
                                                   .activated_time = clock_.Wall()};
    if (decision == "Approved") {
      identity.status.admissions = {{Admission::By::kHuman, "1"}};
    }
    server_.Put({kube::kTpmIdentity, kIdentityName}, json::parse(identity.EncodeForStatusUpdate()));
    server_.Edit({kube::kTpmIdentity, kIdentityName}, [](json& object) {
      for (const char* field : {"uid", "resourceVersion"}) {
        if (object["metadata"][field] == "") {
          object["metadata"].erase(field);
        }
      }
    });
  }
  void Decide(const std::string& decision) {
    server_.Edit({kube::kTpmIdentity, kIdentityName}, [&](json& object) {
      object["spec"]["decision"] = decision;
      object["status"]["admissions"] =
          decision == "Approved" ? json::array({{{"by", "Human"}, {"ref", "2"}}}) : json::array();
    });
  }

  // What the ingest of some replica makes of a quote whose PCR 4 is `digest`.
  void Attest(const std::string& digest = fakes::kGoodDigest) {
    const Node node = LiveNode();
    const auto policies = picture_.picture.For(node);
    const auto identity = identities_.Get(kIdentityName);
    ASSERT_TRUE(identity);
    const auto stored = recorder_->Apply(
        kNodeName, node.meta.uid, policies.expire, [&](const NodeAttestationStatus& current) {
          appraisal::Facts facts;
          facts.pcrs = {{tcg::AlgorithmId::kSha256, 4, *FromHex(digest)}};
          facts.clock = tcg::ClockInfo{
              .clock = ++tpm_clock_, .reset_count = 1, .restart_count = 1, .safe = true};
          facts.boot_id = "boot";
          const auto judgement =
              appraisal::JudgePolicies(facts, api::IdentityFactsOf(*identity),
                                       record::Applied(policies, current, clock_.Wall()));
          appraisal::Appraisal appraisal;
          appraisal.verdict = judgement.verdict;
          appraisal.reason = judgement.reason;
          appraisal.message = judgement.message;
          appraisal.policies = judgement.policies;
          appraisal.audit_passed = judgement.audit_passed;
          appraisal.facts = facts;
          return record::AfterAppraisal(
              current, appraisal, kIdentityName,
              {node.meta.uid, policies, policies::InputsHash(policies, identity.get()),
               clock_.Wall(), identity->status.unacknowledged_failure});
        });
    ASSERT_TRUE(stored) << stored.error().message;
  }

  // Evidence that fails on itself.
  void Reject(appraisal::Reason reason = appraisal::Reason::kSignatureInvalid) {
    Change([&](const NodeAttestationStatus& current, const record::Surroundings& surroundings) {
      appraisal::Appraisal appraisal;
      appraisal.verdict = appraisal::VerdictOf(reason);
      appraisal.reason = reason;
      appraisal.message = "it is wrong";
      return record::AfterAppraisal(current, appraisal, kIdentityName, surroundings);
    });
  }

  // What an agent says without evidence.
  void Report(appraisal::Reason reason) {
    Change([&](const NodeAttestationStatus& current, const record::Surroundings& surroundings) {
      return record::AfterStateChange(current, reason, "it said so", surroundings);
    });
  }

  // --- the leader

  // A new leader process: nothing is remembered.
  void StartLeader() {
    recorder_ = std::make_unique<record::Recorder>(client_, attestations_, clock_, logger_,
                                                   record::RecorderOptions{});
    writer_ = std::make_unique<MarkWriter>(client_, NodeEvents(events_), clock_, metrics_, logger_,
                                           MarkNames(), [this] { return may_write_; });
    reconciler_ = std::make_unique<NodeReconciler>(
        client_,
        NodeSources{nodes_, attestations_, identities_, picture_.picture, picture_.currency,
                    exceptions_},
        *recorder_, *writer_, NodeEvents(events_), clock_, ReconcilerOptions{},
        [this] { return may_write_; });
    reconciler_->LeaderSince(clock_.Monotonic());
  }
  // A leader that has led for so long that silence counts.
  void StartOldLeader() {
    StartLeader();
    reconciler_->LeaderSince(clock_.Monotonic() - std::chrono::hours(1));
  }

  Result<NodeReconciler::Again> Once() { return reconciler_->Reconcile(kNodeName); }

  // Reconciles until nothing is left to be done soon; time passes where it waits for that.
  void Settle() {
    for (int pass = 0; pass < 40; ++pass) {
      const auto again = Once();
      if (!again) {
        last_error_ = again.error();
      } else if (!*again || **again > NodeReconciler::kInputsSettle) {
        return;
      }
      clock_.Advance(NodeReconciler::kInputsSettle);
    }
    FAIL() << "does not settle: " << last_error_.message;
  }

  // --- what is seen

  // What was sent since ClearLog, but for Events, which a thread of their own writes.
  std::vector<std::string> Requests() {
    std::vector<std::string> requests = server_.log();
    std::erase_if(requests, [](const std::string& line) {
      return line.find("/events") != std::string::npos;
    });
    return requests;
  }

  json NodeJson() { return server_.Find({kube::kNode, kNodeName}); }
  Node LiveNode() { return *Node::Parse(NodeJson().dump()); }
  std::string NodeUid() { return NodeJson()["metadata"]["uid"]; }
  std::string Label() { return NodeJson()["metadata"]["labels"].value(MarkNames().label, "none"); }
  std::string TaintTextOf() { return TaintText(OurTaints(LiveNode(), MarkNames().taint)); }
  std::string NodeCondition() {
    const Node node = LiveNode();
    const Condition* condition = Find(node.conditions, MarkNames().condition);
    return condition == nullptr
               ? "none"
               : std::string(ToString(condition->status)) + "/" + condition->reason;
  }
  NodeAttestationStatus Recorded() {
    const auto attestation =
        NodeAttestation::Parse(server_.Find({kube::kNodeAttestation, kNodeName}).dump());
    return attestation ? attestation->status : NodeAttestationStatus{};
  }
  // "Untrusted/PCRMismatch"
  std::string Verdict() {
    const NodeAttestationStatus status = Recorded();
    const Condition* trusted = Find(status.conditions, "Trusted");
    return status.summary + "/" + (trusted == nullptr ? "none" : trusted->reason);
  }
  bool WaitForEvent(const std::string& reason) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      const auto events = server_.All(kube::kEvent);
      if (std::any_of(events.begin(), events.end(),
                      [&](const json& event) { return event["reason"] == reason; })) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }

  // A node that is Trusted and marked so.
  void MakeTrusted() {
    PutNode();
    PutPolicy("pcr4", fakes::PolicyObjectJson());
    PutIdentity();
    Attest();
    Settle();
    ASSERT_EQ(Label(), "true");
    ASSERT_EQ(Verdict(), "Trusted/AllPoliciesPassed");
  }
  void MakeUntrusted() {
    MakeTrusted();
    Attest(fakes::kBadDigest);
    Settle();
    ASSERT_EQ(Label(), "false");
    ASSERT_EQ(TaintTextOf(), "PCRMismatch:NoSchedule");
  }

  fakes::FakeApiServer server_;
  fakes::FakeClock clock_;
  QuietLogger logger_;
  CountingMetrics metrics_;
  kube::Client client_{server_, clock_};
  kube::EventRecorder events_{client_, clock_, {.reporting_instance = "test"}};
  fakes::ApiLookup<Node> nodes_{server_, kube::kNode};
  fakes::ApiLookup<NodeAttestation> attestations_{server_, kube::kNodeAttestation};
  fakes::ApiLookup<TpmIdentity> identities_{server_, kube::kTpmIdentity};
  fakes::PolicyPicture picture_{server_, client_, clock_};
  fakes::ApiLookup<api::AttestationException> exception_objects_{server_,
                                                                 kube::kAttestationException};
  Exceptions exceptions_{exception_objects_, clock_};
  bool may_write_ = true;
  std::unique_ptr<record::Recorder> recorder_;
  std::unique_ptr<MarkWriter> writer_;
  std::unique_ptr<NodeReconciler> reconciler_;
  Error last_error_;
  uint64_t tpm_clock_ = 1000;

 private:
  template <class F>
  void Change(F change) {
    const Node node = LiveNode();
    const auto policies = picture_.picture.For(node);
    const auto identity = identities_.Get(kIdentityName);
    const auto stored = recorder_->Apply(
        kNodeName, node.meta.uid, policies.expire, [&](const NodeAttestationStatus& current) {
          return change(
              current,
              record::Surroundings{node.meta.uid, policies,
                                   policies::InputsHash(policies, identity.get()), clock_.Wall()});
        });
    ASSERT_TRUE(stored) << stored.error().message;
  }
};

}  // namespace plimsoll::controller::enforce
