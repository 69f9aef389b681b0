#include "kube/config.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/encoding.h"
#include "base/yaml.h"
#include "kube/exec_credential.h"
#include "kube/transport/token_file.h"

namespace plimsoll::kube {
namespace {

using nlohmann::json;

constexpr size_t kMaxFileBytes = size_t{1} << 20;

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Fail(ErrorCode::kNotFound, path + " cannot be opened");
  }
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) {
    return Fail(ErrorCode::kTooLarge, path + " is over 1 MiB");
  }
  return text;
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string(value);
}

// A text field; empty when it is absent.
Result<std::string> TextOf(const json& from, const char* key) {
  const auto found = from.find(key);
  if (found == from.end() || found->is_null()) {
    return std::string{};
  }
  if (!found->is_string()) {
    return Fail(ErrorCode::kMalformed, std::string("\"") + key + "\" is not a text");
  }
  return found->get<std::string>();
}

Status RefuseFields(const json& from, std::initializer_list<const char*> fields, const char* why) {
  for (const char* field : fields) {
    if (from.contains(field) && !from[field].is_null() && from[field] != "") {
      return Fail(ErrorCode::kUnsupported,
                  std::string("\"") + field + "\" is not supported: " + why);
    }
  }
  return {};
}

// CAs of the system, where distributions keep them.
std::string SystemAuthorities() {
  for (const char* path : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                           "/etc/ssl/cert.pem"}) {
    if (auto text = ReadFile(path)) {
      return *std::move(text);
    }
  }
  return {};
}

struct File {
  std::string path;
  std::filesystem::path folder;
  json config;
};

// A part of an entry, with the folder that its paths are relative to.
struct Entry {
  json part;
  std::filesystem::path folder;
};

class Kubeconfig {
 public:
  // `clock` is null for programs that must not run others.
  Kubeconfig(std::vector<File> files, const Clock* clock)
      : files_(std::move(files)), clock_(clock) {}

