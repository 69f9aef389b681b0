#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "fakes/fake_api_server.h"
#include "kube/resource.h"

// Objects as they are on an API server, for tests of the controller.
namespace plimsoll::fakes {

using nlohmann::json;

inline const std::string kGoodDigest(64, 'a');  // of PCR 4 of a good machine
inline const std::string kBadDigest(64, 'b');

// A Node that was registered 1,000 s before the clock's start, unless said otherwise.
inline json NodeObject(const json& labels = json::object(), const json& taints = json::array()) {
  return {{"metadata", {{"labels", labels}, {"creationTimestamp", "2026-11-24T07:43:20Z"}}},
          {"spec", {{"taints", taints}}},
          {"status",
           {{"nodeInfo", {{"bootID", "3f3e5c05-2f7a-4d9c-9a53-d3a1f5a4c0de"}}},
            {"conditions", json::array({{{"type", "Ready"},
                                         {"status", "True"},
                                         {"reason", "KubeletReady"},
                                         {"message", "kubelet is posting ready status"},
                                         {"lastHeartbeatTime", "2026-11-24T07:59:00Z"},
                                         {"lastTransitionTime", "2026-11-24T07:44:00Z"}}})}}}};
}

inline json TaintObject(const std::string& key, const std::string& value,
                        const std::string& effect) {
  return {{"key", key}, {"value", value}, {"effect", effect}};
}

// A policy that wants PCR 4 to be `digest`, for every node, approved by a person.
inline json PolicyObjectJson(const std::string& mode = "Enforce",
                             const std::string& digest = kGoodDigest,
                             const std::string& effect = "NoSchedule") {
  return {{"spec",
           {{"mode", mode},
            {"nodeSelector", json::object()},
            {"identity", {{"admission", "Approved"}}},
            {"freshness", {{"intervalSeconds", 300}, {"expireSeconds", 900}}},
            {"pcrs",
             json::array({{{"bank", "sha256"}, {"index", 4}, {"anyOf", json::array({digest})}}})},
            {"enforcement", {{"taint", {{"effect", effect}}}}}}}};
}

}  // namespace plimsoll::fakes
