#include "controller/identity/identity_store.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "controller/objects.h"

namespace plimsoll::controller::identity {
namespace {

// A node has a handful of identities at most; a page that is full would mean that the list is not
// what it should be.
constexpr int kPageLimit = 500;

kube::ResourceRef RefOf(const std::string& name) { return {kube::kTpmIdentity, name}; }

}  // namespace

Result<std::optional<TpmIdentity>> IdentityStore::Get(const std::string& name) const {
  const auto body = client_.Get(RefOf(name));
  if (!body) {
    if (body.error().code == ErrorCode::kNotFound) {
      return std::optional<TpmIdentity>();
    }
    return Wrap("read TPMIdentity", body.error());
  }
  PLIMSOLL_ASSIGN_OR_RETURN(TpmIdentity identity, TpmIdentity::Parse(*body));
  return std::optional<TpmIdentity>(std::move(identity));
}

Result<std::vector<TpmIdentity>> IdentityStore::OnNode(const std::string& node_name) const {
  const auto body = client_.List(
      RefOf(""),
      {.field_selector = fmt::format("spec.nodeName={}", node_name), .limit = kPageLimit});
  if (!body) {
    return Wrap("list TPMIdentities", body.error());
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const nlohmann::json list, json_fields::ParseObject(*body));
  PLIMSOLL_ASSIGN_OR_RETURN(const nlohmann::json metadata, json_fields::Object(list, "metadata"));
  PLIMSOLL_ASSIGN_OR_RETURN(const std::string more, json_fields::String(metadata, "continue"));
  if (!more.empty()) {
    return Fail(ErrorCode::kTooLarge, "more TPMIdentities for one node than can be");
  }
  PLIMSOLL_ASSIGN_OR_RETURN(const nlohmann::json items, json_fields::List(list, "items"));
  std::vector<TpmIdentity> identities;
  for (const nlohmann::json& item : items) {
    PLIMSOLL_ASSIGN_OR_RETURN(TpmIdentity identity, TpmIdentity::Parse(item.dump()));
    // A server that does not know the field selector must not widen the answer.
    if (identity.node_name == node_name) {
      identities.push_back(std::move(identity));
    }
  }
  return identities;
}

Result<std::set<std::string, std::less<>>> IdentityStore::PolicyUids() const {
  std::set<std::string, std::less<>> uids;
  std::string next;
  do {
    const auto body =
        client_.List({kube::kAttestationPolicy, ""}, {.continue_token = next, .limit = kPageLimit});
    if (!body) {
      return Wrap("list AttestationPolicies", body.error());
    }
    PLIMSOLL_ASSIGN_OR_RETURN(const nlohmann::json list, json_fields::ParseObject(*body));
    PLIMSOLL_ASSIGN_OR_RETURN(const nlohmann::json metadata, json_fields::Object(list, "metadata"));
    PLIMSOLL_ASSIGN_OR_RETURN(next, json_fields::String(metadata, "continue"));
    PLIMSOLL_ASSIGN_OR_RETURN(const nlohmann::json items, json_fields::List(list, "items"));
    for (const nlohmann::json& item : items) {
      PLIMSOLL_ASSIGN_OR_RETURN(const nlohmann::json meta, json_fields::Object(item, "metadata"));
      PLIMSOLL_ASSIGN_OR_RETURN(std::string uid, json_fields::String(meta, "uid"));
      uids.insert(std::move(uid));
    }
  } while (!next.empty());
  return uids;
}

Result<TpmIdentity> IdentityStore::Create(const TpmIdentity& identity) {
  const auto body = client_.Create(RefOf(""), identity.EncodeForCreate());
  if (!body) {
    return Wrap("create TPMIdentity", body.error());
  }
  return TpmIdentity::Parse(*body);
}

Status IdentityStore::Delete(const TpmIdentity& identity) {
  const Status deleted = client_.Delete(
      RefOf(identity.meta.name),
      {.uid = identity.meta.uid, .resource_version = identity.meta.resource_version});
  if (!deleted && deleted.error().code != ErrorCode::kNotFound) {
    return Wrap("delete TPMIdentity", deleted.error());
  }
  return {};
}

Result<TpmIdentity> IdentityStore::WriteStatus(const TpmIdentity& identity) {
  const auto body =
      client_.UpdateStatus(RefOf(identity.meta.name), identity.EncodeForStatusUpdate());
  if (!body) {
    return Wrap("write TPMIdentity status", body.error());
  }
  return TpmIdentity::Parse(*body);
}

Result<TpmIdentity> IdentityStore::Update(const std::string& name, const std::string& uid,
                                          const Change& change) {
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    PLIMSOLL_ASSIGN_OR_RETURN(std::optional<TpmIdentity> current, Get(name));
    if (!current || (!uid.empty() && current->meta.uid != uid)) {
      return Fail(ErrorCode::kNotFound, "the TPMIdentity is gone");
    }
    if (!change(*current)) {
      return *std::move(current);
    }
    Result<TpmIdentity> written = WriteStatus(*current);
    if (written || written.error().code != ErrorCode::kConflict) {
      return written;
    }
  }
  return Fail(ErrorCode::kConflict, "the TPMIdentity is being written by others", Retry::kBackoff);
}

}  // namespace plimsoll::controller::identity
