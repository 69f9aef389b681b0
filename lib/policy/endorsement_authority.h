#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "crypto/endorsement_verdict.h"
#include "policy/object_meta.h"

namespace plimsoll::policy {

// A text that an EndorsementAuthority takes from another object.
struct AuthorityReference {
  enum class Kind : uint8_t { kConfigMap, kClusterTrustBundle };

  Kind kind = Kind::kConfigMap;
  std::string namespace_name;  // of a ConfigMap
  std::string name;
  std::string key;  // of a ConfigMap's data or binaryData

  auto operator<=>(const AuthorityReference&) const = default;
};

// "ConfigMap plimsoll-system/vendors, key ca.pem" or "ClusterTrustBundle vendors".
std::string ToText(const AuthorityReference& reference);

// What whoever reads other objects has read of them.
using ReferencedTexts = std::map<AuthorityReference, std::string>;

// An EndorsementAuthority object: whose EK certificates count (api.md, 2).
//
// `problem` as in AttestationPolicy: an authority that cannot be obeyed to the letter admits
// nobody, and policies that name it are not ready. That is so too for one that refers to a text
// that was not given.
struct EndorsementAuthority {
  ObjectMeta meta;
  std::optional<crypto::EndorsementRoots> roots;  // of all bundles; absent when there is a problem
  crypto::EndorsementRules rules;                 // everything else
  std::vector<AuthorityReference> references;     // all that it has, given or not; in order
  std::string problem;
  std::string unknown_field;  // the first, when the problem is a field that is not known

  // From the object's JSON. Fails only when it is no EndorsementAuthority with a name.
  static Result<EndorsementAuthority> Parse(std::string_view json,
                                            const ReferencedTexts& texts = {});

  // crypto::VerifyEndorsement by this authority. kUnsupported when there is a problem.
  Result<crypto::EndorsementVerdict> Verify(const crypto::EndorsementCertificate& certificate,
                                            const std::vector<Bytes>& offered, WallTime now) const;
};

// By name. Objects are immutable once shared.
using Authorities = std::map<std::string, std::shared_ptr<const EndorsementAuthority>, std::less<>>;

}  // namespace plimsoll::policy
