#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/bytes.h"
#include "evidence/challenge.h"
#include "tcg/pcr_selection.h"

// How the encoders of this module write JSON. Internal to lib/evidence.
namespace plimsoll::evidence {

// Never throws: a byte that is not UTF-8 becomes U+FFFD.
std::string Dump(const nlohmann::json& document);

nlohmann::json ToJson(const tcg::PcrSelection& selection);  // as the protocol lists banks
nlohmann::json ToJson(const LogName& log);

}  // namespace plimsoll::evidence
