#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "telemetry/log.h"

namespace plimsoll::controller {

struct ListenAddress {
  std::string address;  // literal
  uint16_t port = 0;    // 0: any free one
};

enum class UnmatchedNodes : uint8_t {
  kRelease,
  kHold
};  // startup taints of nodes that no Enforce policy selects

// What the controller is started with. Every flag can also be given as PLIMSOLL_CONTROLLER_<FLAG>
// in the environment; the command line wins.
struct Options {
  ListenAddress listen{"0.0.0.0", 8443};
  ListenAddress metrics_listen{"0.0.0.0", 8080};
  std::string kubeconfig;                          // empty: in-cluster
  std::string namespace_name = "plimsoll-system";  // of Lease, Secret, ConfigMap and Service
  std::string service_name = "plimsoll-controller";
  std::string agent_namespace = "plimsoll-system";
  std::string agent_service_account = "plimsoll-agent";
  std::string identity;  // of this replica: the Pod's name
  std::string label_key = "plimsoll.dev.node-restriction.kubernetes.io/trusted";
  std::string taint_key = "plimsoll.dev/untrusted";
  std::string condition_type = "plimsoll.dev/Trusted";
  bool trusted_until = false;   // a second label beside the trust label says how long trust lasts
  bool taints = true;           // false: nodes get no taint, and lose it
  bool node_conditions = true;  // false: nodes get no condition, and lose it
  UnmatchedNodes unmatched_nodes = UnmatchedNodes::kRelease;
  std::string allow_list_directory;  // of ReferenceValues' spec.files.fileName; empty: none
  int log_memory_mib = 64;           // of boot event logs that agents need not send again
  int evidence_memory_mib = 64;      // of the last evidence of nodes; 0: none is kept
  std::chrono::seconds enrollment_release_after{86'400};  // after the Node is gone
  std::chrono::seconds status_refresh{300};
  std::chrono::seconds default_interval{300};
  telemetry::Level log_level = telemetry::Level::kInfo;
  telemetry::LogFormat log_format = telemetry::LogFormat::kJson;
};

struct ParsedOptions {
  Options options;
  bool exit = false;  // --help or --version: print `text` and end with success
  std::string text;
};

// Fails with a message for people when a flag is unknown or a value is not one.
Result<ParsedOptions> ParseOptions(int argc, const char* const* argv);

}  // namespace plimsoll::controller
