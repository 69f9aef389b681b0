#pragma once

#include <string_view>

#include "base/result.h"
#include "policy/label_selector.h"

namespace plimsoll::policy {

// The metav1.LabelSelector that is member `key` of the JSON object `spec`. kMalformed, with the
// field's name, when it is missing or not one to the letter: a selector of which a part was dropped
// would select other objects than people meant.
Result<LabelSelector> ParseSelector(std::string_view spec, const char* key);

}  // namespace plimsoll::policy
