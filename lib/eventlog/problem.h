#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "eventlog/event_type.h"

namespace plimsoll::eventlog {

// What a Problem means for a rule that reads its PCR.
enum class Severity : uint8_t {
  kMalformed,  // the log cannot be what firmware wrote: EventLogMalformed
  kDenies,     // something that a rule may want is not proven, for the reason in `message`
  kNotice,     // worth a finding; decides nothing
};

// Something in a log that is not as it must be, kept so that it can be judged later, when a policy
// says which PCRs are read.
struct Problem {
  std::string check;  // id of the check that found it: "L11", "B2"
  Severity severity = Severity::kMalformed;
  uint32_t pcr = 0;
  std::optional<uint32_t> event;        // index in the log; none when something is missing
  EventType type = EventType::kUnused;  // what the log calls that event, if there is one
  std::string message;                  // a sentence for people; foreign text in it is escaped

  friend bool operator==(const Problem&, const Problem&) = default;
};

}  // namespace plimsoll::eventlog
