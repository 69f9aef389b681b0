#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "controller/objects.h"
#include "kube/client.h"

namespace plimsoll::controller::identity {

// TPMIdentity objects as the API server has them at this moment, for decisions that a cache that is
// behind would get wrong. Thread-safe.
class IdentityStore {
 public:
  // Changes the object in place; false leaves it as it is. Called again with a newer object after a
  // conflict, so it must not have other effects.
  using Change = std::function<bool(TpmIdentity& identity)>;

  explicit IdentityStore(kube::Client& client) : client_(client) {}

  // nullopt when there is none.
  Result<std::optional<TpmIdentity>> Get(const std::string& name) const;

  // All whose spec.nodeName is `node_name`, by name. One that cannot be read fails the whole: what
  // it says could forbid what its reader is about to do.
  Result<std::vector<TpmIdentity>> OnNode(const std::string& node_name) const;

  // The UIDs of all AttestationPolicy objects that there are at this moment.
  Result<std::set<std::string, std::less<>>> PolicyUids() const;

  // Fails with kConflict when one of that name exists.
  Result<TpmIdentity> Create(const TpmIdentity& identity);

  // Deletes exactly this version: kConflict when it has changed since, success when it is gone.
  Status Delete(const TpmIdentity& identity);

  // Writes identity.status over exactly the version that identity.meta names.
  Result<TpmIdentity> WriteStatus(const TpmIdentity& identity);

  // Reads, changes and writes the status, again while others write in between, at most
  // kMaxAttempts times. Returns the object as it then is; kNotFound when there is none with that
  // uid (any uid when it is empty).
  Result<TpmIdentity> Update(const std::string& name, const std::string& uid, const Change& change);

  static constexpr int kMaxAttempts = 8;

 private:
  kube::Client& client_;
};

}  // namespace plimsoll::controller::identity
