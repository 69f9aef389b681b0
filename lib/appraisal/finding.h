#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "appraisal/reason.h"
#include "tcg/algorithm.h"

namespace plimsoll::appraisal {

struct PcrReference {
  tcg::AlgorithmId bank = tcg::AlgorithmId::kSha256;
  uint32_t index = 0;
};

// An event of the boot event log, or an entry of the IMA list.
struct EventReference {
  uint32_t index = 0;  // from 0, the header of a log counted
  std::string type;    // "EV_EFI_BOOT_SERVICES_APPLICATION", "ima-ng"; empty: not known
};

// One thing that a check found, for people and for conditions, Events and status. Text from
// evidence is escaped.
//
// Findings say what would have been accepted, so they are for whoever may read the policies, and
// never for the answer to an agent.
struct Finding {
  std::string_view check;        // id of the check, static text: "Q12"
  std::optional<Reason> reason;  // absent: a remark, which fails nothing
  std::optional<PcrReference> pcr = {};
  std::optional<EventReference> event = {};
  std::string observed = {};  // hex, where a digest
  std::string expected = {};  // the closest accepted value
  std::string closest = {};   // the ReferenceValues object that has it; empty: the policy itself
  std::string message = {};   // a sentence
};

using Findings = std::vector<Finding>;

}  // namespace plimsoll::appraisal
