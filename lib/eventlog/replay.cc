#include "eventlog/replay.h"

#include <algorithm>

#include "crypto/digest.h"

namespace plimsoll::eventlog {
namespace {

constexpr uint8_t kHcrtmLocality = 4;

// What PCR 0 holds before its first extend.
uint8_t StartOfPcr0(const EventLog& log) {
  if (log.startup_locality()) {
    return *log.startup_locality();
  }
  const auto events = log.events();
  const auto first = std::find_if(events.begin(), events.end(), [](const Event& event) {
    return event.pcr == 0 && event.type != EventType::kNoAction;
  });
  const bool hcrtm = first != events.end() && first->type == EventType::kEfiHcrtmEvent;
  return hcrtm ? kHcrtmLocality : 0;
}

}  // namespace

Replay ReplayBank(const EventLog& log, tcg::AlgorithmId bank) {
  Replay replay;
  replay.bank = bank;
  const Bank* declared = log.FindBank(bank);
  replay.declared = declared != nullptr;
  replay.is_void = replay.declared && declared->is_void;
  if (!replay.usable()) {
    return replay;
  }
  crypto::Hasher hasher(bank);
  for (const Event& event : log.events()) {
    if (event.type == EventType::kNoAction) {
      continue;
    }
    std::optional<Bytes>& value = replay.pcrs[event.pcr];
    if (!value) {
      value.emplace(tcg::DigestSize(bank), uint8_t{0});
      value->back() = event.pcr == 0 ? StartOfPcr0(log) : uint8_t{0};
    }
    hasher.Update(*value).Update(log.DigestOf(event, bank)).FinishInto(*value);
  }
  return replay;
}

Bytes ExtendPhases(tcg::AlgorithmId bank, ByteSpan start, std::string_view phases) {
  Bytes value = ToBytes(start);
  while (!phases.empty()) {
    const size_t colon = std::min(phases.find(':'), phases.size());
    const Bytes word = crypto::Digest(bank, {AsBytes(phases.substr(0, colon))});
    value = crypto::Digest(bank, {value, word});
    phases.remove_prefix(std::min(colon + 1, phases.size()));
  }
  return value;
}

}  // namespace plimsoll::eventlog
