#pragma once

#include <memory>
#include <vector>

#include "policy/compiled_policy.h"
#include "tcg/pcr_selection.h"

namespace plimsoll::appraisal {

// The PCRs to ask a node for: PCR 0-15 and 23 of the strongest bank that its policies read (SHA-256
// where none does), and whatever else they read, of those that it `offered`. A node that offers
// none of the wanted banks is asked for PCR 0-15 of its strongest, so that its facts are known; its
// policies are then WrongBank. Empty only when nothing was offered, or when even that holds no PCR.
tcg::PcrSelection SelectPcrs(
    const std::vector<std::shared_ptr<const policy::CompiledPolicy>>& policies,
    const tcg::PcrSelection& offered);

}  // namespace plimsoll::appraisal