  Result<ClusterConfig> Read(std::string context_name) const {
    for (const File& file : files_) {
      if (!file.config.is_object()) {
        return Fail(ErrorCode::kMalformed, "it is not a mapping");
      }
      if (context_name.empty()) {
        PLIMSOLL_ASSIGN_OR_RETURN(context_name, TextOf(file.config, "current-context"));
      }
    }
    if (context_name.empty()) {
      return Fail(ErrorCode::kNotFound, "there is no current context; name one with --context");
    }
    PLIMSOLL_ASSIGN_OR_RETURN(const Entry context, Find("contexts", "context", context_name));
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string cluster_name, TextOf(context.part, "cluster"));
    PLIMSOLL_ASSIGN_OR_RETURN(const Entry cluster, Find("clusters", "cluster", cluster_name));
    ClusterConfig result;
    PLIMSOLL_ASSIGN_OR_RETURN(result.namespace_name, TextOf(context.part, "namespace"));
    if (result.namespace_name.empty()) {
      result.namespace_name = "default";
    }
    PLIMSOLL_RETURN_IF_ERROR(ReadCluster(cluster, result.transport));
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string user_name, TextOf(context.part, "user"));
    if (!user_name.empty()) {
      PLIMSOLL_ASSIGN_OR_RETURN(const Entry user, Find("users", "user", user_name));
      PLIMSOLL_RETURN_IF_ERROR(ReadUser(user, cluster, result));
    }
    return result;
  }

 private:
  // The `part` of the first entry named `name` in the list `list`: {name: NAME, cluster: {...}}.
  Result<Entry> Find(const char* list, const char* part, const std::string& name) const {
    for (const File& file : files_) {
      const auto entries = file.config.find(list);
      if (entries == file.config.end() || !entries->is_array()) {
        continue;
      }
      for (const json& entry : *entries) {
        if (!entry.is_object() || entry.value("name", json()) != name) {
          continue;
        }
        const auto found = entry.find(part);
        if (found != entry.end() && found->is_object()) {
          return Entry{*found, file.folder};
        }
      }
    }
    return Fail(ErrorCode::kNotFound, std::string("there is no ") + part + " \"" + name + "\"");
  }

  Status ReadCluster(const Entry& entry, transport::TransportOptions& options) const {
    const json& cluster = entry.part;
    PLIMSOLL_RETURN_IF_ERROR(RefuseFields(cluster, {"proxy-url"}, "connections are direct"));
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string insecure,
                              TextOf(cluster, "insecure-skip-tls-verify"));
    if (!insecure.empty() && insecure != "false") {
      return Fail(ErrorCode::kUnsupported,
                  "\"insecure-skip-tls-verify\" is not supported: name the cluster's CA");
    }
    PLIMSOLL_ASSIGN_OR_RETURN(options.base_url, TextOf(cluster, "server"));
    if (!options.base_url.starts_with("https://")) {
      return Fail(ErrorCode::kUnsupported, "\"server\" is not an https:// URL");
    }
    PLIMSOLL_ASSIGN_OR_RETURN(options.server_name, TextOf(cluster, "tls-server-name"));
    PLIMSOLL_ASSIGN_OR_RETURN(options.ca_pem, Pem(entry, "certificate-authority"));
    if (options.ca_pem.empty() && clock_ != nullptr) {
      options.ca_pem = SystemAuthorities();
    }
    if (options.ca_pem.empty()) {
      return Fail(ErrorCode::kUnsupported,
                  "the cluster names no certificate authority; the system's are not trusted");
    }
    return {};
  }

  Status ReadUser(const Entry& entry, const Entry& cluster, ClusterConfig& result) const {
    const json& user = entry.part;
    transport::TransportOptions& options = result.transport;
    PLIMSOLL_RETURN_IF_ERROR(
        RefuseFields(user, {"auth-provider"}, "kubectl has no auth providers any more; use exec"));
    PLIMSOLL_RETURN_IF_ERROR(
        RefuseFields(user, {"username", "password"}, "the API server takes no passwords any more"));
    PLIMSOLL_RETURN_IF_ERROR(ReadImpersonation(user, result));
    PLIMSOLL_ASSIGN_OR_RETURN(options.client_certificate_pem, Pem(entry, "client-certificate"));
    PLIMSOLL_ASSIGN_OR_RETURN(options.client_key_pem, Pem(entry, "client-key"));
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string token_file, TextOf(user, "tokenFile"));
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string token, TextOf(user, "token"));
    if (!token_file.empty()) {
      options.bearer_token = transport::TokenFromFile(Resolve(entry, token_file));
    } else if (!token.empty()) {
      options.bearer_token = [token]() -> Result<std::string> { return token; };
    }
    const auto exec = user.find("exec");
    if (exec == user.end() || exec->is_null()) {
      return {};
    }
    if (clock_ == nullptr) {
      return RefuseFields(
          user, {"exec"},
          "no program is run for credentials; use a certificate, \"token\" or \"tokenFile\"");
    }
    return ReadExec(*exec, entry, cluster, result);
  }

  Status ReadImpersonation(const json& user, ClusterConfig& result) const {
    if (clock_ == nullptr) {
      return RefuseFields(user, {"as", "as-uid", "as-groups", "as-user-extra"}, "no impersonation");
    }
    PLIMSOLL_RETURN_IF_ERROR(
        RefuseFields(user, {"as-uid", "as-user-extra"}, "only \"as\" and one of \"as-groups\""));
    PLIMSOLL_ASSIGN_OR_RETURN(result.as_user, TextOf(user, "as"));
    const auto groups = user.find("as-groups");
    if (groups == user.end() || groups->is_null()) {
      return {};
    }
    if (!groups->is_array() || groups->size() > 1 ||
        (!groups->empty() && !(*groups)[0].is_string())) {
      return Fail(ErrorCode::kUnsupported, "\"as-groups\" is supported with one group");
    }
    result.as_group = groups->empty() ? "" : (*groups)[0].get<std::string>();
    return {};
  }

  // Runs the program once: whether it gives a token or a certificate decides how to connect.
  Status ReadExec(const json& exec, const Entry& user, const Entry& cluster,
                  ClusterConfig& result) const {
    transport::TransportOptions& options = result.transport;
    PLIMSOLL_ASSIGN_OR_RETURN(
        ExecPlugin plugin,
        ExecPlugin::Read(exec, ClusterInfo(cluster, options), user.folder.string()));
    const auto source = std::make_shared<ExecCredentialSource>(std::move(plugin), *clock_);
    PLIMSOLL_ASSIGN_OR_RETURN(const ExecCredential first, source->Get());
    if (!first.client_certificate_pem.empty()) {
      options.client_certificate_pem = first.client_certificate_pem;
      options.client_key_pem = first.client_key_pem;
    }
    if (!first.token.empty()) {
      options.bearer_token = [source]() -> Result<std::string> {
        PLIMSOLL_ASSIGN_OR_RETURN(ExecCredential credential, source->Get());
        return std::move(credential.token);
      };
      result.forget_credential = [source] { source->Forget(); };
    }
    return {};
  }

  // spec.cluster of an ExecCredential (client.authentication.k8s.io/v1 Cluster).
  static json ClusterInfo(const Entry& cluster, const transport::TransportOptions& options) {
    json info = {{"server", options.base_url},
                 {"certificate-authority-data", ToBase64(AsBytes(options.ca_pem))}};
    if (!options.server_name.empty()) {
      info["tls-server-name"] = options.server_name;
    }
    const auto extensions = cluster.part.find("extensions");
    if (extensions != cluster.part.end() && extensions->is_array()) {
      for (const json& entry : *extensions) {
        if (entry.is_object() &&
            entry.value("name", json()) == "client.authentication.k8s.io/exec") {
          info["config"] = entry.value("extension", json());
        }
      }
    }
    return info;
  }

  // The content of "KEY-data", or of the file that "KEY" names; empty when there is neither.
  static Result<std::string> Pem(const Entry& entry, const std::string& key) {
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string data, TextOf(entry.part, (key + "-data").c_str()));
    if (!data.empty()) {
      Result<Bytes> bytes = FromBase64(data, kMaxFileBytes);
      if (!bytes) {
        return Wrap("\"" + key + "-data\"", bytes.error());
      }
      return std::string(AsText(*bytes));
    }
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string file, TextOf(entry.part, key.c_str()));
    return file.empty() ? Result<std::string>(std::string{}) : ReadFile(Resolve(entry, file));
  }

  static std::string Resolve(const Entry& entry, const std::string& path) {
    return (entry.folder / path).string();
  }

  const std::vector<File> files_;
  const Clock* clock_;
};

