#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "api/stored_facts.h"
#include "appraisal/judgement.h"
#include "base/encoding.h"
#include "controller/enforce/exceptions.h"
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

// A lookup of the server's present objects that parses each version once: for fleets.
template <class T>
class IndexedLookup final : public Lookup<T> {
 public:
  IndexedLookup(const fakes::FakeApiServer& server, kube::ResourceKind kind)
      : server_(server), kind_(kind) {}

  std::shared_ptr<const T> Get(const std::string& name) const override {
    const json object = server_.Find({kind_, name});
    return object.is_null() ? nullptr : Parsed(object);
  }
  std::vector<std::shared_ptr<const T>> List() const override {
    std::vector<std::shared_ptr<const T>> objects;
    for (const json& object : server_.All(kind_)) {
      objects.push_back(Parsed(object));
    }
    return objects;
  }

 private:
  std::shared_ptr<const T> Parsed(const json& object) const {
    const std::string key = object["metadata"]["uid"].template get<std::string>() +
                            object["metadata"]["resourceVersion"].template get<std::string>();
    const std::lock_guard lock(mutex_);
    auto& parsed = parsed_[object["metadata"]["name"].template get<std::string>()];
    if (!parsed.second || parsed.first != key) {
      parsed = {key, std::make_shared<const T>(*T::Parse(object.dump()))};
    }
    return parsed.second;
  }

  const fakes::FakeApiServer& server_;
  const kube::ResourceKind kind_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::pair<std::string, std::shared_ptr<const T>>> parsed_;
};

// Many nodes, each with an admitted TPMIdentity, and a leader with two workers.
class Fleet : public testing::Test {
 protected:
  Fleet() { StartLeader(); }

  static std::string Name(size_t i) { return fmt::format("worker-{:04}", i); }

  void AddNode(size_t i, const json& labels = json::object(), const json& taints = json::array()) {
    server_.Put({kube::kNode, Name(i)}, fakes::NodeObject(labels, taints));
    TpmIdentity identity;
    identity.meta.name = "ek-" + Name(i);
    identity.endorsement_key_sha256 = fmt::format("{:064x}", i);
    identity.node_name = Name(i);
    identity.source = "Discovered";
    identity.decision = Decision::kApproved;
    identity.status.node_uid = server_.Find({kube::kNode, Name(i)})["metadata"]["uid"];
    identity.status.attestation_key = ActivatedKey{.name = fmt::format("000b{:064x}", i),
                                                   .public_area = Bytes(4, 1),
                                                   .profile = "p384",
                                                   .activated_time = clock_.Wall()};
    identity.status.admissions = {{Admission::By::kHuman, "1"}};
    json object = json::parse(identity.EncodeForStatusUpdate());
    object["metadata"] = {{"name", identity.meta.name}};
    server_.Put({kube::kTpmIdentity, identity.meta.name}, object);
  }

  void PutPolicy(const std::string& name, const json& object) {
    policies_.policies.Thaw();
    server_.Put({kube::kAttestationPolicy, name}, object);
    policies_.policies.Freeze();
  }
  void EditPolicy(const std::string& name, const std::function<void(json&)>& change) {
    policies_.policies.Thaw();
    server_.Edit({kube::kAttestationPolicy, name}, [&](json& object) { change(object["spec"]); });
    policies_.policies.Freeze();
  }

