#pragma once

#include <string>

#include "appraisal/appraisal.h"
#include "base/result.h"
#include "evidence/bundle.h"
#include "kubectl-plugin/policy_files.h"
#include "kubectl-plugin/program.h"

namespace plimsoll::plugin {

// The bundle in a file; the message of a failure names the file.
Result<evidence::BundleDocument> ReadBundle(const std::string& path,
                                            const Surroundings& surroundings);

// The appraisal of a bundle by every given policy, as the controller would make it, but for what
// only a cluster knows: who approved the identity, what was recorded before (verification.md,
// decided detail 10). Fails when the bundle's frame is unusable, or a check could not be made.
Result<appraisal::Appraisal> AppraiseBundle(const evidence::BundleDocument& bundle,
                                            const PolicySet& policies, const Clock& clock);

}  // namespace plimsoll::plugin
