#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cluster/control_plane.h"
#include "fakes/attestation_objects.h"

// kubectl-plimsoll, the program itself, on the real API server.
namespace plimsoll::cluster {

using Json = nlohmann::json;

// With the administrator's kubeconfig, unless the arguments name another.
inline CommandResult Plugin(std::vector<std::string> arguments,
                            const std::map<std::string, std::string>& environment = {},
                            std::string_view input = {}) {
  arguments.insert(arguments.begin(), PLIMSOLL_PLUGIN);
  const bool connected =
      environment.count("KUBECONFIG") != 0 ||
      std::find(arguments.begin(), arguments.end(), "--kubeconfig") != arguments.end();
  if (!connected) {
    arguments.insert(arguments.end(), {"--kubeconfig", Cluster().kubeconfig()});
  }
  return Run(arguments, input, environment);
}

// For the messages of failed expectations.
inline std::string Said(const CommandResult& result) {
  return "exit code " + std::to_string(result.exit_code) + "\n" + result.err + result.out;
}

inline Json PluginJson(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"-o", "json"});
  const CommandResult result = Plugin(arguments);
  const Json document = Json::parse(result.out, nullptr, false);
  EXPECT_FALSE(document.is_discarded()) << Said(result);
  return document;
}

inline constexpr const char* kController =
    "system:serviceaccount:plimsoll-system:plimsoll-controller";

// kubectl apply -f - of objects of ours; the test fails when one is refused.
inline void ApplyObject(const std::string& kind, Json object) {
  object["apiVersion"] = "plimsoll.dev/v1alpha1";
  object["kind"] = kind;
  const CommandResult applied = Cluster().Apply(object.dump());
  EXPECT_TRUE(applied.ok()) << Said(applied);
}

// A Node with its NodeAttestation and identity, as the controller leaves them after an appraisal of
// the machine by these policies.
inline void AddAttestedNode(const std::string& name, fakes::MeasuredNode& machine,
                            const std::vector<Json>& policies, const std::string& labels = "{}") {
  const std::string uid = Cluster().CreateNode(name, labels);
  const auto attestation = fakes::AttestationOf(
      name, uid, machine, policies, std::chrono::system_clock::now() - std::chrono::seconds(60));
  const CommandResult created =
      Cluster().Kubectl({"create", "-f", "-", "-o", "json", "--as", kController},
                        api::NodeAttestation::EncodeForCreate(name, uid));
  EXPECT_TRUE(created.ok()) << Said(created);
  Json object = Json::parse(created.out, nullptr, false);
  object["status"] = Json::parse(attestation.EncodeForStatusUpdate())["status"];
  const CommandResult written = Cluster().Kubectl(
      {"replace", "--raw", "/apis/plimsoll.dev/v1alpha1/nodeattestations/" + name + "/status",
       "--as", kController, "-f", "-"},
      object.dump());
  EXPECT_TRUE(written.ok()) << Said(written);
}

}  // namespace plimsoll::cluster
