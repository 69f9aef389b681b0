#include "node-agent/config/options.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace plimsoll::agent {
namespace {

struct HostAndPort {
  std::string host;  // without brackets
  uint16_t port;
};

// "host:port", "1.2.3.4:port" or "[::1]:port".
std::optional<HostAndPort> SplitHostAndPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return std::nullopt;
  }
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of("[]:/@ ") != std::string_view::npos) {
    return std::nullopt;
  }
  uint16_t port = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return HostAndPort{std::string(host), port};
}

// The address of the Service from what the kubelet puts into every container.
std::optional<std::string> InjectedService() {
  const char* host = getenv("PLIMSOLL_CONTROLLER_SERVICE_HOST");
  const char* port = getenv("PLIMSOLL_CONTROLLER_SERVICE_PORT");
  if (host == nullptr || port == nullptr) {
    return std::nullopt;
  }
  const bool ipv6 = std::string_view(host).find(':') != std::string_view::npos;
  return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<std::string> CheckedController(const std::string& text, const std::string& name) {
  const auto split = SplitHostAndPort(text);
  if (!split || split->port == 0) {
    return Fail(ErrorCode::kMalformed, fmt::format("--controller={} is not host:port", text));
  }
  if (split->host.find(':') == std::string::npos) {
    return text;
  }
  // The HTTP client takes no IPv6 literal; the name that is checked anyway leads there too.
  if (name.empty()) {
    return Fail(ErrorCode::kMalformed,
                fmt::format("--controller={}: an IPv6 address needs --controller-name", text));
  }
  return fmt::format("{}:{}", name, split->port);
}

Result<std::vector<crypto::KeyProfile>> ProfilesFor(const std::string& text) {
  if (text == "auto") {
    return std::vector{crypto::KeyProfile::kP384, crypto::KeyProfile::kP256,
                       crypto::KeyProfile::kRsa2048};
  }
  if (const auto profile = crypto::KeyProfileFromName(text)) {
    return std::vector{*profile};
  }
  return Fail(ErrorCode::kMalformed,
              fmt::format("--key-profile={} is not auto, p384, p256 or rsa2048", text));
}

// What is text on the command line and more in Options.
struct Texts {
  std::string key_profile = "auto";
  std::string metrics_listen = "0.0.0.0:8081";
  std::string log_level = "info";
  std::string log_format = "json";
};

// A log that is not to be sent.
void DropNone(std::string& path) {
  if (path == "none") {
    path.clear();
  }
}

Result<Options> Checked(Options options, const Texts& texts, bool needs_controller) {
  DropNone(options.log_files.boot_event_log);
  DropNone(options.log_files.ima);
  if (options.controllers.empty() && needs_controller) {
    auto service = InjectedService();
    if (!service) {
      return Fail(ErrorCode::kMalformed,
                  "--controller is missing, and the environment names no Service "
                  "plimsoll-controller");
    }
    options.controllers.push_back(*std::move(service));
  }
  for (std::string& controller : options.controllers) {
    PLIMSOLL_ASSIGN_OR_RETURN(controller, CheckedController(controller, options.controller_name));
  }
  PLIMSOLL_ASSIGN_OR_RETURN(options.key_profiles, ProfilesFor(texts.key_profile));
  auto listen = SplitHostAndPort(texts.metrics_listen);
  if (!listen) {
    return Fail(ErrorCode::kMalformed,
                fmt::format("--metrics-listen={} is not host:port", texts.metrics_listen));
  }
  options.metrics_listen = {std::move(listen->host), listen->port};
  const auto level = telemetry::LevelFromText(texts.log_level);
  const auto format = telemetry::LogFormatFromText(texts.log_format);
  if (!level) {
    return Fail(ErrorCode::kMalformed, fmt::format("--log-level={} is not debug, info, warning or "
                                                   "error",
                                                   texts.log_level));
  }
  if (!format) {
    return Fail(ErrorCode::kMalformed,
                fmt::format("--log-format={} is not text or json", texts.log_format));
  }
  options.log_level = *level;
  options.log_format = *format;
  return options;
}

}  // namespace

