#pragma once

#include "fakes/attestation_objects.h"
#include "fakes/fake_api_server.h"
#include "unit/kubectl-plugin/plugin_test.h"

// Behind the others: it gives namespace fakes a `json`, which names of theirs would shadow.
#include "fakes/api_objects.h"

namespace plimsoll::plugin {

inline constexpr char kTrustLabel[] = "plimsoll.dev.node-restriction.kubernetes.io/trusted";

// Runs the commands that speak with a cluster against an API server in memory, whose objects were
// made by the appraisal of machines with software TPMs.
class ClusterTest : public PluginTest {
 protected:
  // One connection to the server, with what it was opened as.
  class Forward final : public transport::Transport {
   public:
    explicit Forward(fakes::FakeApiServer& server) : server_(server) {}
    ::plimsoll::Result<transport::HttpResponse> Send(const transport::HttpRequest& request,
                                                     std::stop_token stop) override {
      return server_.Send(request, stop);
    }
    ::plimsoll::Result<transport::StreamResponse> OpenStream(const transport::HttpRequest& request,
                                                             std::stop_token stop) override {
      return server_.OpenStream(request, stop);
    }

   private:
    fakes::FakeApiServer& server_;
  };

  ClusterTest() {
    connect_ = [this](const ConnectionOptions& options)
        -> ::plimsoll::Result<std::unique_ptr<transport::Transport>> {
      opened_.push_back(options);
      return std::make_unique<Forward>(server_);
    };
  }

  // A Node, and its NodeAttestation as an appraisal by these policies leaves it. `age` is that of
  // the evidence.
  void AddNode(const std::string& name, fakes::MeasuredNode& machine,
               const std::vector<Json>& policies,
               std::chrono::seconds age = std::chrono::seconds(60)) {
    const auto node = server_.Put({kube::kNode, name}, fakes::NodeObject());
    const api::NodeAttestation attestation =
        fakes::AttestationOf(name, node["metadata"]["uid"], machine, policies, clock_.Wall() - age);
    Json object = Json::parse(attestation.EncodeForStatusUpdate());
    object["metadata"] = Json::object();
    server_.Put({kube::kNodeAttestation, name}, std::move(object));
    AddIdentity(name, "Approved");
  }

  void AddIdentity(const std::string& node, const std::string& decision) {
    Json admissions = Json::array();
    if (decision == "Approved") {
      admissions.push_back({{"by", "Human"}, {"ref", "1"}});
    }
    server_.Put({kube::kTpmIdentity, "ek-" + node},
                {{"spec",
                  {{"endorsementKeySHA256", std::string(64, 'e')},
                   {"nodeName", node},
                   {"source", "Discovered"},
                   {"decision", decision}}},
                 {"status",
                  {{"tpm", {{"manufacturer", "IFX"}, {"firmwareVersion", "7.2.3.1"}}},
                   {"admissions", admissions},
                   {"attestationKey",
                    {{"name", "000b" + std::string(64, 'a')},
                     {"public", "AAAA"},
                     {"profile", "p256"},
                     {"activatedTime", "2026-11-24T07:00:00Z"}}}}}});
  }

  // The status of a NodeAttestation, changed.
  void EditStatus(const std::string& name, const std::function<void(Json&)>& change) {
    server_.Edit({kube::kNodeAttestation, name}, [&](Json& object) { change(object["status"]); });
  }

  void AddPolicy(const Json& policy, const Json& status = Json::object()) {
    Json object = policy;
    const std::string name = object["metadata"]["name"];
    object["metadata"]["uid"] = fakes::PolicyUid(name);
    object["status"] = status;
    server_.Put({kube::kAttestationPolicy, name}, std::move(object));
  }
  void AddSet(const Json& set) {
    server_.Put({kube::kReferenceValues, set["metadata"]["name"]}, set);
  }

  static Json BootPolicy(const std::string& name = "measured-boot") {
    return fakes::MeasuredBootPolicy(name);
  }

  // Three good nodes, one with another boot loader, one that has been silent for an hour.
  void AddFleet() {
    fakes::MeasuredNode good;
    for (const char* name : {"worker-1", "worker-2", "worker-3"}) {
      AddNode(name, good, {BootPolicy()});
    }
    fakes::MeasuredNode bad = fakes::WithOtherBootLoader();
    AddNode("worker-4", bad, {BootPolicy()}, std::chrono::minutes(25));
    AddNode("worker-5", good, {BootPolicy()}, std::chrono::hours(1));
    EditStatus("worker-5", [](Json& status) {
      status["summary"] = "Unknown";
      status["conditions"][0]["status"] = "Unknown";
      status["conditions"][0]["reason"] = "EvidenceExpired";
      status["conditions"][0]["message"] = "no evidence for 3600 s";
    });
    AddPolicy(BootPolicy(),
              {{"observedGeneration", 1},
               {"matchedNodes", 5},
               {"passingNodes", 3},
               {"failingNodes", 1},
               {"unknownNodes", 1},
               {"conditions", Json::array({Condition("Ready", "True", "Compiled")})}});
    AddSet(good.values);
  }

  static Json Condition(const std::string& type, const std::string& status,
                        const std::string& reason, const std::string& message = "") {
    return {{"type", type},
            {"status", status},
            {"reason", reason},
            {"message", message},
            {"lastTransitionTime", "2026-11-24T07:50:00Z"}};
  }

  fakes::FakeApiServer server_;
  mutable std::vector<ConnectionOptions> opened_;
};

}  // namespace plimsoll::plugin
