#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "kubectl-plugin/program.h"
#include "policy/compiled_policy.h"

namespace plimsoll::plugin {

// What policy files hold: every policy compiled against the objects of all the files.
struct PolicySet {
  std::vector<std::shared_ptr<const policy::CompiledPolicy>> policies;  // in the order of the files
  policy::Authorities authorities;
};

// The same objects before policies are compiled, for whoever has others to compile them with.
struct PolicyObjects {
  std::vector<policy::AttestationPolicy> policies;
  policy::PolicyInputs inputs;
};

// How IMA allow-lists of ReferenceValues are taken.
enum class AllowListFiles : uint8_t {
  kRead,     // by fileName, from the folder of their policy file
  kAssumed,  // taken for there and empty: where IMA lists are not judged
};

Result<PolicyObjects> ReadPolicyObjects(const std::vector<std::string>& files,
                                        AllowListFiles allow_lists,
                                        const Surroundings& surroundings);

// Reads YAML files of AttestationPolicy, ReferenceValues and EndorsementAuthority objects. Fails
// for a file that is not YAML of those kinds, for an unknown field, and for an object that is there
// twice. A value that cannot be obeyed is no failure: the policy is then not ready.
//
// An IMA allow-list that ReferenceValues name by fileName is read from the folder of their file; of
// one that cannot be read, policies say that it is not there.
Result<PolicySet> ReadPolicies(const std::vector<std::string>& files,
                               const Surroundings& surroundings);

// The same for a text; `origin` is what messages call it.
Result<PolicySet> ReadPolicyText(const std::string& text, const std::string& origin,
                                 const Surroundings& surroundings);

}  // namespace plimsoll::plugin
