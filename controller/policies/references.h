#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "controller/objects.h"
#include "controller/policies/policy_objects.h"
#include "controller/policies/texts.h"
#include "ima/allow_list.h"
#include "policy/compiled_policy.h"
#include "policy/endorsement_authority.h"
#include "policy/reference_values.h"

// The objects that policies refer to, with the texts that they take from elsewhere.
namespace plimsoll::controller::policies {

// A ReferenceValues object as policies can use it.
struct ResolvedReference {
  policy::ReferenceSet set;                         // never null
  std::shared_ptr<const ima::AllowList> files;      // null when it names none, or with a problem
  std::string files_problem;                        // why its allow-list cannot be used
  std::vector<std::string> inputs;                  // "kind uid version" lines of all read for it
  std::optional<std::chrono::sys_seconds> changes;  // when its validity next changes by itself
};

struct ResolvedAuthority {
  std::shared_ptr<const policy::EndorsementAuthority> authority;  // never null
  std::vector<std::string> inputs;
};

// Keeps what it has resolved until an object or a text has another version. Thread-safe; reading a
// large allow-list (some hundred milliseconds) is done once, by whoever asks first, while others
// that ask for the same one wait.
class References {
 public:
  // All must outlive it.
  References(const Lookup<AuthorityObject>& authorities, const Lookup<ReferenceObject>& references,
             const Texts& texts)
      : authorities_(authorities), references_(references), texts_(texts) {}

  // Null where there is no such object. `now` decides about validity.
  std::shared_ptr<const ResolvedReference> Reference(const std::string& name,
                                                     std::chrono::sys_seconds now) const;
  std::shared_ptr<const ResolvedAuthority> Authority(const std::string& name) const;

 private:
  template <class T>
  struct Kept {
    std::mutex mutex;
    std::string versions;
    std::shared_ptr<const T> resolved;
  };
  template <class T>
  using Store = std::map<std::string, std::shared_ptr<Kept<T>>>;

  template <class T>
  std::shared_ptr<Kept<T>> Slot(Store<T>& store, const std::string& name) const;

  const Lookup<AuthorityObject>& authorities_;
  const Lookup<ReferenceObject>& references_;
  const Texts& texts_;
  mutable std::mutex mutex_;
  mutable Store<ResolvedReference> resolved_references_;
  mutable Store<ResolvedAuthority> resolved_authorities_;
};

// Every set that the policy names, once.
std::set<std::string> SetsNamedBy(const policy::AttestationPolicy& policy);

// One version of an object, as a line of the inputs (api: status.inputs).
std::string InputLine(std::string_view kind, const policy::ObjectMeta& meta,
                      std::string_view more = {});

}  // namespace plimsoll::controller::policies
