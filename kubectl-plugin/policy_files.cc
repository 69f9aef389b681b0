#include "kubectl-plugin/policy_files.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/yaml.h"
#include "kubectl-plugin/files.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::json;

constexpr size_t kMaxFileBytes = 16 * 1024 * 1024;
constexpr size_t kMaxDocuments = 1024;
constexpr std::array kMembers = {"apiVersion", "kind", "metadata", "spec", "status"};
// Kinds of ours that only a cluster has a use for.
constexpr std::array kIgnoredKinds = {"TPMIdentity", "NodeAttestation", "AttestationException"};

class Reader {
 public:
  explicit Reader(const Surroundings& surroundings,
                  AllowListFiles allow_lists = AllowListFiles::kRead)
      : surroundings_(surroundings), allow_lists_(allow_lists) {}

  Status Read(const std::string& path) {
    PLIMSOLL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes, surroundings_));
    return ReadText(text, path);
  }

  Status ReadText(const std::string& text, const std::string& path) {
    auto documents = ParseYaml(text, YamlScalars::kTyped,
                               {.max_bytes = kMaxFileBytes, .max_documents = kMaxDocuments});
    if (!documents) {
      return Fail(documents.error().code, path + ": " + documents.error().message);
    }
    for (size_t i = 0; i < documents->size(); ++i) {
      if (auto read = ReadDocument((*documents)[i], path); !read) {
        return Fail(read.error().code,
                    fmt::format("{}, document {}: {}", path, i + 1, read.error().message));
      }
    }
    return {};
  }

  PolicyObjects Take() {
    inputs_.now = std::chrono::floor<std::chrono::seconds>(surroundings_.clock.Wall());
    return {std::move(policies_), std::move(inputs_)};
  }

  PolicySet Compile() {
    PolicySet set;
    inputs_.now = std::chrono::floor<std::chrono::seconds>(surroundings_.clock.Wall());
    for (policy::AttestationPolicy& policy : policies_) {
      set.policies.push_back(std::make_shared<const policy::CompiledPolicy>(
          policy::CompiledPolicy::Compile(std::move(policy), inputs_)));
    }
    set.authorities = std::move(inputs_.authorities);
    return set;
  }

 private:
  Status ReadDocument(const json& document, const std::string& path) {
    if (!document.is_object()) {
      return Fail(ErrorCode::kMalformed, "not an object");
    }
    for (const auto& [key, value] : document.items()) {
      if (std::find(kMembers.begin(), kMembers.end(), key) == kMembers.end()) {
        return Fail(ErrorCode::kMalformed, fmt::format("unknown field \"{}\"", key));
      }
    }
    const json kind = document.value("kind", json());
    if (document.value("apiVersion", json()) != "plimsoll.dev/v1alpha1" || !kind.is_string()) {
      return Fail(ErrorCode::kMalformed, "not an object of plimsoll.dev/v1alpha1");
    }
    const std::string text = document.dump(-1, ' ', false, json::error_handler_t::replace);
    if (kind == "AttestationPolicy") {
      PLIMSOLL_ASSIGN_OR_RETURN(auto policy, policy::AttestationPolicy::Parse(text));
      PLIMSOLL_RETURN_IF_ERROR(Admit(kind, policy.meta.name, policy.unknown_field));
      policies_.push_back(std::move(policy));
      return {};
    }
    if (kind == "ReferenceValues") {
      PLIMSOLL_ASSIGN_OR_RETURN(auto values, policy::ReferenceValues::Parse(text));
      PLIMSOLL_RETURN_IF_ERROR(Admit(kind, values.meta.name, values.unknown_field));
      ReadAllowList(values, path);
      std::string name = values.meta.name;
      inputs_.references[std::move(name)] =
          std::make_shared<const policy::ReferenceValues>(std::move(values));
      return {};
    }
    if (kind == "EndorsementAuthority") {
      PLIMSOLL_ASSIGN_OR_RETURN(auto authority, policy::EndorsementAuthority::Parse(text));
      PLIMSOLL_RETURN_IF_ERROR(Admit(kind, authority.meta.name, authority.unknown_field));
      std::string name = authority.meta.name;
      inputs_.authorities[std::move(name)] =
          std::make_shared<const policy::EndorsementAuthority>(std::move(authority));
      return {};
    }
    if (std::find(kIgnoredKinds.begin(), kIgnoredKinds.end(), kind) != kIgnoredKinds.end()) {
      return {};
    }
    return Fail(ErrorCode::kMalformed,
                fmt::format("unknown kind \"{}\"", kind.get<std::string>().substr(0, 64)));
  }

  Status Admit(const std::string& kind, const std::string& name, const std::string& unknown_field) {
    if (!unknown_field.empty()) {
      return Fail(ErrorCode::kMalformed,
                  fmt::format("{} {}: unknown field {}", kind, name, unknown_field));
    }
    if (!seen_.insert(kind + "/" + name).second) {
      return Fail(ErrorCode::kMalformed, fmt::format("{} {} is there twice", kind, name));
    }
    return {};
  }

  void ReadAllowList(policy::ReferenceValues& values, const std::string& path) {
    if (allow_lists_ == AllowListFiles::kAssumed) {
      if (!values.allow_list_file.empty() || !values.allow_list_config_maps.empty()) {
        inputs_.allow_lists[values.meta.name] =
            std::make_shared<const ima::AllowList>(*ima::AllowList::Parse(""));
      }
      return;
    }
    if (values.allow_list_file.empty() || !values.problem.empty()) {
      return;
    }
    const auto file = std::filesystem::path(path).parent_path() / values.allow_list_file;
    const auto text = ReadFile(file.string(), ima::kMaxAllowListBytes, surroundings_);
    if (!text) {
      values.problem = text.error().message;
      return;
    }
    auto list = ima::AllowList::Parse(*text);
    if (!list) {
      values.problem = file.string() + ": " + list.error().message;
      return;
    }
    inputs_.allow_lists[values.meta.name] =
        std::make_shared<const ima::AllowList>(*std::move(list));
  }

  const Surroundings& surroundings_;
  const AllowListFiles allow_lists_;
  std::vector<policy::AttestationPolicy> policies_;
  policy::PolicyInputs inputs_;
  std::set<std::string> seen_;
};

}  // namespace

Result<PolicySet> ReadPolicies(const std::vector<std::string>& files,
                               const Surroundings& surroundings) {
  Reader reader(surroundings);
  for (const std::string& file : files) {
    PLIMSOLL_RETURN_IF_ERROR(reader.Read(file));
  }
  return reader.Compile();
}

Result<PolicyObjects> ReadPolicyObjects(const std::vector<std::string>& files,
                                        AllowListFiles allow_lists,
                                        const Surroundings& surroundings) {
  Reader reader(surroundings, allow_lists);
  for (const std::string& file : files) {
    PLIMSOLL_RETURN_IF_ERROR(reader.Read(file));
  }
  return reader.Take();
}

Result<PolicySet> ReadPolicyText(const std::string& text, const std::string& origin,
                                 const Surroundings& surroundings) {
  Reader reader(surroundings);
  PLIMSOLL_RETURN_IF_ERROR(reader.ReadText(text, origin));
  return reader.Compile();
}

}  // namespace plimsoll::plugin
