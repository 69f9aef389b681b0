#pragma once

#include <nlohmann/json_fwd.hpp>

#include "appraisal/appraisal.h"
#include "eventlog/facts.h"

// What an appraisal has proven, in the words of the API (NodeAttestation status.boot and
// status.ima, and the `facts` of `kubectl plimsoll verify`).
namespace plimsoll::appraisal {

// {"eventLog": "Replayed", "detail", "logDigest", "bank", "secureBoot", "databases", "components",
//  "kernelCommandLine", ...}. Lists as eventlog::BootFacts bounds them.
nlohmann::ordered_json ToJson(const BootEvidence& boot);

// The facts alone, without how they stand to a quote: members of the object above.
nlohmann::ordered_json ToJson(const eventlog::BootFacts& facts);

// {"pcrs": [...], "clock", "firmwareVersion", "boot", "ima"}; empty when nothing was proven.
nlohmann::ordered_json FactsOf(const Appraisal& appraisal);

// One finding, with its policy's name ("" for one about the evidence itself).
nlohmann::ordered_json ToJson(const Finding& finding, std::string_view policy);

}  // namespace plimsoll::appraisal
