#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "appraisal/judgement.h"

namespace plimsoll::plugin {

// What two machines booted differently. Members are there only where something differs, so that
// equal facts give an empty object:
//
//  {"pcrs": [{"bank", "index", "left", "right"}], "eventLog"/"secureBoot"/"firmwareVersion"/
//   "tpmFirmware"/"sbatLevel": {"left", "right"},
//   "databases": {"dbx": {"onlyLeft": [], "onlyRight": []}},
//   "components": [{"role", "name", "left": [{"event", "digest"}], "right": []}],
//   "commandLines": {"onlyLeft": [], "onlyRight": []}, "arguments": {"onlyLeft": [], ...}}
//
// Clocks, boot ids and PCR 10, which differ always, are left out. `pcrs` says which PCRs were
// quoted on one side only by an empty value.
nlohmann::ordered_json DiffFacts(const appraisal::Facts& left, const appraisal::Facts& right);

// The same in short phrases, most telling first: "Secure Boot", "dbx", "BootLoader
// \EFI\debian\grubx64.efi", "PCR 0". Of PCRs only those that nothing else explains.
std::vector<std::string> DifferencesInWords(const nlohmann::ordered_json& diff);

}  // namespace plimsoll::plugin
