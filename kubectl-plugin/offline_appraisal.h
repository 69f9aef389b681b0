#pragma once

#include <vector>

#include "appraisal/appraisal.h"
#include "base/result.h"
#include "evidence/bundle.h"
#include "kubectl-plugin/policy_files.h"
#include "kubectl-plugin/program.h"

namespace plimsoll::plugin {

// The appraisal of a bundle by every given policy, as the controller would make it, but for what
// only a cluster knows: who approved the identity, what was recorded before (verification.md,
// decided detail 10). Fails when the bundle's frame is unusable, or a check could not be made.
Result<appraisal::Appraisal> AppraiseBundle(const evidence::BundleDocument& bundle,
                                            const PolicySet& policies, const Clock& clock);

}  // namespace plimsoll::plugin
