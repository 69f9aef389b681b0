#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace plimsoll::kube {

// A kind of object and where the API server keeps it.
struct ResourceKind {
  std::string_view group;  // "" for the core group
  std::string_view version;
  std::string_view kind;
  std::string_view plural;
  bool namespaced;
};

inline constexpr ResourceKind kNode{"", "v1", "Node", "nodes", false};
inline constexpr ResourceKind kNamespace{"", "v1", "Namespace", "namespaces", false};
inline constexpr ResourceKind kSecret{"", "v1", "Secret", "secrets", true};
inline constexpr ResourceKind kConfigMap{"", "v1", "ConfigMap", "configmaps", true};
inline constexpr ResourceKind kLease{"coordination.k8s.io", "v1", "Lease", "leases", true};
inline constexpr ResourceKind kEvent{"events.k8s.io", "v1", "Event", "events", true};
inline constexpr ResourceKind kTokenReview{"authentication.k8s.io", "v1", "TokenReview",
                                           "tokenreviews", false};
inline constexpr ResourceKind kAttestationPolicy{"plimsoll.dev", "v1alpha1", "AttestationPolicy",
                                                 "attestationpolicies", false};
inline constexpr ResourceKind kEndorsementAuthority{
    "plimsoll.dev", "v1alpha1", "EndorsementAuthority", "endorsementauthorities", false};
inline constexpr ResourceKind kTpmIdentity{"plimsoll.dev", "v1alpha1", "TPMIdentity",
                                           "tpmidentities", false};
inline constexpr ResourceKind kNodeAttestation{"plimsoll.dev", "v1alpha1", "NodeAttestation",
                                               "nodeattestations", false};

inline constexpr ResourceKind kReferenceValues{"plimsoll.dev", "v1alpha1", "ReferenceValues",
                                               "referencevalues", false};
inline constexpr ResourceKind kAttestationException{
    "plimsoll.dev", "v1alpha1", "AttestationException", "attestationexceptions", false};
inline constexpr ResourceKind kClusterTrustBundle{
    "certificates.k8s.io", "v1beta1", "ClusterTrustBundle", "clustertrustbundles", false};
inline constexpr ResourceKind kControllerRevision{"apps", "v1", "ControllerRevision",
                                                  "controllerrevisions", true};
inline constexpr ResourceKind kDeployment{"apps", "v1", "Deployment", "deployments", true};
inline constexpr ResourceKind kPod{"", "v1", "Pod", "pods", true};

// "v1" or "coordination.k8s.io/v1".
std::string ApiVersion(const ResourceKind& kind);

// One object: Client::Get({kNode, "worker-1"}). The namespace is empty for cluster-scoped kinds.
struct ResourceRef {
  ResourceKind kind;
  std::string name;
  std::string namespace_name = {};
};

// "/api/v1/nodes/worker-1", "/apis/plimsoll.dev/v1alpha1/nodeattestations/worker-1/status",
// percent-encoded. The collection when `ref.name` is empty.
std::string ResourcePath(const ResourceRef& ref, std::string_view subresource = {});

// metav1.ObjectMeta, as far as it is used; managedFields are dropped.
struct ObjectMeta {
  std::string name;
  std::string namespace_name;
  std::string uid;
  std::string resource_version;  // opaque: compared for equality only
  int64_t generation = 0;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  WallTime creation_timestamp;
  std::optional<WallTime> deletion_timestamp;
};

// The metadata of an object. kMalformed when it has no metadata or name, or a field has another
// type than Kubernetes gives it.
Result<ObjectMeta> ParseObjectMeta(std::string_view object_json);
Result<ObjectMeta> ParseObjectMeta(const nlohmann::json& object);

// The frame of an object for server-side apply: apiVersion, kind and metadata with name, namespace,
// uid and resourceVersion (each left out when empty). Give the uid whenever the object must exist:
// an apply to an absent object creates it, but not when a uid is named (409).
nlohmann::json ApplyFrame(const ResourceRef& ref, const std::string& uid,
                          const std::string& resource_version = {});

}  // namespace plimsoll::kube
