#pragma once

#include <nlohmann/json_fwd.hpp>

#include "evidence/evidence.h"
#include "evidence/json_reader.h"

// The members that the body of POST /v1/evidence and the `evidence` of a bundle have in common.
// Internal to lib/evidence: it shows simdjson.
namespace plimsoll::evidence {

Result<Evidence> ReadEvidence(ObjectReader reader, bool statement_required);

nlohmann::json ToJson(const Evidence& evidence);

}  // namespace plimsoll::evidence
