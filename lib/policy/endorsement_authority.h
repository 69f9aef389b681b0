#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/endorsement_chain.h"
#include "policy/object_meta.h"

namespace plimsoll::policy {

// An EndorsementAuthority object: whose EK certificates count.
//
// `problem` as in AttestationPolicy: an authority that cannot be obeyed to the letter admits
// nobody, and policies that name it are not ready.
struct EndorsementAuthority {
  ObjectMeta meta;
  std::optional<crypto::EndorsementRoots> roots;   // of all bundles; absent when there is a problem
  std::vector<std::string> allowed_manufacturers;  // TCG vendor ids; empty = all
  crypto::ChainOptions chain;                      // validity, extendedKeyUsage
  std::string problem;

  // From the object's JSON. Fails only when it is no EndorsementAuthority with a name.
  static Result<EndorsementAuthority> Parse(std::string_view json);

  // Whether the manufacturer's certificates count.
  bool Allows(std::string_view manufacturer) const;
};

// By name. Objects are immutable once shared.
using Authorities = std::map<std::string, std::shared_ptr<const EndorsementAuthority>, std::less<>>;

}  // namespace plimsoll::policy