Result<ParsedOptions> ParseOptions(int argc, const char* const* argv) {
  Options options;
  Texts texts;
  CLI::App app("Plimsoll's agent: attests with its TPM which software its node has booted.",
               "plimsoll-agent");
  app.set_version_flag("--version", std::string("plimsoll-agent ") + PLIMSOLL_VERSION);
  app.add_option("--controller", options.controllers,
                 "host:port of the controller; may be repeated, the next is taken when one fails")
      ->envname("PLIMSOLL_CONTROLLER")
      ->delimiter(',')
      ->allow_extra_args(false);
  const auto text = [&app](const char* flag, std::string& value, const char* environment,
                           const char* help) {
    app.add_option(flag, value, help)->envname(environment)->capture_default_str();
  };
  text("--controller-name", options.controller_name, "PLIMSOLL_CONTROLLER_NAME",
       "DNS name that the controller's certificate must be for");
  text("--ca-file", options.ca_file, "PLIMSOLL_CA_FILE",
       "PEM file of the only CA that is trusted; read again for every round");
  text("--token-file", options.token_file, "PLIMSOLL_TOKEN_FILE",
       "ServiceAccount token; read again for every request");
  text("--tcti", options.tcti, "PLIMSOLL_TCTI",
       "how to reach the TPM: auto, device:/dev/tpmrm0, swtpm:host=127.0.0.1,port=2321");
  text("--key-profile", texts.key_profile, "PLIMSOLL_KEY_PROFILE", "auto, p384, p256 or rsa2048");
  text("--metrics-listen", texts.metrics_listen, "PLIMSOLL_METRICS_LISTEN",
       "host:port of /livez, /readyz and /metrics");
  text("--log-level", texts.log_level, "PLIMSOLL_LOG_LEVEL", "debug, info, warning or error");
  text("--log-format", texts.log_format, "PLIMSOLL_LOG_FORMAT", "text or json");
  text("--boot-id-file", options.host_files.boot_id, "PLIMSOLL_BOOT_ID_FILE",
       "the kernel's boot id");
  text("--os-release-file", options.host_files.os_release, "PLIMSOLL_OS_RELEASE_FILE",
       "os-release of the host");
  text("--boot-event-log", options.log_files.boot_event_log, "PLIMSOLL_BOOT_EVENT_LOG",
       "the firmware's event log, sent when the controller asks; none: never");
  text("--ima-list", options.log_files.ima, "PLIMSOLL_IMA_LIST",
       "binary_runtime_measurements of IMA, sent when the controller asks; none: never");

  BundleCommand bundle;
  CLI::App* bundle_command = app.add_subcommand(
      "bundle", "write an evidence bundle of this machine to a file, without a controller");
  bundle_command->fallthrough();
  bundle_command->add_option("--output", bundle.output, "where to; - for standard output")
      ->required()
      ->option_text("FILE");
  bundle_command->add_option("--node-name", bundle.node_name, "default: the host's name");

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return ParsedOptions{{}, {}, true, app.help("", CLI::AppFormatMode::All)};
  } catch (const CLI::CallForVersion&) {
    return ParsedOptions{{}, {}, true, app.version() + "\n"};
  } catch (const CLI::ParseError& error) {
    return Fail(ErrorCode::kMalformed, error.what());
  }
  PLIMSOLL_ASSIGN_OR_RETURN(Options checked,
                            Checked(std::move(options), texts, !bundle_command->parsed()));
  ParsedOptions parsed;
  parsed.options = std::move(checked);
  if (bundle_command->parsed()) {
    parsed.bundle = std::move(bundle);
  }
  return parsed;
}

}  // namespace plimsoll::agent
