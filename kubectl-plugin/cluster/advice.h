#pragma once

#include <string>

#include "appraisal/reason.h"

namespace plimsoll::plugin {

// What a person should do about a node whose verdict has this reason: one or two sentences, with
// the node's name in the commands. Empty where there is nothing to do.
std::string AdviceFor(appraisal::Reason reason, const std::string& node);

}  // namespace plimsoll::plugin
