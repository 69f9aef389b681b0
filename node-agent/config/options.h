#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "crypto/attestation_key.h"
#include "node-agent/collect/host_facts.h"
#include "node-agent/collect/host_logs.h"
#include "telemetry/log.h"

// node-agent/config is what the agent is started with, checked before anything else happens.

namespace plimsoll::agent {

struct ListenAddress {
  std::string address;  // literal, IPv6 without brackets
  uint16_t port = 0;    // 0: any free one
};

// What the agent is started with. Every flag but --help and --version can also be given in the
// environment, as PLIMSOLL_ and its name in capitals (PLIMSOLL_CA_FILE); the command line wins.
struct Options {
  // host:port, at least one. Without --controller it is the Service plimsoll-controller of the
  // environment that the kubelet injects (PLIMSOLL_CONTROLLER_SERVICE_HOST, …_PORT).
  std::vector<std::string> controllers;
  std::string controller_name;  // what its certificate must be for; empty for the host
  std::string ca_file = "/var/run/plimsoll/ca/ca.crt";
  std::string token_file = "/var/run/plimsoll/token/token";
  std::string tcti = "auto";
  std::vector<crypto::KeyProfile> key_profiles;  // in order of preference, at least one
  ListenAddress metrics_listen{"0.0.0.0", 8081};
  telemetry::Level log_level = telemetry::Level::kInfo;
  telemetry::LogFormat log_format = telemetry::LogFormat::kJson;
  collect::HostFiles host_files;
  collect::LogFiles log_files;
};

// plimsoll-agent bundle.
struct BundleCommand {
  std::string output;     // "-": standard output
  std::string node_name;  // empty: the host's name
};

struct ParsedOptions {
  Options options;
  std::optional<BundleCommand> bundle;  // write a bundle and end
  bool exit = false;                    // --help or --version: print `text` and end with success
  std::string text;
};

// kMalformed, with a message for people, when a flag is unknown or a value is not one. Reads the
// environment: call it before there are threads.
Result<ParsedOptions> ParseOptions(int argc, const char* const* argv);

}  // namespace plimsoll::agent