  // What the ingest of some replica makes of a quote whose PCR 4 is `digest`.
  void Attest(size_t i, const std::string& digest = fakes::kGoodDigest,
              const std::function<void(appraisal::Facts&)>& change = {}) {
    const auto node = nodes_.Get(Name(i));
    const auto policies = policies_.picture.For(*node);
    const auto identity = identities_.Get("ek-" + Name(i));
    const auto stored = recorder_->Apply(
        Name(i), node->meta.uid, policies.expire, [&](const NodeAttestationStatus& current) {
          appraisal::Facts facts;
          facts.pcrs = {{tcg::AlgorithmId::kSha256, 4, *FromHex(digest)}};
          facts.clock = tcg::ClockInfo{
              .clock = ++tpm_clock_, .reset_count = 1, .restart_count = 1, .safe = true};
          facts.boot_id = "boot";
          if (change) {
            change(facts);
          }
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
              current, appraisal, identity->meta.name,
              {node->meta.uid, policies, policies::InputsHash(policies, identity.get()),
               clock_.Wall()});
        });
    ASSERT_TRUE(stored) << stored.error().message;
  }

  // A new leader process, which has led for `since`.
  void StartLeader(std::chrono::seconds since = std::chrono::seconds(0)) {
    recorder_ = std::make_unique<record::Recorder>(client_, attestations_, clock_, logger_,
                                                   record::RecorderOptions{});
    writer_ = std::make_unique<MarkWriter>(client_, NodeEvents(events_), clock_, metrics_, logger_,
                                           MarkNames(), [] { return true; });
    reconciler_ = std::make_unique<NodeReconciler>(
        client_,
        NodeSources{nodes_, attestations_, identities_, policies_.picture, policies_.currency,
                    exceptions_},
        *recorder_, *writer_, NodeEvents(events_), clock_, ReconcilerOptions{},
        [] { return true; });
    reconciler_->OnWake([this](const std::string& node) { Enqueue(node); });
    reconciler_->LeaderSince(clock_.Monotonic() - since);
  }

  // Reconciles every node, and those that were woken, until nothing is left to be done soon; with
  // two workers, as the leader does.
  void Settle() {
    for (const auto& node : nodes_.List()) {
      Enqueue(node->meta.name);
    }
    for (int round = 0; round < 8; ++round) {
      std::set<std::string> soon;
      Drain(soon);
      if (soon.empty()) {
        return;
      }
      clock_.Advance(NodeReconciler::kInputsSettle);
      for (const std::string& node : soon) {
        Enqueue(node);
      }
    }
    FAIL() << "does not settle";
  }

  std::string Label(size_t i) {
    return nodes_.Get(Name(i))->meta.labels.count(MarkNames().label) == 0
               ? "none"
               : nodes_.Get(Name(i))->meta.labels.at(MarkNames().label);
  }
  std::set<std::string> Tainted() {
    std::set<std::string> tainted;
    for (const auto& node : nodes_.List()) {
      if (!OurTaints(*node, MarkNames().taint).empty()) {
        tainted.insert(node->meta.name);
      }
    }
    return tainted;
  }
  NodeAttestationStatus Recorded(size_t i) { return attestations_.Get(Name(i))->status; }
  size_t CountLabels(const std::string& value) {
    const auto nodes = nodes_.List();
    return static_cast<size_t>(std::count_if(nodes.begin(), nodes.end(), [&](const auto& node) {
      const auto found = node->meta.labels.find(MarkNames().label);
      return found != node->meta.labels.end() && found->second == value;
    }));
  }

  fakes::FakeApiServer server_;
  fakes::FakeClock clock_;
  QuietLogger logger_;
  CountingMetrics metrics_;
  kube::Client client_{server_, clock_};
  kube::EventRecorder events_{client_, clock_, {.reporting_instance = "test"}};
  IndexedLookup<Node> nodes_{server_, kube::kNode};
  IndexedLookup<NodeAttestation> attestations_{server_, kube::kNodeAttestation};
  IndexedLookup<TpmIdentity> identities_{server_, kube::kTpmIdentity};
  IndexedLookup<api::AttestationException> exception_objects_{server_, kube::kAttestationException};
  fakes::PolicyPicture policies_{server_, client_, clock_};
  Exceptions exceptions_{exception_objects_, clock_};
  std::unique_ptr<record::Recorder> recorder_;
  std::unique_ptr<MarkWriter> writer_;
  std::unique_ptr<NodeReconciler> reconciler_;
  uint64_t tpm_clock_ = 1000;

 private:
  void Enqueue(const std::string& node) {
    const std::lock_guard lock(mutex_);
    if (queued_.insert(node).second) {
      queue_.push_back(node);
    }
  }

  void Drain(std::set<std::string>& soon) {
    std::mutex soon_mutex;
    const auto work = [&] {
      for (;;) {
        std::string node;
        {
          const std::lock_guard lock(mutex_);
          const auto next = std::find_if(queue_.begin(), queue_.end(), [&](const auto& name) {
            return working_.count(name) == 0;
          });
          if (next == queue_.end()) {
            return;
          }
          node = *next;
          queue_.erase(next);
          queued_.erase(node);
          working_.insert(node);
        }
        const auto again = reconciler_->Reconcile(node);
        {
          const std::lock_guard lock(mutex_);
          working_.erase(node);
        }
        if (!again || (*again && **again <= NodeReconciler::kInputsSettle)) {
          const std::lock_guard lock(soon_mutex);
          soon.insert(node);
        }
      }
    };
    do {
      std::jthread other(work);
      work();
    } while (!queue_.empty());
  }

  std::mutex mutex_;
  std::deque<std::string> queue_;
  std::set<std::string> queued_;
  std::set<std::string> working_;
};

}  // namespace plimsoll::controller::enforce
