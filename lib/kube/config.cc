#include "kube/config.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/encoding.h"
#include "base/yaml.h"
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

// The `part` of the entry named `name` in the list `list`: {name: NAME, cluster: {...}}.
Result<json> NamedEntry(const json& config, const char* list, const char* part,
                        const std::string& name) {
  const auto entries = config.find(list);
  if (entries != config.end() && entries->is_array()) {
    for (const json& entry : *entries) {
      if (!entry.is_object() || entry.value("name", json()) != name) {
        continue;
      }
      const auto found = entry.find(part);
      if (found != entry.end() && found->is_object()) {
        return *found;
      }
    }
  }
  return Fail(ErrorCode::kNotFound, std::string("there is no ") + part + " \"" + name + "\"");
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

class Kubeconfig {
 public:
  Kubeconfig(json config, std::filesystem::path folder)
      : config_(std::move(config)), folder_(std::move(folder)) {}

  Result<ClusterConfig> Read(std::string context_name) const {
    if (!config_.is_object()) {
      return Fail(ErrorCode::kMalformed, "it is not a mapping");
    }
    if (context_name.empty()) {
      PLIMSOLL_ASSIGN_OR_RETURN(context_name, TextOf(config_, "current-context"));
    }
    PLIMSOLL_ASSIGN_OR_RETURN(const json context,
                              NamedEntry(config_, "contexts", "context", context_name));
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string cluster_name, TextOf(context, "cluster"));
    PLIMSOLL_ASSIGN_OR_RETURN(const json cluster,
                              NamedEntry(config_, "clusters", "cluster", cluster_name));
    ClusterConfig result;
    PLIMSOLL_ASSIGN_OR_RETURN(result.namespace_name, TextOf(context, "namespace"));
    if (result.namespace_name.empty()) {
      result.namespace_name = "default";
    }
    PLIMSOLL_RETURN_IF_ERROR(ReadCluster(cluster, result.transport));
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string user_name, TextOf(context, "user"));
    if (!user_name.empty()) {
      PLIMSOLL_ASSIGN_OR_RETURN(const json user, NamedEntry(config_, "users", "user", user_name));
      PLIMSOLL_RETURN_IF_ERROR(ReadUser(user, result.transport));
    }
    return result;
  }

 private:
  Status ReadCluster(const json& cluster, transport::TransportOptions& options) const {
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
    PLIMSOLL_ASSIGN_OR_RETURN(options.ca_pem, Pem(cluster, "certificate-authority"));
    if (options.ca_pem.empty()) {
      return Fail(ErrorCode::kUnsupported,
                  "the cluster names no certificate authority; the system's are not trusted");
    }
    return {};
  }

  Status ReadUser(const json& user, transport::TransportOptions& options) const {
    PLIMSOLL_RETURN_IF_ERROR(RefuseFields(
        user, {"exec", "auth-provider"},
        "no program is run for credentials; use a certificate, \"token\" or \"tokenFile\""));
    PLIMSOLL_RETURN_IF_ERROR(
        RefuseFields(user, {"username", "password"}, "the API server takes no passwords any more"));
    PLIMSOLL_RETURN_IF_ERROR(
        RefuseFields(user, {"as", "as-uid", "as-groups", "as-user-extra"}, "no impersonation"));
    PLIMSOLL_ASSIGN_OR_RETURN(options.client_certificate_pem, Pem(user, "client-certificate"));
    PLIMSOLL_ASSIGN_OR_RETURN(options.client_key_pem, Pem(user, "client-key"));
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string token_file, TextOf(user, "tokenFile"));
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string token, TextOf(user, "token"));
    if (!token_file.empty()) {
      options.bearer_token = transport::TokenFromFile(Resolve(token_file));
    } else if (!token.empty()) {
      options.bearer_token = [token]() -> Result<std::string> { return token; };
    }
    return {};
  }

  // The content of "KEY-data", or of the file that "KEY" names; empty when there is neither.
  Result<std::string> Pem(const json& from, const std::string& key) const {
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string data, TextOf(from, (key + "-data").c_str()));
    if (!data.empty()) {
      Result<Bytes> bytes = FromBase64(data, kMaxFileBytes);
      if (!bytes) {
        return Wrap("\"" + key + "-data\"", bytes.error());
      }
      return std::string(AsText(*bytes));
    }
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string file, TextOf(from, key.c_str()));
    return file.empty() ? Result<std::string>(std::string{}) : ReadFile(Resolve(file));
  }

  std::string Resolve(const std::string& path) const { return (folder_ / path).string(); }

  const json config_;
  const std::filesystem::path folder_;
};

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
  const std::string doing = "kubeconfig " + path;
  const Result<std::string> text = ReadFile(path);
  if (!text) {
    return Wrap(doing, text.error());
  }
  Result<json> config = ParseYamlDocument(*text, YamlScalars::kText);
  if (!config) {
    return Wrap(doing, config.error());
  }
  std::error_code ignored;
  const auto folder = std::filesystem::absolute(path, ignored).parent_path();
  Result<ClusterConfig> result = Kubeconfig(*std::move(config), folder).Read(context);
  return result ? std::move(result) : Wrap(doing, result.error());
}

}  // namespace plimsoll::kube
