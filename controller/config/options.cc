#include "controller/config/options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <string_view>

namespace plimsoll::controller {
namespace {

constexpr int kMinSeconds = 10;
constexpr int kMaxSeconds = 86'400;
constexpr std::string_view kNodeRestriction = "node-restriction.kubernetes.io";

Result<ListenAddress> ParseAddress(const std::string& text) {
  const size_t colon = text.rfind(':');
  ListenAddress parsed;
  if (colon == std::string::npos) {
    return Fail(ErrorCode::kMalformed, "address '" + text + "' is not HOST:PORT");
  }
  parsed.address = text.substr(0, colon);
  if (parsed.address.size() > 2 && parsed.address.front() == '[' && parsed.address.back() == ']') {
    parsed.address = parsed.address.substr(1, parsed.address.size() - 2);
  }
  const char* const end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data() + colon + 1, end, parsed.port);
  if (error != std::errc() || next != end || parsed.address.empty()) {
    return Fail(ErrorCode::kMalformed, "address '" + text + "' is not HOST:PORT");
  }
  return parsed;
}

// "24h", "90m", "30s": at least a second, at most ten years.
Result<std::chrono::seconds> ParseDuration(const std::string& text) {
  constexpr int64_t kMost = int64_t{10} * 365 * 24 * 3600;
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number);
  const int64_t seconds = unit == end    ? 0
                          : *unit == 's' ? 1
                          : *unit == 'm' ? 60
                          : *unit == 'h' ? 3600
                                         : 0;
  if (error != std::errc() || end - unit != 1 || seconds == 0 || number < 1 ||
      number > kMost / seconds) {
    return Fail(ErrorCode::kMalformed,
                "'" + text + "' is no duration: a number from 1 and s, m or h, such as 24h");
  }
  return std::chrono::seconds(number * seconds);
}

// The label must stand under a prefix that kubelets may not write, else a node could trust itself.
Status CheckLabelKey(const std::string& key) {
  const std::string_view prefix = std::string_view(key).substr(0, key.find('/'));
  const bool restricted =
      prefix == kNodeRestriction ||
      (prefix.size() > kNodeRestriction.size() + 1 && prefix.ends_with(kNodeRestriction) &&
       prefix[prefix.size() - kNodeRestriction.size() - 1] == '.');
  if (!restricted || key.find('/') == std::string::npos || key.ends_with('/')) {
    return Fail(ErrorCode::kMalformed,
                "--label-key must stand under a prefix that ends in "
                "node-restriction.kubernetes.io: any other label could be set by the node itself");
  }
  return {};
}

std::string DefaultIdentity() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) {
    name[0] = '\0';
  }
  return std::string(name.data()) + "-" + std::to_string(getpid());
}

}  // namespace

