#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

// Credentials that a program on the user's machine gives: `exec` in a kubeconfig
// (client.authentication.k8s.io/v1 and v1beta1). Only programs for people use it: a kubeconfig that
// a Pod is given must not name a program to be run.
namespace plimsoll::kube {

struct ExecPlugin {
  // May the program ask at the terminal?
  enum class Interactive : uint8_t { kNever, kIfAvailable, kAlways };

  std::string api_version;
  std::string command;  // searched in PATH; with a slash, relative to `folder`
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  std::string install_hint;  // shown when there is no such program
  Interactive interactive = Interactive::kIfAvailable;
  std::string cluster;  // spec.cluster of KUBERNETES_EXEC_INFO as JSON; empty: not asked for
  std::string folder;   // of the kubeconfig file

  // The `exec` object of a user. `cluster` is what provideClusterInfo asks to be passed on.
  // kMalformed and kUnsupported name the field.
  static Result<ExecPlugin> Read(const nlohmann::json& exec, const nlohmann::json& cluster,
                                 std::string folder);
};

struct ExecCredential {
  std::string token;  // empty: none
  std::string client_certificate_pem;
  std::string client_key_pem;
  std::optional<WallTime> expires;  // nullopt: when the process ends
};

// The credential of one plugin, kept until it expires. Thread-safe; requests that need a new one
// wait for the same run of the program. Its standard error is ours, so that people see what it asks
// and why it fails; its answer is read to 1 MiB.
//
// Get() fails with kNotFound (no such program, with the install hint), kDenied (it ended with
// another code than 0) or kMalformed (its answer is no ExecCredential of the version asked for, or
// has neither a token nor a certificate with its key).
class ExecCredentialSource {
 public:
  ExecCredentialSource(ExecPlugin plugin, const Clock& clock)
      : plugin_(std::move(plugin)), clock_(clock) {}

  Result<ExecCredential> Get();

  // The server refused the credential: the next Get() runs the program again.
  void Forget();

 private:
  const ExecPlugin plugin_;
  const Clock& clock_;
  std::mutex mutex_;
  std::optional<ExecCredential> kept_;
};

// The answer of a plugin, as text. See ExecCredentialSource.
Result<ExecCredential> ParseExecCredential(const std::string& text, const std::string& api_version);

}  // namespace plimsoll::kube
