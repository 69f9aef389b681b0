#include "kube/exec_credential.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "kube/child_program.h"

namespace plimsoll::kube {
namespace {

using nlohmann::json;

constexpr const char* kV1 = "client.authentication.k8s.io/v1";
constexpr const char* kV1Beta1 = "client.authentication.k8s.io/v1beta1";
constexpr size_t kMaxAnswerBytes = size_t{1} << 20;
constexpr JsonLimits kAnswerLimits{.max_bytes = kMaxAnswerBytes, .max_depth = 32};
// A token that is about to expire would be refused by the time it arrives.
constexpr std::chrono::seconds kExpiryMargin{10};
constexpr int kNoSuchProgram = 127;

Result<std::string> Text(const json& from, const char* key) {
  const auto found = from.find(key);
  if (found == from.end() || found->is_null()) {
    return std::string();
  }
  if (!found->is_string()) {
    return Fail(ErrorCode::kMalformed, std::string("\"") + key + "\" is not a text");
  }
  return found->get<std::string>();
}

Result<std::vector<std::string>> Texts(const json& from, const char* key) {
  std::vector<std::string> texts;
  const auto found = from.find(key);
  if (found == from.end() || found->is_null()) {
    return texts;
  }
  for (const json& item : *found) {
    if (!found->is_array() || !item.is_string()) {
      return Fail(ErrorCode::kMalformed,
                  std::string("exec: \"") + key + "\" is not a list of texts");
    }
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

Result<ExecPlugin::Interactive> InteractiveOf(const std::string& text, bool required) {
  if (text == "Never") {
    return ExecPlugin::Interactive::kNever;
  }
  if (text == "Always") {
    return ExecPlugin::Interactive::kAlways;
  }
  if (text == "IfAvailable" || (text.empty() && !required)) {
    return ExecPlugin::Interactive::kIfAvailable;
  }
  return Fail(ErrorCode::kMalformed,
              "exec: \"interactiveMode\" is not Never, IfAvailable or Always");
}

std::string ProgramOf(const ExecPlugin& plugin) {
  const bool path = plugin.command.find('/') != std::string::npos;
  return path ? (std::filesystem::path(plugin.folder) / plugin.command).string() : plugin.command;
}

}  // namespace

Result<ExecPlugin> ExecPlugin::Read(const json& exec, const json& cluster, std::string folder) {
  ExecPlugin plugin;
  plugin.folder = std::move(folder);
  if (!exec.is_object()) {
    return Fail(ErrorCode::kMalformed, "\"exec\" is not a mapping");
  }
  PLIMSOLL_ASSIGN_OR_RETURN(plugin.api_version, Text(exec, "apiVersion"));
  if (plugin.api_version != kV1 && plugin.api_version != kV1Beta1) {
    return Fail(ErrorCode::kUnsupported,
                "exec: \"apiVersion\" is neither " + std::string(kV1) + " nor " + kV1Beta1);
  }
  PLIMSOLL_ASSIGN_OR_RETURN(plugin.command, Text(exec, "command"));
  if (plugin.command.empty()) {
    return Fail(ErrorCode::kMalformed, "exec: \"command\" is missing");
  }
  PLIMSOLL_ASSIGN_OR_RETURN(plugin.arguments, Texts(exec, "args"));
  PLIMSOLL_ASSIGN_OR_RETURN(plugin.install_hint, Text(exec, "installHint"));
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string mode, Text(exec, "interactiveMode"));
  PLIMSOLL_ASSIGN_OR_RETURN(plugin.interactive, InteractiveOf(mode, plugin.api_version == kV1));
  if (const auto list = exec.find("env"); list != exec.end() && !list->is_null()) {
    for (const json& entry : *list) {
      if (!list->is_array() || !entry.is_object()) {
        return Fail(ErrorCode::kMalformed, "exec: \"env\" is not a list of name and value");
      }
      PLIMSOLL_ASSIGN_OR_RETURN(std::string name, Text(entry, "name"));
      PLIMSOLL_ASSIGN_OR_RETURN(std::string value, Text(entry, "value"));
      if (name.empty() || name.find('=') != std::string::npos) {
        return Fail(ErrorCode::kMalformed, "exec: a variable of \"env\" has no usable name");
      }
      plugin.environment.emplace_back(std::move(name), std::move(value));
    }
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string provide, Text(exec, "provideClusterInfo"));
  if (provide == "true") {
    plugin.cluster = cluster.dump(-1, ' ', false, json::error_handler_t::replace);
  } else if (!provide.empty() && provide != "false") {
    return Fail(ErrorCode::kMalformed, "exec: \"provideClusterInfo\" is neither true nor false");
  }
  return plugin;
}

Result<ExecCredential> ParseExecCredential(const std::string& text,
                                           const std::string& api_version) {
  PLIMSOLL_ASSIGN_OR_RETURN(const json answer, ParseJson(text, kAnswerLimits));
  if (!answer.is_object() || answer.value("kind", json()) != "ExecCredential") {
    return Fail(ErrorCode::kMalformed, "its answer is no ExecCredential");
  }
  if (answer.value("apiVersion", json()) != api_version) {
    return Fail(ErrorCode::kMalformed,
                "its answer is not of " + api_version + ", which the kubeconfig asks for");
  }
  const auto status = answer.find("status");
  if (status == answer.end() || !status->is_object()) {
    return Fail(ErrorCode::kMalformed, "its answer has no status");
  }
  ExecCredential credential;
  PLIMSOLL_ASSIGN_OR_RETURN(credential.token, Text(*status, "token"));
  PLIMSOLL_ASSIGN_OR_RETURN(credential.client_certificate_pem,
                            Text(*status, "clientCertificateData"));
  PLIMSOLL_ASSIGN_OR_RETURN(credential.client_key_pem, Text(*status, "clientKeyData"));
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string expires, Text(*status, "expirationTimestamp"));
  if (!expires.empty()) {
    const auto time = ParseTime(expires);
    if (!time) {
      return Fail(ErrorCode::kMalformed, "its expirationTimestamp is no time in UTC");
    }
    credential.expires = *time;
  }
  if (credential.client_certificate_pem.empty() != credential.client_key_pem.empty()) {
    return Fail(ErrorCode::kMalformed, "its answer has a certificate or a key, and not the other");
  }
  if (credential.token.empty() && credential.client_certificate_pem.empty()) {
    return Fail(ErrorCode::kMalformed, "its answer has neither a token nor a certificate");
  }
  return credential;
}

Result<ExecCredential> ExecCredentialSource::Get() {
  const std::lock_guard lock(mutex_);
  if (kept_ && (!kept_->expires || *kept_->expires - kExpiryMargin > clock_.Wall())) {
    return *kept_;
  }
  const std::string doing = "exec plugin " + plugin_.command;
  const bool terminal = isatty(STDIN_FILENO) == 1;
  if (plugin_.interactive == ExecPlugin::Interactive::kAlways && !terminal) {
    return Fail(ErrorCode::kDenied, doing + " must ask at a terminal, and there is none");
  }
  const bool interactive = terminal && plugin_.interactive != ExecPlugin::Interactive::kNever;
  json info = {{"apiVersion", plugin_.api_version},
               {"kind", "ExecCredential"},
               {"spec", {{"interactive", interactive}}}};
  if (!plugin_.cluster.empty()) {
    info["spec"]["cluster"] = json::parse(plugin_.cluster, nullptr, false);
  }
  ChildProgram program{.path = ProgramOf(plugin_),
                       .arguments = plugin_.arguments,
                       .environment = plugin_.environment,
                       .inherit_input = interactive,
                       .max_output_bytes = kMaxAnswerBytes};
  program.environment.emplace_back("KUBERNETES_EXEC_INFO", info.dump());
  const auto ended = RunChild(program);
  if (!ended || ended->exit_code == kNoSuchProgram) {
    const bool hint = !plugin_.install_hint.empty();
    const bool absent = ended.has_value() || ended.error().code == ErrorCode::kNotFound;
    return Fail(absent ? ErrorCode::kNotFound : ended.error().code,
                doing + ": " + (ended ? "there is no such program" : ended.error().message) +
                    (absent && hint ? "\n" + plugin_.install_hint : ""));
  }
  if (ended->exit_code != 0) {
    return Fail(ErrorCode::kDenied, doing + " ended with code " + std::to_string(ended->exit_code));
  }
  auto credential = ParseExecCredential(ended->output, plugin_.api_version);
  if (!credential) {
    return Wrap(doing, credential.error());
  }
  kept_ = *credential;
  return credential;
}

void ExecCredentialSource::Forget() {
  const std::lock_guard lock(mutex_);
  kept_.reset();
}

}  // namespace plimsoll::kube