Result<ParsedOptions> ParseOptions(int argc, const char* const* argv) {
  ParsedOptions parsed;
  Options& options = parsed.options;
  std::string listen = "0.0.0.0:8443";
  std::string metrics_listen = "0.0.0.0:8080";
  std::string agent = "plimsoll-system:plimsoll-agent";
  std::string unmatched = "Release";
  std::string level = "info";
  std::string format = "json";
  std::string release_after = "24h";
  int refresh = 300;
  int interval = 300;

  CLI::App app("Appraises the TPM evidence of nodes and marks them as trusted or not.",
               "plimsoll-controller");
  app.set_version_flag("--version", "plimsoll-controller " PLIMSOLL_VERSION);
  const auto add = [&app](const char* name, auto& value, const char* text) {
    std::string variable = std::string("PLIMSOLL_CONTROLLER_") + (name + 2);
    for (char& c : variable) {
      c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return app.add_option(name, value, text)->envname(variable)->capture_default_str();
  };
  add("--listen", listen, "where agents send their evidence (HTTPS)");
  add("--metrics-listen", metrics_listen, "where health and metrics are served (HTTP)");
  add("--kubeconfig", options.kubeconfig, "kubeconfig file; empty inside a cluster");
  add("--namespace", options.namespace_name, "namespace of Lease, Secret, ConfigMap and Service");
  add("--service-name", options.service_name,
      "name of the Service, which the serving certificate names");
  add("--agent-service-account", agent,
      "NAMESPACE:NAME of the only ServiceAccount whose tokens are taken");
  add("--identity", options.identity, "name of this replica; default: host name and process id");
  add("--label-key", options.label_key, "key of the trust label");
  add("--taint-key", options.taint_key, "key of the taint");
  add("--condition-type", options.condition_type, "type of the Node condition");
  add("--trusted-until", options.trusted_until,
      "also write the label trusted-until, beside the trust label: until when trust lasts, in Unix "
      "seconds");
  add("--taint-enabled", options.taints,
      "taint nodes; false: no node carries the taint, startup taints are removed too");
  add("--node-condition-enabled", options.node_conditions,
      "write the Node condition; false: no node carries it");
  add("--unmatched-nodes", unmatched,
      "startup taints of nodes that no Enforce policy selects: Release or Hold")
      ->check(CLI::IsMember({"Release", "Hold"}));
  add("--allow-list-directory", options.allow_list_directory,
      "where the IMA allow-lists are that ReferenceValues name by file; empty: none");
  add("--log-memory-mib", options.log_memory_mib,
      "memory for boot event logs that agents need not send again")
      ->check(CLI::Range(1, 65'536));
  add("--evidence-memory-mib", options.evidence_memory_mib,
      "memory for the last evidence of nodes, for kubectl plimsoll evidence; 0: none is kept")
      ->check(CLI::Range(0, 65'536));
  add("--enrollment-release-after", release_after,
      "how long after its Node is gone a TPM is released that only its certificate or a first use "
      "admits: a number and s, m or h");
  add("--status-refresh-seconds", refresh, "how often an unchanged status is written")
      ->check(CLI::Range(1, kMaxSeconds));
  add("--default-interval-seconds", interval,
      "time between two quotes of nodes that no policy selects")
      ->check(CLI::Range(kMinSeconds, kMaxSeconds));
  add("--log-level", level, "debug, info, warning or error");
  add("--log-format", format, "json or text");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return ParsedOptions{.options = {}, .exit = true, .text = app.help()};
  } catch (const CLI::CallForVersion&) {
    return ParsedOptions{.options = {}, .exit = true, .text = std::string(app.version()) + "\n"};
  } catch (const CLI::Error& error) {
    return Fail(ErrorCode::kMalformed,
                std::string(error.what()) + " (see plimsoll-controller --help)");
  }

  PLIMSOLL_ASSIGN_OR_RETURN(options.listen, ParseAddress(listen));
  PLIMSOLL_ASSIGN_OR_RETURN(options.metrics_listen, ParseAddress(metrics_listen));
  PLIMSOLL_RETURN_IF_ERROR(CheckLabelKey(options.label_key));
  const size_t colon = agent.find(':');
  if (colon == 0 || colon == std::string::npos || colon + 1 == agent.size()) {
    return Fail(ErrorCode::kMalformed, "--agent-service-account is not NAMESPACE:NAME");
  }
  options.agent_namespace = agent.substr(0, colon);
  options.agent_service_account = agent.substr(colon + 1);
  options.unmatched_nodes = unmatched == "Hold" ? UnmatchedNodes::kHold : UnmatchedNodes::kRelease;
  PLIMSOLL_ASSIGN_OR_RETURN(options.enrollment_release_after, ParseDuration(release_after));
  options.status_refresh = std::chrono::seconds(refresh);
  options.default_interval = std::chrono::seconds(interval);
  const auto parsed_level = telemetry::LevelFromText(level);
  const auto parsed_format = telemetry::LogFormatFromText(format);
  if (!parsed_level || !parsed_format) {
    return Fail(ErrorCode::kMalformed,
                "--log-level is debug, info, warning or error; --log-format is json or text");
  }
  options.log_level = *parsed_level;
  options.log_format = *parsed_format;
  if (options.identity.empty()) {
    options.identity = DefaultIdentity();
  }
  return parsed;
}

}  // namespace plimsoll::controller