Result<File> ReadKubeconfig(const std::string& path) {
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  PLIMSOLL_ASSIGN_OR_RETURN(json config, ParseYamlDocument(text, YamlScalars::kText));
  std::error_code ignored;
  return File{path, std::filesystem::absolute(path, ignored).parent_path(), std::move(config)};
}

Result<ClusterConfig> Load(const std::vector<std::string>& paths, const std::string& context,
                           const Clock* clock) {
  std::vector<File> files;
  std::string doing = "kubeconfig";
  for (const std::string& path : paths) {
    auto file = ReadKubeconfig(path);
    if (!file) {
      return Wrap("kubeconfig " + path, file.error());
    }
    files.push_back(*std::move(file));
    doing += (files.size() == 1 ? " " : ", ") + path;
  }
  auto result = Kubeconfig(std::move(files), clock).Read(context);
  return result ? std::move(result) : Wrap(doing, result.error());
}

}  // namespace

InClusterSources InClusterSources::FromEnvironment() {
  InClusterSources sources;
  sources.host = Environment("KUBERNETES_SERVICE_HOST");
  sources.port = Environment("KUBERNETES_SERVICE_PORT");
  return sources;
}

Result<ClusterConfig> InClusterConfig(const InClusterSources& sources) {
  if (!sources.Present()) {
    return Fail(ErrorCode::kNotFound,
                "not in a Pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
  }
  const bool ipv6 = sources.host.find(':') != std::string::npos;
  ClusterConfig config;
  config.transport.base_url = "https://" +
                              (ipv6 ? std::string("kubernetes.default.svc") : sources.host) + ":" +
                              sources.port;
  PLIMSOLL_ASSIGN_OR_RETURN(config.transport.ca_pem, ReadFile(sources.directory + "/ca.crt"));
  config.transport.bearer_token = transport::TokenFromFile(sources.directory + "/token");
  PLIMSOLL_ASSIGN_OR_RETURN(config.namespace_name, ReadFile(sources.directory + "/namespace"));
  return config;
}

Result<ClusterConfig> LoadKubeconfig(const std::string& path, const std::string& context) {
  return Load({path}, context, nullptr);
}

std::vector<std::string> KubeconfigPaths(const std::string& explicit_path,
                                         const std::string& variable, const std::string& home) {
  if (!explicit_path.empty()) {
    return {explicit_path};
  }
  std::vector<std::string> listed;
  for (size_t begin = 0; begin <= variable.size();) {
    const size_t end = std::min(variable.find(':', begin), variable.size());
    if (end > begin) {
      listed.push_back(variable.substr(begin, end - begin));
    }
    begin = end + 1;
  }
  if (listed.empty() && !home.empty()) {
    listed.push_back(home + "/.kube/config");
  }
  std::error_code ignored;
  std::erase_if(listed,
                [&](const std::string& path) { return !std::filesystem::exists(path, ignored); });
  return listed;
}

Result<ClusterConfig> LoadUserKubeconfig(const UserKubeconfig& request, const Clock& clock) {
  return Load(request.paths, request.context, &clock);
}

}  // namespace plimsoll::kube
