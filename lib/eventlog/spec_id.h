#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "eventlog/event_log.h"

// Private to lib/eventlog: the header of crypto-agile logs.
namespace plimsoll::eventlog {

// Whether the data of the first event calls itself a Spec ID event, of whatever version.
bool IsSpecId(ByteSpan data);

// Whether it is that of a crypto-agile log.
bool IsCryptoAgileSpecId(ByteSpan data);

// The banks of a TCG_EfiSpecIDEvent (PFP 1.06, 10.4.5.1), all of which must be as the registry of
// algorithms has them (L6): version 2.0, 1 to kMaxBanks algorithms, none twice, digest sizes those
// of the algorithms, no byte too many. The error is a sentence.
tl::expected<std::vector<Bank>, std::string> ReadSpecId(ByteSpan data);

// Whether data of a legacy log's first event is a Spec ID of the TPM 1.2 era.
bool IsTpm12SpecId(ByteSpan data);

}  // namespace plimsoll::eventlog
