#pragma once

#include <optional>

#include "policy/label_selector.h"
#include "policy/spec_reader.h"

namespace plimsoll::policy {

// The label selector that member `key` of `spec` holds; nullopt when it is missing or could not be
// read to the letter. Internal to lib/policy.
std::optional<LabelSelector> ReadSelector(SpecReader& spec, const char* key, Problem& outer);

}  // namespace plimsoll::policy
