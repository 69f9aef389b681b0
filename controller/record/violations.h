#pragma once

#include <vector>

#include "appraisal/finding.h"
#include "controller/objects.h"

// Findings of an appraisal as a NodeAttestation stores them, and back.
namespace plimsoll::controller::record {

// Texts are cut at the bounds of the schema.
Violation ToViolation(const appraisal::Finding& finding);

appraisal::Findings ToFindings(const std::vector<Violation>& violations);

}  // namespace plimsoll::controller::record
